/** `tsvm db` on a machine that runs: everything through its socket, while its processes go on writing. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startTestVm } from '../support/section.js';
import { application, type Ended, start, temporaryFolder, tsvm } from './support.js';

const MAIN = `
import { self, send, sleep } from 'tsvm';
import { dirty, type Table, table, transaction } from 'tsvm/db';

interface Note { readonly id: number; readonly by: string; readonly at: Date; }
interface Session { readonly id: string; readonly beats: number; }
const notes: Table<Note, number, 'by'> = table<Note>()({ name: 'notes', key: 'id', indexes: ['by'] });
const sessions: Table<Session, string> = table<Session>()({ name: 'sessions', key: 'id', storage: 'ram' });

export async function start(): Promise<void> {
  await transaction((tx) => {
    for (let id = 0; id < 700; id++) tx.put(notes, { id, by: id % 2 === 0 ? 'ann' : 'bob', at: new Date(id) });
    tx.put(sessions, { id: 'ann', beats: 0 });
  });
  for (;;) {
    await dirty.update(sessions, 'ann', (each) => ({ ...each, beats: each.beats + 1 }));
    await dirty.put(notes, { id: 0, by: 'ann', at: new Date() });
    await sleep(5);
  }
}
`;

async function done(ended: Promise<Ended>): Promise<string> {
  const { status, out, err } = await ended;
  expect(err).toBe('');
  expect(status).toBe(0);
  return out;
}

const linesOf = (text: string): unknown[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line));

test('db: every command on a running machine', async () => {
  const dir = await application({ 'modules/main.ts': MAIN });
  const machine = await start(dir);
  const db = (...args: string[]): Promise<Ended> => tsvm(['db', ...args, '--dir', dir]);

  // What was committed is in the sums a moment later.
  let listed: unknown[] = [];
  while (listed.length < 2) listed = linesOf(await done(db('list', '--json')));
  expect(listed).toMatchObject([
    { name: 'notes', storage: 'disc', rows: 700, indexes: ['by'] },
    { name: 'sessions', storage: 'ram', rows: 1 },
  ]);
  const [list, info, note, missing, unknown, restore] = await Promise.all([
    done(db('list')),
    done(db('info', 'notes')),
    done(db('get', 'notes', '7')),
    db('get', 'notes', '700'),
    db('info', 'note'),
    db('restore', join(dir, 'tsvm.json')),
  ]);
  expect(list).toMatch(/notes +disc +700 rows/);
  expect(info).toMatch(/^indexes +by$/m);
  expect(JSON.parse(note)).toEqual({ id: 7, by: 'bob', at: { $date: new Date(7).toISOString() } });
  expect(missing).toMatchObject({
    status: 1,
    err: expect.stringContaining('no record with the key 700'),
  });
  expect(unknown.err).toContain('did you mean notes?');
  expect(restore.status).toBe(1);
  expect(restore.err).toContain(`with pid ${machine.child.pid}`);
  expect(restore.err).toContain('hint: stop it with tsvm stop');

  const dumped = await done(db('dump', 'notes'));
  expect(linesOf(dumped)).toHaveLength(701);
  const lines = join(dir, 'lines.jsonl');
  // More than a request to a machine may have.
  const long = { in: 'notes', record: { id: 1000, by: 'x'.repeat(1_500_000), at: null } };
  const more = [
    { in: 'notes', record: { id: 7, by: 'cid', at: null } },
    { in: 'sessions', record: { id: 'bob', beats: 7 } },
  ];
  await writeFile(
    lines,
    [...more, { ...long, record: { ...long.record, by: null, text: long.record.by } }]
      .map((each) => JSON.stringify(each))
      .join('\n'),
  );
  expect(await done(db('import', lines))).toBe('3 records imported\n');
  const [seven, large, session] = await Promise.all([
    done(db('get', 'notes', '7')),
    done(db('get', 'notes', '1000')),
    done(db('get', 'sessions', 'bob')),
  ]);
  expect(JSON.parse(seven)).toMatchObject({ by: 'cid' });
  expect(JSON.parse(large)).toMatchObject({ text: long.record.by });
  expect(JSON.parse(session)).toEqual({ id: 'bob', beats: 7 });

  const copy = join(dir, 'copy.tsvmdb');
  expect(await done(db('backup', copy))).toMatch(/1 table copied to .*, and verified/);
  const [whole, ofCopy, sizes] = await Promise.all([
    done(db('check')),
    done(db('check', copy)),
    done(db('compact', '--json')),
  ]);
  expect(whole).toMatch(/^1 table, \d+ rows: no damage$/m);
  expect(ofCopy).toMatch(/no damage/);
  expect(JSON.parse(sizes)).toEqual({ before: expect.any(Number), after: expect.any(Number) });
  expect(JSON.parse(await done(db('get', 'notes', '7')))).toMatchObject({ by: 'cid' });

  await machine.stop();
  // Stopped, it is restored; what was in RAM has ended with the machine.
  expect(await done(db('restore', copy))).toMatch(/1 table with \d+ rows restored/);
  expect(linesOf(await done(db('list', '--json')))).toMatchObject([{ name: 'notes', rows: 701 }]);
  const refused = await db(
    'import',
    await fileOf(dir, { table: { name: 'sessions', key: 'id', storage: 'ram' } }),
  );
  expect(refused.err).toContain('table sessions is in RAM, and no machine runs');
}, 120_000);

async function fileOf(dir: string, ...lines: readonly unknown[]): Promise<string> {
  const file = join(dir, 'some.jsonl');
  await writeFile(file, lines.map((line) => JSON.stringify(line)).join('\n'));
  return file;
}

test('db: a program that embeds a machine uses the folder: refused, with its pid', async () => {
  const data = await temporaryFolder();
  const vm = await startTestVm({ data });
  try {
    await vm.run('db-disc', 'write', [0, 3]);
    const copy = join(data, 'copy.tsvmdb');
    // Each waits for the other.
    const [verified] = await Promise.all([vm.backup(copy), vm.compact(), vm.compact()]);
    expect(verified).toMatchObject({ tables: 2, problems: [] });
    for (const args of [['list'], ['check'], ['restore', copy]]) {
      const { status, err } = await tsvm(['db', ...args, '--data', data]);
      expect(status).toBe(1);
      expect(err).toContain(`the program with pid ${process.pid} uses the tables`);
      expect(err).toContain('vm.backup');
    }
    expect(await vm.run('db-disc', 'look')).toMatchObject({ notes: [0, 1, 2] });
  } finally {
    await vm.stop();
  }
}, 120_000);
