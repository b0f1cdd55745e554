/** Floor of spawn_die: make a generator, run it to its end, tell the parent. */
import type { Measured, Params } from '../sampling.js';
import { timedUs } from './actors.js';

export async function body(variant: string, params: Params): Promise<Measured> {
  const n = params['n'] ?? 0;
  const us = timedUs(variant === 'monitor' ? () => monitored(n) : () => counted(n));
  return { ops: n, us };
}

function monitored(n: number): void {
  const children: Generator[] = [];
  const inbox: { type: string; reason: string }[] = [];
  for (let i = 0; i < n; i++) children.push(nothing());
  for (const child of children) {
    if (child.next().done === true) inbox.push({ type: 'DOWN', reason: 'normal' });
  }
  const normal = inbox.filter((down) => down.type === 'DOWN' && down.reason === 'normal').length;
  if (normal !== n) throw new Error('a child is missing');
}

function counted(n: number): void {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  const children: Generator[] = [];
  for (let i = 0; i < n; i++) children.push(count(cell));
  for (const child of children) child.next();
  if (cell[0] !== n) throw new Error('a child is missing');
}

function* nothing(): Generator {}

// biome-ignore lint/correctness/useYield: a process that exits at once waits for nothing
function* count(cell: Int32Array): Generator {
  Atomics.add(cell, 0, 1);
}
