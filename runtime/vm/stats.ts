/** Figures of a running machine, read from shared memory where the thread need not be asked. */

import type { CodeServer } from '../../loader/code-server.js';
import * as shared from '../shared-state.js';
import { inTime } from './in-time.js';
import type { SchedulerFigures } from './protocol.js';
import type { Threads } from './threads.js';

export interface SchedulerStats extends SchedulerFigures {
  readonly slot: number;
  /** Number of the thread's life: grows when the thread is replaced. */
  readonly life: number;
  /** Runnable processes at the last turn. */
  readonly runQueue: number;
  readonly reductions: number;
  /** Share of the time spent running processes, 0 to 1, since the thread began. */
  readonly utilisation: number;
}

export interface VmStats {
  readonly processes: number;
  /** Registered names. */
  readonly names: number;
  readonly modules: number;
  readonly schedulers: readonly SchedulerStats[];
}

const NOT_ANSWERING: SchedulerFigures = {
  processes: -1,
  timers: -1,
  monitors: -1,
  aliases: -1,
  requests: -1,
  heapBytes: -1,
};
const ANSWER_MS = 1000;

/** A thread that does not answer in a second is shown with what shared memory says of it. */
export async function collectStats(threads: Threads, code: CodeServer): Promise<VmStats> {
  const { state } = threads;
  const schedulers = await Promise.all(
    threads.running.map(async ({ slot, life, control }): Promise<SchedulerStats> => {
      const figures = await inTime(control.ask('figures'), ANSWER_MS, NOT_ANSWERING).catch(
        () => NOT_ANSWERING,
      );
      const total = state.figure(slot, shared.TOTAL_MS);
      return {
        ...figures,
        processes: figures.processes < 0 ? state.get(slot, shared.PROCESSES) : figures.processes,
        slot,
        life,
        runQueue: state.get(slot, shared.RUN_QUEUE),
        reductions: state.figure(slot, shared.REDUCTIONS),
        utilisation: total === 0 ? 0 : Math.min(1, state.figure(slot, shared.BUSY_MS) / total),
      };
    }),
  );
  return {
    processes: schedulers.reduce((sum, { processes }) => sum + processes, 0),
    names: threads.names.count,
    modules: code.current.size,
    schedulers,
  };
}
