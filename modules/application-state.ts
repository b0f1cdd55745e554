/**
 * Application state: what the controller knows of each application, and what it tells of them.
 *
 * Invariant: an application is in at most one of `starting`, `running` and `stopping`.
 *
 * Source: OTP, `application_controller`; SEMANTICS 15.
 */

import { type From, type Pid, type Ref, reply, send } from 'tsvm';
import type { Environment } from './application-env.js';
import type { ApplicationInfo } from './application-loading.js';
import type { ApplicationType } from './application-types.js';
import type { StartTimeout } from './start-steps.js';

/** What happens to applications, for who started the controller. */
export type ApplicationEvent =
  | { readonly event: 'starting' | 'stopping' | 'stopped'; readonly application: string }
  | {
      readonly event: 'started';
      readonly application: string;
      readonly version: string;
      readonly ms: number;
    }
  | {
      readonly event: 'ended';
      readonly application: string;
      readonly applicationType: ApplicationType;
      readonly reason: unknown;
    };

export type Answer<T = undefined> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: unknown };

export type Waiting = From<Answer>;

export interface StartLimit {
  readonly ms: number;
  readonly timer: Ref;
  passed: StartTimeout | undefined;
}

export interface Active {
  readonly type: ApplicationType;
  readonly master: Pid | undefined;
  readonly waiting: Waiting[];
  /** Monotonic time of the start. */
  readonly since: number;
  /** Its limit, while it starts: until it passes, and then what was waited for. */
  limit: StartLimit | undefined;
}

/** Lives within the process; changed in place. */
export interface State {
  readonly report: Pid<ApplicationEvent> | undefined;
  readonly environment: Environment;
  readonly loaded: Map<string, ApplicationInfo>;
  readonly starting: Map<string, Active>;
  readonly running: Map<string, Active>;
  readonly stopping: Map<string, Active>;
  /** What ended by itself, and was not started again. */
  readonly ended: Map<string, unknown>;
  /** The reason that the controller will end with. */
  halting: { readonly reason: unknown } | undefined;
}

export function tell({ report }: State, event: ApplicationEvent): void {
  if (report !== undefined) send(report, event);
}

export function answer(waiting: readonly Waiting[], value: Answer): void {
  for (const from of waiting) reply(from, value);
}

export function infoFor(state: State, name: string): ApplicationInfo {
  return state.loaded.get(name) as ApplicationInfo;
}

export function isActive({ starting, running, stopping }: State, name: string): boolean {
  return starting.has(name) || running.has(name) || stopping.has(name);
}
