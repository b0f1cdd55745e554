/**
 * Filters for `tsvm/logger`, ready to be used.
 *
 *     await addPrimaryFilter({ id: 'quiet', fn: domain, arg: { action: 'stop', domain: ['otp', 'sasl'], compare: 'sub' } });
 *
 * Source: OTP, module `logger_filters`.
 */

import type { FilterResult, LogEvent, LogLevel } from 'tsvm';
import { LEVELS } from './logger-checks.js';

type Action = 'log' | 'stop';

export interface DomainArg {
  readonly action: Action;
  readonly domain: readonly string[];
  /** `sub`: the event's domain is this one or below it; `super`: it is above; `equal`; `undefined`: it has none. */
  readonly compare: 'sub' | 'super' | 'equal' | 'not_equal' | 'undefined';
}

/** By the domain of the event. `logger_filters:domain/2`. */
export function domain(
  event: LogEvent,
  { action, domain: wanted, compare }: DomainArg,
): FilterResult {
  const has = event.meta.domain;
  return decided(event, action, matches(has, wanted, compare));
}

export interface LevelArg {
  readonly action: Action;
  readonly compare: 'gt' | 'lt' | 'eq' | 'neq' | 'gteq' | 'lteq';
  readonly level: LogLevel;
}

/** By the level of the event; `gt`: more severe. `logger_filters:level/2`. */
export function level(event: LogEvent, { action, compare, level: wanted }: LevelArg): FilterResult {
  const above = LEVELS.indexOf(wanted) - LEVELS.indexOf(event.level);
  const holds = {
    gt: above > 0,
    lt: above < 0,
    eq: above === 0,
    neq: above !== 0,
    gteq: above >= 0,
    lteq: above <= 0,
  }[compare];
  return decided(event, action, holds);
}

/** Progress reports of supervisors. `logger_filters:progress/2`. */
export function progress(event: LogEvent, action: Action): FilterResult {
  const { msg } = event;
  return decided(event, action, 'report' in msg && msg.report['label'] === 'progress');
}

function decided(event: LogEvent, action: Action, holds: boolean): FilterResult {
  if (!holds) return 'ignore';
  return action === 'log' ? event : 'stop';
}

function matches(
  has: readonly string[] | undefined,
  wanted: readonly string[],
  compare: DomainArg['compare'],
): boolean {
  switch (compare) {
    case 'undefined':
      return has === undefined;
    case 'sub':
      return has !== undefined && begins(has, wanted);
    case 'super':
      return has !== undefined && begins(wanted, has);
    case 'equal':
      return has !== undefined && has.length === wanted.length && begins(has, wanted);
    case 'not_equal':
      return !(has !== undefined && has.length === wanted.length && begins(has, wanted));
  }
}

function begins(list: readonly string[], start: readonly string[]): boolean {
  return start.every((part, at) => list[at] === part);
}
