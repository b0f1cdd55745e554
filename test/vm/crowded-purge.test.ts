/** SEMANTICS §8.4 where a scheduler has so many processes that they are looked through in parts. */
import type { Vm } from 'tsvm/vm';
import { expect, test } from 'vitest';
import { formatBuild } from '../../loader/build-file.js';
import { compile } from '../../loader/compile.js';
import { CROWDED } from '../../loader/sweeps.js';
import { MODULES, startTestVm } from '../support/section.js';

const NAME = 'crowded';
const IN_OLD = 3_000;

/** `breeds` spawns processes of its own version for as long as it lives. */
const source = (version: number): string => `
import { receive, send, spawnOpt, yieldNow, type Pid } from 'tsvm';
export const v = () => ${version};
async function stays(): Promise<void> { await receive(() => false); v(); }
export async function breeds(scheduler: number, bred: Pid<number>): Promise<never> {
  for (let n = 1; ; n++) {
    spawnOpt({ scheduler }, stays);
    send(bred, n);
    await yieldNow();
  }
}
export async function crowd(scheduler: number, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    spawnOpt({ scheduler }, stays);
    if (n % 500 === 0) await yieldNow();
  }
}
`;

async function build(name: string, version: number): Promise<string> {
  const module = await compile(source(version), { name, file: `${MODULES}/${name}.ts` });
  return formatBuild(module, { out: MODULES, modules: MODULES });
}

const LAST: Record<string, (vm: Vm) => Promise<void>> = {
  'a purge': async (vm) => expect(await vm.code.purge(NAME)).toBe(true),
  'the third load': async (vm) => {
    const [report] = await vm.code.loadBuilds(await build(NAME, 3));
    expect(report?.killed).toBeGreaterThan(IN_OLD);
  },
};

test.each(Object.keys(LAST))(
  '8.4 %s kills all in the old version among many others, also those it spawns meanwhile',
  async (what) => {
    const vm = await startTestVm({ schedulers: 2 });
    try {
      await vm.code.loadBuilds(await build(NAME, 1), await build('others', 1));
      let bred = 0;
      const mailbox = await vm.mailbox<number>((n) => {
        bred = n;
      });
      const idle = (await vm.stats()).processes;
      await vm.run('others', 'crowd', [2, CROWDED]);
      await vm.run(NAME, 'crowd', [2, IN_OLD]);
      await vm.spawn(NAME, 'breeds', [2, mailbox], { scheduler: 2 });
      await vm.code.loadBuilds(await build(NAME, 2));
      expect(await vm.code.softPurge(NAME)).toBe(false);
      const before = bred;
      await (LAST[what] as (vm: Vm) => Promise<void>)(vm);
      // It went on until it was killed: some of its children came while the others were looked at.
      await expect.poll(() => bred).toBeGreaterThan(before);
      await expect.poll(async () => (await vm.stats()).processes).toBe(idle + CROWDED);
    } finally {
      await vm.stop();
    }
  },
);
