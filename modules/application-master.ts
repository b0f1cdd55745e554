/**
 * Application master: the process above one application's tree, and the leader of all that it starts.
 *
 * Invariants:
 *  1. When it ends in any way but by a kill, no process of the application is left.
 *  2. The controller is told once how the start went, and after what a failed start has begun is gone.
 *
 * Source: OTP, `application_master`; SEMANTICS 15.
 */

import {
  type Call,
  type Down,
  dictionary,
  type Exit,
  exit,
  exitReason,
  hibernate,
  killGroup,
  log,
  monitor,
  type Pid,
  type Ref,
  receive,
  reply,
  self,
  send,
  setGroupLeader,
  setLabel,
  trapExit,
} from 'tsvm';
import * as master from './application-master.js';
import type {
  ApplicationModule,
  ApplicationStart,
  ConfigChange,
  StartPhase,
  StartType,
} from './application-types.js';
import { inWords } from './reasons.js';

/** What one application runs; its phases are those of the applications that it includes, too. */
export interface Launch {
  readonly name: string;
  readonly module: ApplicationModule;
  readonly argument: unknown;
  readonly phases: readonly { readonly module: ApplicationModule; readonly phase: StartPhase }[];
}

/** How a start went, for the controller. */
export interface Launched {
  readonly type: '$launched';
  readonly name: string;
  readonly master: Pid;
  /** undefined: it runs. */
  readonly failure: { readonly reason: unknown } | undefined;
}

/** It has ended by itself, and nothing of it is left. A message, as it is no failure of the master. */
export interface Ended {
  readonly type: '$ended';
  readonly name: string;
  readonly master: Pid;
  readonly reason: unknown;
}

export type MasterMessage = { readonly type: '$stop' } | Call<ConfigChange, unknown> | Down | Exit;

/** A callback module as it is called: what its functions really take is known to the compiler only. */
interface Callbacks {
  readonly start: (argument: unknown, type: StartType) => unknown;
  readonly startPhase?: (phase: string, argument: unknown) => unknown;
  readonly prepStop?: (state: unknown) => unknown;
  readonly stop?: (state: unknown) => unknown;
  readonly configChange?: (change: ConfigChange) => unknown;
}

interface Running {
  readonly controller: Pid<Launched | Ended>;
  readonly name: string;
  readonly module: Callbacks;
  readonly top: Pid;
  readonly ref: Ref;
  readonly state: unknown;
}

const APPLICATION = '$application';

/** The application that the calling process is the master of. */
export function ownApplication(): string | undefined {
  return dictionary.get(APPLICATION) as string | undefined;
}

export async function start(controller: Pid<Launched | Ended>, launch: Launch): Promise<void> {
  const { name } = launch;
  trapExit(true);
  setGroupLeader(self());
  setLabel(`application ${name}`);
  dictionary.put(APPLICATION, name);
  let running: Running | undefined;
  try {
    running = await begin(controller, launch);
    await runPhases(launch);
  } catch (thrown) {
    const reason = exitReason(thrown);
    if (running === undefined) await killGroup(self());
    else await shutDown(running, running.state);
    tell(controller, name, { reason });
    exit('normal');
  }
  tell(controller, name, undefined);
  return await master.loop(running);
}

function tell(controller: Pid<Launched>, name: string, failure: Launched['failure']): void {
  send(controller, { type: '$launched', name, master: self(), failure });
}

async function begin(controller: Running['controller'], launch: Launch): Promise<Running> {
  const module = launch.module as Callbacks;
  const given = (await module.start(launch.argument, 'normal')) as ApplicationStart | undefined;
  const top = typeof given === 'object' && given !== null ? given.pid : given;
  if (typeof top !== 'string' || !(top as string).startsWith('<')) {
    exit({ kind: 'bad_return_value', value: String(given) });
  }
  const pid = top as unknown as Pid;
  return {
    controller,
    name: launch.name,
    module,
    top: pid,
    ref: monitor(pid),
    state: typeof given === 'object' ? given.state : undefined,
  };
}

async function runPhases({ phases }: Launch): Promise<void> {
  for (const { module, phase } of phases) {
    const [name, argument] = phase;
    await (module as Callbacks).startPhase?.(name, argument);
  }
}

/** Entered anew for each message, so that it moves to a new version of this module. */
export async function loop(running: Running): Promise<never> {
  const message = await receive<MasterMessage>();
  await handle(running, message);
  return await hibernate(master.loop, running);
}

async function handle(running: Running, message: MasterMessage): Promise<void> {
  switch (message?.type) {
    case '$stop':
      await stop(running);
      exit('normal');
      break;
    case 'EXIT':
      // Of a top that died before it could be monitored, this alone knows why.
      if (message.from === running.top) await ended(running, message.reason);
      if (message.from !== running.controller) return;
      await stop(running);
      exit(message.reason);
      break;
    case 'DOWN':
      if (message.ref === running.ref) await ended(running, message.reason);
      break;
    case 'call':
      reply(message.from, await changeConfig(running, message.request));
      break;
    default:
      // Whatever else the application sends to its leader.
      break;
  }
}

/** @returns undefined, or why the callback failed */
async function changeConfig({ name, module }: Running, change: ConfigChange): Promise<unknown> {
  return await attempt(name, 'configChange', () => module.configChange?.(change));
}

async function ended(running: Running, reason: unknown): Promise<never> {
  await bury(running, await prepareStop(running));
  const { controller, name } = running;
  send(controller, { type: '$ended', name, master: self(), reason });
  return exit('normal');
}

async function stop(running: Running): Promise<void> {
  await shutDown(running, await prepareStop(running));
}

async function shutDown(running: Running, state: unknown): Promise<void> {
  const { top, ref } = running;
  exit(top, 'shutdown');
  await receive((message: Down) => message?.type === 'DOWN' && message.ref === ref);
  await bury(running, state);
}

async function prepareStop({ name, module, state }: Running): Promise<unknown> {
  const { prepStop } = module;
  if (prepStop === undefined) return state;
  let next = state;
  await attempt(name, 'prepStop', async () => {
    next = await prepStop(state);
  });
  return next;
}

/** The top is dead: end what is left, and let the callback module tidy up. */
async function bury({ name, module }: Running, state: unknown): Promise<void> {
  await killGroup(self());
  // What `stop` starts is not to die with the group.
  setGroupLeader(undefined);
  await attempt(name, 'stop', () => module.stop?.(state));
}

/** A callback that fails stops neither the stop nor the master. */
async function attempt(name: string, callback: string, run: () => unknown): Promise<unknown> {
  try {
    await run();
    return undefined;
  } catch (thrown) {
    const reason = exitReason(thrown);
    log.error(`application ${name}: ${callback} failed: ${inWords(reason)}`, {
      domain: ['otp'],
      reason,
    });
    return reason;
  }
}
