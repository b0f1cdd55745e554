import { expect, test } from 'vitest';
import { Timer, TimerQueue } from '../../runtime/timers.js';

/** The same in every run. */
function numbers(): () => number {
  let seed = 42;
  return () => {
    seed = (seed * 16807) % 2147483647;
    return seed;
  };
}

test('timer queue: whatever is started and cancelled in between, timers fire in order and none early', () => {
  const random = numbers();
  const queue = new TimerQueue();
  const running = new Set<Timer>();
  const fired: number[] = [];
  const fire = (timer: Timer): void => {
    expect(running.delete(timer)).toBe(true);
    fired.push(timer.due);
  };
  for (let round = 0; round < 3000; round++) {
    const timer = new Timer(random() % 1000, fire, null);
    queue.start(timer);
    running.add(timer);
    if (random() % 3 === 0) {
      const all = [...running];
      const gone = all[random() % all.length] as Timer;
      expect(queue.cancel(gone)).toBe(true);
      expect(queue.cancel(gone)).toBe(false);
      running.delete(gone);
    }
    expect(queue.length).toBe(running.size);
  }
  for (let now = 0; now <= 1000; now += 50) {
    while (queue.expire(now, 7) > 0) expect(fired.at(-1)).toBeLessThanOrEqual(now);
    expect(queue.nextDue).toBe(Math.min(...[...running].map(({ due }) => due)));
    expect(queue.nextDue).toBeGreaterThan(now);
  }
  expect(fired).toEqual(fired.toSorted((one, other) => one - other));
  expect(running.size).toBe(0);
  expect(queue.length).toBe(0);
});
