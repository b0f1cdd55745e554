/** The time limits of calls: timers only for those that still wait when the clock is read. */
import { expect, test } from 'vitest';
import { CallLimits } from '../../runtime/call-limits.js';
import { Monitor } from '../../runtime/monitors.js';
import type { Pid, Ref } from '../../runtime/terms.js';
import { type Timer, TimerQueue } from '../../runtime/timers.js';

function aCall(serial: number): Monitor {
  const pid = '<n.1.1>' as Pid;
  return new Monitor(`#Ref<n.1.${serial}>` as Ref, serial, null, pid, null, pid, pid, 'DOWN', null);
}

test('call limits: an answered call starts no timer, the time of others begins when the clock is read', () => {
  const timers = new TimerQueue();
  const limits = new CallLimits(timers);
  const expired: unknown[] = [];
  const note = ({ subject }: Timer): void => void expired.push(subject);
  const calls = Array.from({ length: 3000 }, (_, serial) => aCall(serial));
  for (const call of calls) limits.add(call, 50, note);
  for (const call of calls.slice(1)) call.active = false;
  expect(limits.count).toBe(3000);
  limits.start(1000);
  expect([limits.count, timers.length, timers.nextDue]).toEqual([0, 1, 1050]);
  expect(timers.expire(1049.9, 10)).toBe(0);
  timers.expire(1050, 10);
  expect(expired).toEqual([calls[0]]);
});

test('call limits: calls of later groups of slices are told apart from those before', () => {
  const timers = new TimerQueue();
  const limits = new CallLimits(timers);
  const [first, second] = [aCall(1), aCall(2)];
  limits.add(first, 0.5, () => {});
  limits.start(10);
  limits.add(second, 0, () => {});
  limits.start(20);
  limits.start(30);
  expect([first.timer?.due, second.timer?.due, timers.length]).toEqual([10.5, 20, 2]);
});
