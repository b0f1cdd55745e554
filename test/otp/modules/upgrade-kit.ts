/** Upgrades: what the tests let processes do while modules are replaced under them. */
import {
  type Call,
  call,
  type Pid,
  type PlainName,
  receive,
  register,
  reply,
  schedulers,
  self,
  send,
  sleep,
  spawnOpt,
  whereis,
} from 'tsvm';
import * as genEvent from 'tsvm/gen-event';
import * as genServer from 'tsvm/gen-server';
import * as genStatem from 'tsvm/gen-statem';
import * as procLib from 'tsvm/proc-lib';
import * as supervisor from 'tsvm/supervisor';
import * as sys from 'tsvm/sys';
import * as kit from './upgrade-kit.js';

type Any = Pid<never>;
type Module = genServer.CallbackModule;

async function named<M>(name: string): Promise<M> {
  return (await import(`./${name}.js`)) as M;
}

/** Start servers of a module, each with its number as argument, on all schedulers in turn. */
export async function startMany(name: string, count: number): Promise<readonly Pid[]> {
  const module = await named<Module>(name);
  const pids: Pid[] = [];
  for (let n = 1; n <= count; n++) {
    const options = { scheduler: 1 + (n % schedulers()) };
    pids.push((await genServer.start(module, n as never, options)) as Pid);
  }
  return pids;
}

export async function startNamed(name: string, as: string): Promise<Pid> {
  return (await genServer.start(await named<Module>(name), 0 as never, { name: as })) as Pid;
}

export function ask(pid: Any | string, request: unknown, timeoutMs?: number): Promise<unknown> {
  return genServer.call(pid as PlainName, request, timeoutMs);
}

export async function askAll(pids: readonly Any[], request: unknown): Promise<readonly unknown[]> {
  const answers: unknown[] = [];
  for (const pid of pids) answers.push(await ask(pid, request));
  return answers;
}

export async function stopAll(pids: readonly Any[]): Promise<void> {
  for (const pid of pids) await genServer.stop(pid).catch(() => undefined);
}

/** What a caller has seen. */
export interface Traffic {
  readonly answered: number;
  readonly failures: readonly unknown[];
  /** The longest that a call took. */
  readonly longestMs: number;
}

/** Call one after the other, without a pause, until somebody asks what came of it. */
export async function traffic(pids: readonly Any[], request: unknown): Promise<void> {
  let answered = 0;
  let longestMs = 0;
  const failures: unknown[] = [];
  for (let at = 0; ; at++) {
    const begun = performance.now();
    try {
      await ask(pids[at % pids.length] as Any, request);
      answered += 1;
    } catch (error) {
      failures.push((error as { reason?: unknown }).reason ?? String(error));
    }
    longestMs = Math.max(longestMs, performance.now() - begun);
    const asked = await receive((message: Call<'stop', Traffic>) => message?.type === 'call', 0);
    if (typeof asked !== 'symbol') {
      reply(asked.from, { answered, failures, longestMs });
      return;
    }
  }
}

export function startTraffic(
  pids: readonly Any[],
  request: unknown,
  callers: number,
): readonly Pid[] {
  return Array.from({ length: callers }, (_, n) =>
    spawnOpt({ scheduler: 1 + (n % schedulers()) }, kit.traffic, pids, request),
  ) as readonly Pid[];
}

export async function stopTraffic(callers: readonly Pid[]): Promise<readonly Traffic[]> {
  const seen: Traffic[] = [];
  for (const caller of callers)
    seen.push(await call<'stop', Traffic>(caller as Pid<Call<'stop', Traffic>>, 'stop'));
  return seen;
}

// ---- the other behaviours -----------------------------------------------------------------------

export async function startStatem(name: string): Promise<Pid> {
  return (await genStatem.start(
    (await named(name)) as never,
    undefined as never,
  )) as unknown as Pid;
}

export async function startEvents(name: string, ids: readonly string[]): Promise<Pid> {
  const manager = await genEvent.start<unknown>();
  const module = await named<genEvent.HandlerModule<unknown>>(name);
  for (const id of ids) await genEvent.addHandler(manager, [module, id], id as never);
  return manager as unknown as Pid;
}

export async function askHandler(manager: Pid, name: string, id: string): Promise<unknown> {
  const module = await named<genEvent.HandlerModule<never>>(name);
  return await genEvent.call(manager as never, [module, id] as never, { type: 'get' } as never);
}

export async function startSupervisor(name: string, argument: unknown): Promise<void> {
  const module = await named<supervisor.SupervisorModule>(name);
  await supervisor.startLink(module, argument as never, { name: 'upgraded_sup' });
  await receive();
}

export async function childIds(): Promise<readonly (string | undefined)[]> {
  const children = await supervisor.whichChildren('upgraded_sup' as never);
  return children.map(({ id }) => id);
}

export async function childPids(): Promise<readonly unknown[]> {
  const children = await supervisor.whichChildren('upgraded_sup' as never);
  return children.map(({ pid }) => pid);
}

export async function startDynamic(): Promise<Pid> {
  return (await supervisor.startChild('upgraded_sup' as never, [])).pid as Pid;
}

export function startWorker(): Promise<Pid> {
  return procLib.startLink({}, kit.worker);
}

/** A special process of its own, without a callback module. */
export async function worker(): Promise<void> {
  procLib.initAck(self());
  await receive((message: unknown) => message === 'never');
}

export function startSpecial(name: string): Promise<Pid> {
  return procLib.start({}, kit.special, name);
}

/** A process that takes system messages and says which module it uses. */
export async function special(name: string): Promise<void> {
  const module = await named<Special>(name);
  await procLib.useModules(module);
  let state = module.initial();
  procLib.initAck(self());
  for (;;) {
    const message = await receive<sys.SystemMessage | Call<'get', unknown>>();
    if (message.type === 'call') {
      reply(message.from, state);
      continue;
    }
    state = await sys.handleSystemMessage(message, state, {
      behaviour: 'special',
      module,
      parent: undefined,
      debug: sys.debugOptions(),
      userState: (own) => own,
      withUserState: (_own, user) => user,
      formatState: (own) => own,
      codeChange: (own, version) => module.change(own, version),
      terminate: () => {
        throw new Error('terminated');
      },
    });
  }
}

interface Special {
  readonly initial: () => unknown;
  readonly change: (state: unknown, version: unknown) => unknown;
}

// ---- during an upgrade --------------------------------------------------------------------------

export async function suspendOne(pid: Any): Promise<void> {
  await sys.suspend(pid);
}

export async function resumeOne(pid: Any): Promise<void> {
  await sys.resume(pid);
}

export function stateOf(pid: Any): Promise<unknown> {
  return sys.getState(pid);
}

/** Tell a process something, some time later. */
export async function later(ms: number, pid: Any, message: unknown): Promise<void> {
  await sleep(ms);
  send(pid, message as never);
}

/** Give a name to a process that the host made. */
export function nameIt(name: string, pid: Pid): void {
  register(name, pid);
}

export function isThere(name: string): boolean {
  return whereis(name) !== undefined;
}
