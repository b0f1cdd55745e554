/**
 * Tracing from a process: what `tsvm/trace` is made of.
 *
 * Source: OTP, `erlang:trace/3`; here events are fetched, so that who is slow costs nobody anything.
 */

import { copy } from '../runtime/copy.js';
import { badarg } from '../runtime/errors.js';
import type { Pid } from '../runtime/terms.js';
import type { TraceBatch, TraceEnd, TraceEvent, TraceKind } from '../runtime/trace-event.js';
import { checkPid } from './check.js';
import { askHost } from './host-request.js';

export type { TraceBatch, TraceEnd, TraceEvent, TraceKind };

/**
 * Begin a trace. @param except never traced
 *
 * @returns its number
 * @throws for wrong options, with what was expected. Parks
 */
export function begin(options: object, except: readonly Pid<never>[]): Promise<number> {
  if (typeof options !== 'object' || options === null)
    throw badarg('tracing.begin: options', 'what to trace, such as { who: [pid] }', options);
  for (const pid of except) checkPid('tracing.begin', pid);
  const pids = except as unknown as readonly Pid[];
  return askHost('tracing.begin', {
    op: 'trace_start',
    options: copy(options, 'options'),
    except: pids,
  });
}

/** What it has seen since, at once or within a second. Parks. */
export function next(trace: number): Promise<TraceBatch> {
  return askHost('tracing.next', { op: 'trace_next', trace });
}

/** End it; `next` still gives what was seen before. Parks. */
export function end(trace: number): Promise<void> {
  return askHost('tracing.end', { op: 'trace_stop', trace });
}
