/**
 * pg: groups of processes.
 *
 * A scope is a server that keeps groups; a scope is described by a constant that all who use it import.
 * Anybody may put any process into a group, also several times, and who watches is told of every change.
 *
 * Source: OTP, module `pg`.
 */

import { isPid, type Pid, ProcessError, type Ref, receive, self } from 'tsvm';
import * as genServer from './gen-server.js';
import type { ReplyTo, RequestOf } from './gen-server-types.js';
import * as server from './pg-scope.js';
import { askService } from './service.js';
import { keyText } from './structural-key.js';

export { isStartError, StartError } from './reasons.js';

declare const scopeType: unique symbol;

/** Groups named by a `G`, whose members receive an `M`. */
export interface Scope<G = unknown, M = unknown> {
  readonly name: string;
  /** For the compiler alone. */
  readonly [scopeType]?: (group: G, message: M) => void;
}

export type ScopeServer = genServer.Server<typeof server>;

/** What who watches receives, and nothing else in its place: a group named `group` was joined, or left, by `pids`. */
export interface GroupChange<G = unknown, M = unknown> {
  readonly type: 'join' | 'leave';
  readonly ref: Ref;
  readonly group: G;
  /** One that joined twice is in it twice. */
  readonly pids: readonly Pid<M>[];
}

/**
 * Describe a scope: `const chat = scope<string, ChatMessage>('chat')`.
 *
 * @param name the registered name of its server
 */
export function scope<G, M = unknown>(name: string): Scope<G, M> {
  return { name };
}

/** Start a scope, linked to the caller: `child('chat', pg.startLink, [chat])`. `pg:start_link/1`. */
export function startLink({ name }: Scope<never, never>): Promise<ScopeServer> {
  return genServer.startLink(server, name, { name });
}

/** Put processes into a group, once for each time they are named. `pg:join/3`. */
export async function join<G, M>(
  of: Scope<G, M>,
  group: NoInfer<G>,
  pids: Pid<NoInfer<M>> | readonly Pid<NoInfer<M>>[],
): Promise<void> {
  await ask(of, { type: 'join', group, text: keyText(group), pids: listOf(pids) });
}

/**
 * Take processes out of a group, each as often as it is named. `pg:leave/3`.
 *
 * @returns whether any of them was in it
 */
export function leave<G, M>(
  of: Scope<G, M>,
  group: NoInfer<G>,
  pids: Pid<NoInfer<M>> | readonly Pid<NoInfer<M>>[],
): Promise<boolean> {
  return ask(of, { type: 'leave', text: keyText(group), pids: listOf(pids) });
}

/** The members of a group, one that joined twice twice. `pg:get_members/2`. */
export async function getMembers<G, M>(of: Scope<G, M>, group: NoInfer<G>): Promise<Pid<M>[]> {
  return (await ask(of, { type: 'members', text: keyText(group) })) as Pid<M>[];
}

/** Those members that run on the scheduler of the caller: a message to them crosses no thread. `pg:get_local_members/2`. */
export async function getLocalMembers<G, M>(of: Scope<G, M>, group: NoInfer<G>): Promise<Pid<M>[]> {
  const home = homeOf(self());
  return (await getMembers(of, group)).filter((pid) => homeOf(pid) === home);
}

/** The groups that have members. `pg:which_groups/1`. */
export async function whichGroups<G>(of: Scope<G, never>): Promise<G[]> {
  return (await ask(of, { type: 'groups' })) as G[];
}

/** Watch a group: a `GroupChange` comes for each change from now on. `pg:monitor/2`. @returns the members now */
export async function monitor<G, M>(
  of: Scope<G, M>,
  group: NoInfer<G>,
): Promise<{ readonly ref: Ref; readonly members: readonly Pid<M>[] }> {
  const { ref, members } = await ask(of, { type: 'monitor', text: keyText(group) });
  return { ref, members: members as readonly Pid<M>[] };
}

/** Watch all groups of a scope. `pg:monitor_scope/1`. @returns the groups now, with their members */
export async function monitorScope<G, M>(
  of: Scope<G, M>,
): Promise<{
  readonly ref: Ref;
  readonly groups: readonly { readonly group: G; readonly members: readonly Pid<M>[] }[];
}> {
  const { ref, groups } = await ask(of, { type: 'monitorScope' });
  return { ref, groups: groups as { readonly group: G; readonly members: readonly Pid<M>[] }[] };
}

/** Watch no more; no message of it is left. `pg:demonitor/1,2`. @returns whether there was such a watch */
export async function demonitor(of: Scope<never, never>, ref: Ref): Promise<boolean> {
  const wasThere = await ask(of, { type: 'demonitor', ref });
  const isChange = (message: GroupChange): boolean =>
    (message?.type === 'join' || message?.type === 'leave') && message.ref === ref;
  while (typeof (await receive(isChange, 0)) === 'object') {
    // One more that had come before.
  }
  return wasThere;
}

function ask<const Q extends RequestOf<ScopeServer>>(
  { name }: Scope<never, never>,
  request: Q,
): Promise<ReplyTo<ScopeServer, Q>> {
  return askService('pg', name, genServer.named<typeof server>(name), request);
}

function listOf(pids: Pid<never> | readonly Pid<never>[]): readonly Pid[] {
  const list = Array.isArray(pids) ? pids : [pids];
  const wrong = list.find((pid) => !isPid(pid));
  if (wrong === undefined) return list as readonly Pid[];
  throw new ProcessError('badarg', `pg: expected a pid or a list of pids, not ${String(wrong)}`);
}

/** The node and the life of the scheduler that a pid names: all but the last number. */
function homeOf(pid: Pid<never>): string {
  return pid.slice(0, pid.lastIndexOf('.'));
}
