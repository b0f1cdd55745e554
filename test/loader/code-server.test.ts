import { expect, test } from 'vitest';
import { CodeServer } from '../../loader/code-server.js';
import type { CodeTable } from '../../loader/code-table.js';
import type { SchedulerCode } from '../../loader/scheduler-code.js';
import { installStackMapping, type SourcePositions } from '../../loader/source-positions.js';
import { compileText, createTable, loadErrorOf, noEpoch, remoteCode } from './support.js';

interface Machine {
  readonly tables: CodeTable[];
  readonly schedulers: SchedulerCode[];
  readonly server: CodeServer;
}

/** Schedulers behind a structured clone, as behind a thread. */
function createMachine(count: number): Machine {
  const tables = Array.from({ length: count }, () => createTable());
  const schedulers = tables.map((table) => remoteCode(table));
  return {
    tables,
    schedulers,
    server: new CodeServer({ schedulers: () => schedulers, epoch: noEpoch }),
  };
}

const exported = ({ tables }: Machine, name: string, key: string): unknown[] =>
  tables.map((table) => table.table(name)[key]);

test('code server: loads a set on every scheduler, dependencies first', async () => {
  const machine = createMachine(3);
  const a = await compileText('a', "import { b } from './b.js'; export const a = b + 1;");
  const b = await compileText('b', 'export const b = 1;');
  const reports = await machine.server.load([a, b]);
  expect(reports).toMatchObject([
    { module: 'a', version: a.version, changed: true, schedulers: 3 },
    { module: 'b', version: b.version, changed: true, schedulers: 3 },
  ]);
  expect(exported(machine, 'a', 'a')).toEqual([2, 2, 2]);
  expect(await machine.server.load([a])).toMatchObject([
    { module: 'a', changed: false, schedulers: 0 },
  ]);
});

test('code server: one module that fails on one scheduler leaves all of them as they were', async () => {
  const machine = createMachine(3);
  await machine.server.load([
    await compileText('a', 'export const v = 1;'),
    await compileText('b', 'export const v = 1;'),
  ]);
  const before = machine.tables.map((table) => table.versions);
  installStackMapping(machine.tables[1]?.positions as SourcePositions);
  (globalThis as { calls?: number }).calls = 0;
  const bad = await compileText(
    'b',
    "// @tsvm per-scheduler: counts evaluations\nif (++(globalThis as any).calls === 2) throw new Error('third time');\nexport const v = 2;",
  );
  const error = await loadErrorOf(async () =>
    machine.server.load([
      await compileText('a', 'export const v = 2;'),
      bad,
      await compileText('c', 'export const v = 3;'),
    ]),
  );
  expect(error).toMatchObject({
    name: 'ModuleEvaluationError',
    module: 'b',
    line: 2,
    file: '/project/b.ts',
  });
  expect(error.frame).toContain('> 2 | if (++');
  expect(machine.tables.map((table) => table.versions)).toEqual(before);
  expect([...exported(machine, 'a', 'v'), ...exported(machine, 'b', 'v')]).toEqual([
    1, 1, 1, 1, 1, 1,
  ]);
  expect(machine.tables.map((table) => table.lookup('c', 'v'))).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(machine.server.current.has('c')).toBe(false);
  await machine.server.load([bad]);
  expect(exported(machine, 'b', 'v')).toEqual([2, 2, 2]);
});

test('code server: a missing import is refused before any scheduler hears of it', async () => {
  const machine = createMachine(1);
  const a = await compileText(
    'a',
    "const x = 1;\nimport { y } from './nope.js';\nexport const z = () => [x, y];",
  );
  const error = await loadErrorOf(() => machine.server.load([a]));
  expect(error).toMatchObject({
    name: 'MissingImportError',
    line: 2,
    column: 19,
    file: '/project/a.ts',
  });
  expect(error.frame).toContain("> 2 | import { y } from './nope.js';");
  expect(error.frame).toContain('^'.repeat("'./nope.js'".length));
});

test('code server: a new scheduler is brought up to the current set; a dead one does not count', async () => {
  const machine = createMachine(2);
  await machine.server.load([
    await compileText('a', "import { b } from './b.js'; export const a = () => b;"),
    await compileText('b', 'export const b = 1;'),
  ]);
  const late = createTable();
  await machine.server.attach(remoteCode(late));
  expect(late.versions).toEqual(machine.tables[0]?.versions);
  const dying: SchedulerCode = {
    ...(machine.schedulers[0] as SchedulerCode),
    prepare: async () => {
      machine.schedulers.shift();
      throw new Error('thread ended');
    },
  };
  machine.schedulers[0] = dying;
  const reports = await machine.server.load([await compileText('b', 'export const b = 2;')]);
  expect(reports).toMatchObject([{ changed: true, schedulers: 1 }]);
  expect(machine.tables[1]?.table('b')['b']).toBe(2);
});

test('code server: loads are served one after the other, and the last one wins', async () => {
  const machine = createMachine(2);
  const versions = await Promise.all(
    Array.from({ length: 20 }, (_, n) => compileText('m', `export const v = ${n};`)),
  );
  await Promise.all(versions.map((version) => machine.server.load([version])));
  expect(exported(machine, 'm', 'v')).toEqual([19, 19]);
  expect(await machine.server.remove('m')).toBe(true);
  expect(await machine.server.remove('m')).toBe(false);
  expect(machine.tables.map((table) => table.versions)).toEqual([[], []]);
});

test('code server: 300 modules in a chain and a cycle', async () => {
  const machine = createMachine(1);
  const modules = await Promise.all(
    Array.from({ length: 300 }, (_, n) =>
      compileText(
        `m${n}`,
        n === 299
          ? "import { f } from './m0.js'; export const n = 1; export const g = () => f();"
          : `import { n as next } from './m${n + 1}.js'; export const n = next + 1; export const f = () => n;`,
      ),
    ),
  );
  await machine.server.load(modules.reverse());
  expect(exported(machine, 'm0', 'n')).toEqual([300]);
  expect(machine.tables[0]?.lookup('m299', 'g')?.()).toBe(300);
});
