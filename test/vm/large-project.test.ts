/** A project that is large enough to be compiled on several threads. */

import { readdirSync } from 'node:fs';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startVm } from 'tsvm/vm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeLargeProject } from '../../bench/large-project.js';

const MODULES = 150;

let folder: string;
let modules: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tsvm-large-'));
  modules = join(folder, 'modules');
  await writeLargeProject(modules, MODULES);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test('large project: compiled on several threads it runs, and starts again from its cache', async () => {
  const cache = join(folder, 'cache');
  const versions: unknown[] = [];
  for (const attempt of ['compiled', 'from the cache']) {
    const seen: number[] = [];
    const onProgress = (done: number, total: number): void => {
      seen.push(done);
      expect(total).toBe(MODULES);
    };
    const vm = await startVm({ modules, cache, onProgress, schedulers: 2, logger: false });
    try {
      expect(vm.modules).toHaveLength(MODULES);
      versions.push(vm.modules.map(({ name, version }) => `${name}@${version}`).sort());
      const item = { id: 1, name: 'thing', tags: ['x'] };
      const text = await vm.run('part3/unit140', 'summarize140', [item], { scheduler: 2 });
      expect(text, attempt).toMatch(/^1:thing \(x\) \/ /);
      expect(seen.at(-1)).toBe(MODULES);
      expect(readdirSync(cache)).toHaveLength(MODULES);
    } finally {
      await vm.stop();
    }
  }
  expect(versions[1]).toEqual(versions[0]);
});

test('large project: every module that does not compile is in the error, with its place', async () => {
  const broken = join(modules, 'part1/unit50.ts');
  await appendFile(broken, 'export const = 1;\n');
  await writeFile(join(modules, 'waits.ts'), 'await 1;\n');
  const error = await startVm({ modules, schedulers: 1, logger: false }).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(AggregateError);
  expect((error as AggregateError).errors).toMatchObject([
    { name: 'ModuleSyntaxError', file: broken, column: 14 },
    { name: 'TopLevelAwaitError', line: 1, frame: expect.stringContaining('await 1') },
  ]);
});
