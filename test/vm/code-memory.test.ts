/** Versions that were purged are freed, on every thread. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { formatBuild } from '../../loader/build-file.js';
import { compile } from '../../loader/compile.js';
import { contentVersion } from '../../loader/module.js';
import { collected } from '../otp/modules/code-heap.js';
import { MODULES, startTestVm } from '../support/section.js';

const NAME = 'reloaded';
const LOADS = 1_000;
/** By then the machine's own code is compiled, and what V8 keeps of it has settled. */
const WARM = 100;
const GROWTH_MAX = 1.05;
/** The bytes that each version holds: kept, the versions would take 40 MB on each thread. */
const BALLAST = 40_000;

const SOURCE = `
  import { fn, receive, send, spawn } from 'tsvm';
  import * as me from './${NAME}.js';
  const ballast = Array.from({ length: ${BALLAST / 8} }, (_, at) => at + 0.5);
  export const v = () => 4711 + ballast.length * 0;
  const sum = (n: number): number => (n === 0 ? 0 : n + sum(n - 1));
  class Answer { readonly v = v(); }
  const answerOf = (n: number) => fn(() => ({ v: v() + n }));
  export async function loop(): Promise<never> {
    const { from } = await receive<{ from: never }>();
    const answer = answerOf(sum(0));
    spawn(async () => send(from, { v: answer().v + new Answer().v * 0 }));
    return await me.loop();
  }`;

const template = compile(SOURCE, { name: NAME, file: `${MODULES}/${NAME}.ts` });

/** Compiled once; the versions differ in one number. */
async function build(n: number): Promise<string> {
  const compiled = await template;
  const code = compiled.code.replace('4711', String(n));
  const version = contentVersion(code, compiled.map);
  return formatBuild({ ...compiled, code, version }, { out: MODULES, modules: MODULES });
}

test(`the heap of each thread is where it was (±5 %) after ${LOADS} versions with a process in each`, async () => {
  const vm = await startTestVm({ schedulers: 2 });
  try {
    let answered: (v: number) => void = () => {};
    const client = await vm.mailbox<{ v: number }>(({ v }) => answered(v));
    const seen = new Set<number>();
    await vm.code.loadBuilds(await build(0));
    const loops = [
      await vm.spawn(NAME, 'loop', [], { scheduler: 1 }),
      await vm.spawn(NAME, 'loop', [], { scheduler: 2 }),
    ];
    const round = async (): Promise<void> => {
      for (const loop of loops) {
        const answer = new Promise<number>((resolve) => {
          answered = resolve;
        });
        await vm.send(loop, { from: client });
        seen.add(await answer);
      }
    };
    const heaps = async (): Promise<number[]> => [
      ...(await Promise.all(
        [1, 2].map((scheduler) => vm.run<number>('code-heap', 'collected', [], { scheduler })),
      )),
      collected(),
    ];
    const loadTo = async (from: number, to: number): Promise<void> => {
      for (let n = from; n < to; n++) {
        await vm.code.loadBuilds(await build(n));
        await round();
        await vm.code.purge(NAME);
      }
    };
    await loadTo(1, WARM);
    await delay(50);
    const before = await heaps();
    await loadTo(WARM, WARM + LOADS);
    expect(seen.size).toBe(WARM + LOADS - 1);
    // V8 drops the code of functions that are not called any more only after several collections.
    const growth = async (): Promise<number[]> =>
      (await heaps()).map((bytes, at) => bytes / (before[at] as number));
    await expect
      .poll(async () => Math.max(...(await growth())), { timeout: 10_000, interval: 100 })
      .toBeLessThan(GROWTH_MAX);
    expect((await vm.stats()).processes).toBe(3);
  } finally {
    await vm.stop();
  }
}, 120_000);
