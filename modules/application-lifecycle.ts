/**
 * Application lifecycle: what a start needs, and what it means that an application runs, has failed or has ended.
 *
 * Invariant: who waits for a start or a stop is answered once, when nothing of a failed start is left.
 *
 * Source: OTP, `application_controller`; SEMANTICS 15.
 */

import { cancelTimer, type Exit, killGroup, log, monotonicTime } from 'tsvm';
import { find } from './application-loading.js';
import type { Launch } from './application-master.js';
import { type Active, answer, infoFor, type State, tell } from './application-state.js';
import type { Application } from './application-types.js';
import { inWords, shutdown } from './reasons.js';

export function firstMissing(state: State, application: Application): unknown {
  const there = application.optionalApplications.filter((each) => find(each) !== undefined);
  for (const name of [...application.applications, ...there]) {
    if (state.running.has(name)) continue;
    const kind = state.ended.has(name) ? 'not_running' : 'not_started';
    return { kind, application: name };
  }
  return null;
}

/** Each phase of the application, in it and then in those that it includes and that have it. */
export function launchOf(application: Application): Launch {
  const { name, module, argument, startPhases } = application;
  const included = application.includedApplications.flatMap((each) => find(each) ?? []);
  const phases = startPhases.flatMap((phase) =>
    [{ module, phase }].concat(
      included.flatMap((each) => {
        const own = each.startPhases.find(([other]) => other === phase[0]);
        return own === undefined ? [] : [{ module: each.module, phase: own }];
      }),
    ),
  );
  return { name, module, argument, phases: phases as Launch['phases'] } as Launch;
}

export function begun(state: State, name: string, active: Active): void {
  state.ended.delete(name);
  unlimited(active);
  state.running.set(name, { ...active, waiting: [], limit: undefined });
  const { version } = infoFor(state, name);
  const ms = monotonicTime() - active.since;
  tell(state, { event: 'started', application: name, version, ms });
  answer(active.waiting, { ok: true, value: undefined });
}

export function notBegun(state: State, name: string, reason: unknown): void {
  const active = state.starting.get(name);
  state.starting.delete(name);
  unlimited(active);
  const why = active?.limit?.passed ?? reason;
  const failure = { kind: 'application_start_failed', application: name, reason: why };
  answer(active?.waiting ?? [], { ok: false, reason: failure });
}

/** @returns the reason to end with, if it is the end of all */
export async function masterEnded(state: State, { from, reason }: Exit): Promise<unknown> {
  const is = ([, active]: [string, Active]): boolean => active.master === from;
  const [stopping] = [...state.stopping].find(is) ?? [];
  const [starting] = [...state.starting].find(is) ?? [];
  const [running] = [...state.running].find(is) ?? [];
  // A master that ended by itself has left nothing; one that was killed has.
  if (reason !== 'normal') await killGroup(from);
  if (stopping !== undefined) stopped(state, stopping);
  if (starting !== undefined) notBegun(state, starting, reason);
  return running === undefined ? undefined : endedByItself(state, running, reason);
}

/** @param name also one that has been told already */
export function stopped(state: State, name: string): void {
  const active = state.stopping.get(name);
  if (active === undefined) return;
  state.stopping.delete(name);
  tell(state, { event: 'stopped', application: name });
  answer(active.waiting, { ok: true, value: undefined });
}

/** @returns the reason to end with, if it is the end of all */
export function endedByItself(state: State, name: string, reason: unknown): unknown {
  const { type } = state.running.get(name) as Active;
  state.running.delete(name);
  state.ended.set(name, reason);
  tell(state, { event: 'ended', application: name, applicationType: type, reason });
  const isFatal = type === 'permanent' || (type === 'transient' && reason !== 'normal');
  const fields = {
    domain: ['otp'],
    label: 'application',
    application: name,
    applicationType: type,
    reason,
  };
  const text = `application ${name} (${type}) ended by itself: ${inWords(reason)}`;
  if (reason === 'normal' && !isFatal) log.notice(text, fields);
  else log.error(isFatal ? `${text}; the others are stopped` : text, fields);
  if (!isFatal) return undefined;
  const terminated = { kind: 'application_terminated', application: name, reason };
  return shutdown(terminated);
}

function unlimited(active: Active | undefined): void {
  if (active?.limit !== undefined) cancelTimer(active.limit.timer);
}
