/**
 * Trace requests: the machine's side of `tsvm trace`.
 *
 *   trace       begins one; the answer is its number. It ends with the connection, whatever else happens
 *   trace_next  what it has seen since, or nothing after some seconds; and how it ended, once it has
 *   trace_stop  ends it; the next `trace_next` says what was left
 *
 */

import type { TraceEvent } from '../runtime/trace-event.js';
import {
  type ControlConnection,
  ControlError,
  type ControlHandler,
  type ControlRequest,
} from '../runtime/vm/control-socket.js';
import type { Vm } from '../runtime/vm/machine.js';
import { TraceOptionError, type TraceOptions } from '../runtime/vm/trace-control.js';
import { TraceWatch } from '../runtime/vm/trace-watch.js';

/** As it goes through the socket: JSON has no big integers. */
function inJson(event: TraceEvent): TraceEvent {
  const text = JSON.stringify(event, (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  );
  return JSON.parse(text) as TraceEvent;
}

/** The handlers of a machine's control socket. */
export function traceRequests(running: () => Vm): Readonly<Record<string, ControlHandler>> {
  const watches = new Map<number, TraceWatch>();
  let last = 0;
  const watchOf = ({ trace }: ControlRequest): TraceWatch => {
    const watch = watches.get(Number(trace));
    if (watch === undefined)
      throw new ControlError('failed', `there is no trace ${JSON.stringify(trace)}`);
    return watch;
  };
  return {
    async trace(
      { options }: ControlRequest,
      _progress: unknown,
      connection: ControlConnection,
    ): Promise<unknown> {
      if (typeof options !== 'object' || options === null)
        throw new ControlError('bad_request', 'expected "options": what to trace');
      const watch = new TraceWatch(inJson);
      try {
        await watch.begin((take) => running().trace(options as TraceOptions, take));
      } catch (error) {
        if (!(error instanceof TraceOptionError)) throw error;
        throw new ControlError('bad_request', error.message);
      }
      last += 1;
      const id = last;
      watches.set(id, watch);
      connection.onClose(() => {
        watches.delete(id);
        void watch.stop();
      });
      return { trace: id };
    },
    trace_next: (request: ControlRequest) => watchOf(request).next(),
    trace_stop: async (request: ControlRequest) => {
      await watchOf(request).stop();
      return {};
    },
  };
}
