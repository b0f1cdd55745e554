/** Versions that were purged are freed, on every thread. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { formatBuild } from '../../loader/build-file.js';
import { compile } from '../../loader/compile.js';
import { contentVersion } from '../../loader/module.js';
import { MODULES, startTestVm } from '../support/section.js';

const NAME = 'reloaded';
const LOADS = 200;
/** The text that each version holds: kept, the versions would take 40 MB on each thread. */
const BALLAST = 200_000;

const SOURCE = `
  import { receive, send } from 'tsvm';
  import * as me from './${NAME}.js';
  const ballast = Array.from({ length: ${BALLAST / 8} }, (_, at) => at + 0.5);
  export const v = () => 4711 + ballast.length * 0;
  export async function loop(): Promise<never> {
    const { from } = await receive<{ from: never }>();
    send(from, { v: v() });
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

test(`the heap of each thread is where it was after ${LOADS} versions with a process in each`, async () => {
  const vm = await startTestVm({ schedulers: 2 });
  try {
    let answered: (v: number) => void = () => {};
    const client = await vm.mailbox<{ v: number }>(({ v }) => answered(v));
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
        await answer;
      }
    };
    const heaps = (): Promise<number[]> =>
      Promise.all(
        [1, 2].map((scheduler) => vm.run<number>('code-heap', 'collected', [], { scheduler })),
      );
    const loadTo = async (from: number, to: number): Promise<void> => {
      for (let n = from; n < to; n++) {
        await vm.code.loadBuilds(await build(n));
        await round();
        await vm.code.purge(NAME);
      }
    };
    await loadTo(1, 20);
    await delay(50);
    const before = await heaps();
    await loadTo(20, LOADS);
    const after = await heaps();
    for (const [at, bytes] of after.entries())
      expect(bytes).toBeLessThan((before[at] as number) * 1.25 + 2e6);
    expect((await vm.stats()).processes).toBe(3);
  } finally {
    await vm.stop();
  }
});
