import { expect, test } from 'vitest';
import { SWEPT_AT_ONCE, Sweeps } from '../../loader/sweeps.js';
import type { Process } from '../../runtime/process.js';
import type { Scheduler } from '../../runtime/scheduler.js';

const processes = (count: number): Process[] =>
  Array.from({ length: count }, (_, n) => ({ counter: n }) as unknown as Process);

/** Sweeps over a growing list, and the scheduler as far as they see it. */
function sweepsOf(all: Process[]): { sweeps: Sweeps; scheduler: Pick<Scheduler, 'ran'> } {
  const scheduler: Pick<Scheduler, 'ran'> = { ran: null };
  return {
    sweeps: new Sweeps(
      () => all,
      () => scheduler as Scheduler,
    ),
    scheduler,
  };
}

test('sweeps: all processes come in parts, and what is left at the end are those that ran or are new', () => {
  const all = processes(2 * SWEPT_AT_ONCE + 10);
  const { sweeps, scheduler } = sweepsOf(all);
  const parts = [sweeps.next('m')];
  const [early, late] = [all[3] as Process, all.at(-1) as Process];
  scheduler.ran?.add(early);
  parts.push(sweeps.next('m'));
  scheduler.ran?.add(late);
  const fresh = { counter: -1 } as unknown as Process;
  scheduler.ran?.add(fresh);
  parts.push(sweeps.next('m'));
  expect(parts.map(({ length }) => length)).toEqual([SWEPT_AT_ONCE, SWEPT_AT_ONCE, 10]);
  expect(parts.flat()).toEqual(all);
  expect([...sweeps.end('m')]).toEqual([early, late, fresh]);
  expect(scheduler.ran).toBeNull();
});

test('sweeps: two modules are swept at the same time, each with what ran since its own begin', () => {
  const all = processes(10);
  const { sweeps, scheduler } = sweepsOf(all);
  sweeps.next('a');
  scheduler.ran?.add(all[1] as Process);
  sweeps.next('b');
  scheduler.ran?.add(all[2] as Process);
  expect([...sweeps.end('a')]).toEqual([all[1], all[2]]);
  expect(scheduler.ran).not.toBeNull();
  expect([...sweeps.end('b')]).toEqual([all[2]]);
  expect(scheduler.ran).toBeNull();
});

test('sweeps: without a sweep, or after one that was broken off, all processes are left to look at', () => {
  const all = processes(SWEPT_AT_ONCE + 1);
  const { sweeps, scheduler } = sweepsOf(all);
  expect([...sweeps.end('m')]).toEqual(all);
  sweeps.next('m');
  expect([...sweeps.end('m')]).toEqual(all);
  expect(scheduler.ran).toBeNull();
});
