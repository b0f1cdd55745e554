/**
 * Application boot: the first process of a machine that runs an application.
 *
 * It starts the controller and the application with all that it needs, each of them permanent, and
 * ends when they have ended: told to (`shutdown`) in the reverse order of the starts; with the reason
 * of the first that ended by itself; with the reason why one did not start.
 *
 * Invariant: it can always be told to end, also while an application is starting.
 *
 * Source: OTP, `init`, "boot script"; SEMANTICS 15.
 */

import {
  type Down,
  type Exit,
  exit,
  link,
  type Pid,
  receive,
  self,
  send,
  setLabel,
  spawnMonitor,
  trapExit,
} from 'tsvm';
import { ensureAllStarted, startController, stopAll } from './application.js';
import * as boot from './application-boot.js';
import { CONTROLLER } from './application-controller.js';
import type { Layers } from './application-env.js';
import { allDefinitions } from './application-loading.js';
import type { ApplicationEvent } from './application-state.js';
import { call } from './gen-server.js';
import { kindOf } from './reasons.js';
import { startChain } from './start-chain.js';
import type { StartStep } from './start-steps.js';

/** What the host is told. */
export type BootEvent =
  | ApplicationEvent
  /** All have started. */
  | { readonly event: 'ready' }
  /** Nothing more will be told. */
  | { readonly event: 'over' };

/** The names of the applications that the loaded modules define. */
export function definedApplications(): readonly string[] {
  return allDefinitions().map(({ application }) => application.name);
}

/** What starts just now, and what it waits for. */
export interface Hanging {
  readonly application: string;
  readonly steps: readonly StartStep[];
}

/** Where the starts that are under way are. */
export async function hanging(): Promise<readonly Hanging[]> {
  const answer = await call(CONTROLLER, { type: 'starting' }, Number.POSITIVE_INFINITY);
  const starting = answer.ok ? answer.value : [];
  const found: Hanging[] = [];
  for (const { name, master } of starting) {
    found.push({ application: name, steps: master === undefined ? [] : await startChain(master) });
  }
  return found;
}

/** @param report is told what happens; may be of the host */
export async function start(name: string, config: Layers, report: Pid<BootEvent>): Promise<never> {
  trapExit(true);
  setLabel('boot');
  const controller = await startController({ config, report });
  await link(controller);
  const starter = spawnMonitor(boot.startAll, name);
  for (;;) {
    const message = await receive<Down | Exit>();
    if (message.type === 'DOWN' && message.ref === starter.ref) {
      if (message.reason === 'normal') send(report, { event: 'ready' });
      else await end(report, message.reason);
    } else if (message.type === 'EXIT') {
      if (message.from === (controller as Pid<never>)) leave(report, cause(message.reason));
      if (message.from !== self()) continue;
      exit(starter.pid, 'kill');
      await end(report, message.reason);
    }
  }
}

/** In a process of its own, as it may take for ever. */
export async function startAll(name: string): Promise<void> {
  await ensureAllStarted(name, 'permanent');
}

async function end(report: Pid<BootEvent>, reason: unknown): Promise<never> {
  await stopAll();
  return leave(report, reason);
}

function leave(report: Pid<BootEvent>, reason: unknown): never {
  send(report, { event: 'over' });
  exit(reason);
}

/** The controller ends in order, and says why. */
function cause(reason: unknown): unknown {
  return kindOf(reason) === 'shutdown' ? (reason as { reason: unknown }).reason : reason;
}
