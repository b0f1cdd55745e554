/** `tsvm db`: on a stopped and on a running machine; and every kind of damage is found. */

import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestVm } from '../support/section.js';

const COMMAND = fileURLToPath(new URL('../../bin/tsvm.mjs', import.meta.url));
const run = promisify(execFile);

let folder = '';
let data = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tsvm-db-'));
  data = join(folder, 'data');
  const vm = await startTestVm({ data });
  await vm.run('db-disc', 'write', [0, 300]);
  await vm.stop();
}, 200_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

async function db(...args: string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [COMMAND, 'db', ...args]);
  return stdout;
}

interface Checked {
  readonly rows: number;
  readonly problems: readonly string[];
}

async function check(of: string): Promise<Checked> {
  const found = await run(process.execPath, [
    ...[COMMAND, 'db', 'check', '--json', '--data', of],
  ]).catch((error: { stdout: string }) => error);
  return JSON.parse(found.stdout.split('\n')[0] ?? '') as Checked;
}

test('db: every command on a stopped machine', async () => {
  const listed = await db('list', '--json', '--data', data);
  const names = listed.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line).name]));
  expect(names).toEqual(['notes', 'relaxed notes']);
  const note = JSON.parse(await db('get', 'notes', '7', '--data', data));
  expect(note).toMatchObject({ id: 7, by: 'odd', tags: { $map: [['made', expect.anything()]] } });
  const lines = join(folder, 'lines.jsonl');
  await writeFile(lines, await db('dump', 'notes', '--data', data));
  const backup = join(folder, 'notes.tsvmdb');
  expect(await db('backup', backup, '--data', data)).toMatch(/2 tables copied/);

  const other = join(folder, 'other');
  await mkdir(other);
  expect(await db('import', lines, '--data', other)).toBe('300 records imported\n');
  expect(await db('dump', 'notes', '--data', other)).toBe(await readFile(lines, 'utf8'));
  expect(await db('restore', backup, '--data', other)).toMatch(/2 tables/);
  expect(await db('info', 'relaxed notes', '--data', other)).toMatch(/^durability relaxed$/m);
  expect(await db('compact', '--data', other)).toMatch(/before, .* now/);
  expect(await check(other)).toMatchObject({ problems: [] });
}, 400_000);

test('db: a bit that turns anywhere in the file: reported, or of no row', async () => {
  const whole = await check(data);
  expect(whole.problems).toEqual([]);
  const [store = ''] = (await readdir(join(data, 'db'))).filter((name) =>
    name.startsWith('store.'),
  );
  const size = (await readFile(join(data, 'db', store, 'data.mdb'))).length;
  let found = 0;
  for (let round = 0; round < 4; round++) {
    const copy = join(folder, `flipped${round}`);
    await cp(data, copy, { recursive: true, filter: (path) => !path.endsWith('.sock') });
    const file = join(copy, 'db', store, 'data.mdb');
    const bytes = await readFile(file);
    // Beyond the two pages that tell which state counts (a bit there is the other state, or none); the last in each
    // copy of a row, as pages that are free hold older ones.
    const places =
      round < 3
        ? [8192 + Math.floor(Math.random() * (size - 8192))]
        : [...bytes.toString('latin1').matchAll(/odd/g)].map(({ index }) => index);
    for (const at of places) bytes[at] = (bytes[at] as number) ^ (1 << (round & 7));
    await writeFile(file, bytes);
    const { problems, rows } = await check(copy);
    if (problems.length > 0) found += 1;
    else expect(rows, `bit ${round & 7} of byte ${places[0]}`).toBe(whole.rows);
  }
  expect(found).toBeGreaterThan(0);
}, 400_000);

test('db: a file that was cut: reported, and the machine does not serve it', async () => {
  const copy = join(folder, 'cut');
  await cp(data, copy, { recursive: true, filter: (path) => !path.endsWith('.sock') });
  const [store = ''] = (await readdir(join(copy, 'db'))).filter((name) =>
    name.startsWith('store.'),
  );
  const file = join(copy, 'db', store, 'data.mdb');
  await truncate(file, (await readFile(file)).length - 4096);
  expect((await check(copy)).problems[0]).toMatch(/bytes, and should have/);
  const vm = await startTestVm({ data: copy });
  await expect(vm.run('db-disc', 'look')).rejects.toThrow(/damaged/);
  await vm.stop();
}, 200_000);
