/**
 * supervisor: a process that starts others, and starts them again when they end.
 *
 * This is the side of who uses one; the process itself is `supervisor-server.ts`.
 *
 * Source: OTP, module `supervisor`; SEMANTICS 13.
 */

import type { Name, Pid } from 'tsvm';
import * as genServer from './gen-server.js';
import type { ServerMessage } from './gen-server-types.js';
import { StartError } from './reasons.js';
import type { ChildCounts, ChildInfo, ControlAnswer } from './supervisor-server.js';
import * as server from './supervisor-server.js';
import type { ChildSpec, SupervisorModule, SupervisorSpec } from './supervisor-types.js';
import type { Via } from './via.js';

export { isStartError, StartError, shutdown } from './reasons.js';
export type { ChildCounts, ChildInfo, ControlAnswer } from './supervisor-server.js';
export {
  type AutoShutdown,
  type ChildOptions,
  type ChildSpec,
  type ChildStart,
  child,
  type Restart,
  type Strategy,
  type SupervisorModule,
  type SupervisorSpec,
  template,
} from './supervisor-types.js';

/** A running supervisor. */
export type Supervisor = Pid<SupervisorMessage>;
export type SupervisorRef = Supervisor | Name<SupervisorMessage> | Via<SupervisorMessage>;

/** What a supervisor takes. */
export type SupervisorMessage = ServerMessage<typeof server>;

export type SupervisorOptions = genServer.ServerOptions;

type ArgumentOf<M> = M extends { readonly init: () => unknown }
  ? undefined
  : M extends { readonly init: (argument: infer A) => unknown }
    ? A
    : never;

/**
 * Start a supervisor that is linked to the caller, and its children in order. `supervisor:start_link/2,3`.
 *
 * @param what a specification, or a module whose `init` gives one (and is asked again at an upgrade)
 * @throws StartError: the reason tells the first child that did not start, and why; those that had are
 *   stopped again
 */
export function startLink(what: SupervisorSpec, options?: SupervisorOptions): Promise<Supervisor>;
export function startLink<M extends SupervisorModule>(
  what: M,
  argument: ArgumentOf<M>,
  options?: SupervisorOptions,
): Promise<Supervisor>;
export function startLink(
  what: SupervisorSpec | SupervisorModule,
  ...rest: unknown[]
): Promise<Supervisor> {
  if ('init' in what) {
    const [argument, options] = rest as [unknown, SupervisorOptions?];
    return genServer.startLink(server, { module: what, argument }, options) as Promise<Supervisor>;
  }
  const [options] = rest as [SupervisorOptions?];
  return genServer.startLink(server, { spec: what }, options) as Promise<Supervisor>;
}

/** What a child was started as. */
export interface StartedChild {
  /** undefined: it did not want to run. */
  readonly pid: Pid | undefined;
  readonly info: unknown;
}

/**
 * Start one more child. For `simple_one_for_one` give the arguments to add to those of the
 * specification. `supervisor:start_child/2`. Waits while the supervisor is busy.
 *
 * @throws StartError: `{kind: 'already_started', pid}`, `'already_present'`, or why it did not start;
 *   it is forgotten then
 */
export async function startChild(
  supervisor: SupervisorRef,
  child: ChildSpec | readonly unknown[],
): Promise<StartedChild> {
  const request = Array.isArray(child)
    ? { type: 'startChild' as const, args: child }
    : { type: 'startChild' as const, spec: child as ChildSpec };
  return started(await genServer.call(supervisor, request, Number.POSITIVE_INFINITY));
}

/** Start a child again that is not running. `supervisor:restart_child/2`. @throws StartError: `'running'`, `'restarting'`, `'not_found'`, or why it did not start */
export async function restartChild(supervisor: SupervisorRef, id: string): Promise<StartedChild> {
  const request = { type: 'restartChild', id } as const;
  return started(await genServer.call(supervisor, request, Number.POSITIVE_INFINITY));
}

function started(answer: server.StartAnswer): StartedChild {
  if (!answer.ok) throw new StartError(answer.reason);
  return { pid: answer.pid, info: answer.info };
}

/** Stop a child and keep its specification, unless it is temporary. Of `simple_one_for_one`: by its pid. `supervisor:terminate_child/2`. */
export function terminateChild(supervisor: SupervisorRef, id: string): Promise<ControlAnswer> {
  return genServer.call(supervisor, { type: 'terminateChild', id }, Number.POSITIVE_INFINITY);
}

/** Forget the specification of a child that is not running. `supervisor:delete_child/2`. */
export function deleteChild(supervisor: SupervisorRef, id: string): Promise<ControlAnswer> {
  return genServer.call(supervisor, { type: 'deleteChild', id }, Number.POSITIVE_INFINITY);
}

/** The children, newest first. `supervisor:which_children/1`. */
export function whichChildren(supervisor: SupervisorRef): Promise<readonly ChildInfo[]> {
  return genServer.call(supervisor, { type: 'whichChildren' }, Number.POSITIVE_INFINITY);
}

/** The process of a child, by its id; undefined when it does not run, or there is none. Of dynamic children there are no ids. */
export function findChild(supervisor: SupervisorRef, id: string): Promise<ChildInfo['pid']> {
  return genServer.call(supervisor, { type: 'findChild', id }, Number.POSITIVE_INFINITY);
}

/** How many children there are, and how many run. `supervisor:count_children/1`. */
export function countChildren(supervisor: SupervisorRef): Promise<ChildCounts> {
  return genServer.call(supervisor, { type: 'countChildren' }, Number.POSITIVE_INFINITY);
}
