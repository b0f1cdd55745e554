/** Start steps: what a start that does not come to its end waits for, as data and in words. */

import type { Pid } from 'tsvm';

/** A process that is starting, and that the one before it waits for. */
export interface StartStep {
  readonly pid: Pid;
  /** Its id in the specification of its supervisor. */
  readonly child: string | undefined;
  /** `module.function`. */
  readonly initialCall: string;
  /** `waiting`: for a message, a time or a native event. */
  readonly status: 'running' | 'runnable' | 'waiting';
}

/** A start took longer than it may. */
export interface StartTimeout {
  readonly kind: 'start_timeout';
  readonly ms: number;
  /** For what it waited, outermost first; empty if its own function had not returned. */
  readonly hanging?: readonly StartStep[];
}

/** The one that hangs, in words. */
export function hangingWords(steps: readonly StartStep[]): string {
  const last = steps.at(-1);
  if (last === undefined) return 'its start function has not returned';
  const { pid, child, initialCall, status } = last;
  const who = child === undefined ? initialCall : `child ${JSON.stringify(child)}, ${initialCall}`;
  const does = status === 'waiting' ? 'waits for a message or an event' : 'computes';
  return `${who} ${pid}, has not come to the end of its start: it ${does}`;
}
