/** SEMANTICS §8.2: after a load no process goes back, also one that another scheduler told of the new version. */
import { expect, test } from 'vitest';
import { formatBuild } from '../../loader/build-file.js';
import { compile } from '../../loader/compile.js';
import { MODULES, startTestVm } from '../support/section.js';
import type { Seen } from './modules/code-race.js';

const LOADS = 60;
const NAME = 'raced';

async function build(n: number): Promise<string> {
  const module = await compile(`export const v = (): number => ${n};`, {
    name: NAME,
    file: `${MODULES}/${NAME}.ts`,
  });
  return formatBuild(module, { out: MODULES, modules: MODULES });
}

test('8.2 a process that was told of a version by another scheduler never calls an older one', async () => {
  const vm = await startTestVm({ schedulers: 2 });
  try {
    const builds = await Promise.all(Array.from({ length: LOADS }, (_, n) => build(n)));
    await vm.code.loadBuilds(builds[0] as string);
    const results: Promise<Seen>[] = [];
    const told = await vm.mailbox<Seen>((seen) => results.push(Promise.resolve(seen)));
    const a = await vm.spawn('code-race', 'player', [NAME, LOADS - 1, told], { scheduler: 1 });
    const b = await vm.spawn('code-race', 'player', [NAME, LOADS - 1, told], { scheduler: 2 });
    // Several balls, so that messages are under way in both directions at each commit.
    for (let ball = 0; ball < 8; ball++) {
      await vm.send(ball % 2 === 0 ? a : b, { from: ball % 2 === 0 ? b : a, version: 0 });
    }
    for (const text of builds.slice(1)) await vm.code.loadBuilds(text);
    while (results.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const seen = await Promise.all(results);
    expect(seen.reduce((sum, { back }) => sum + back, 0)).toBe(0);
    expect(seen.reduce((sum, { races }) => sum + races, 0)).toBeGreaterThan(0);
  } finally {
    await vm.stop();
  }
});
