import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SharedNames } from '../../runtime/shared-names.js';
import { compileCondition } from '../../runtime/tables/condition.js';
import { placeTests } from '../../runtime/tables/place-tests.js';
import { compileQuery, count, replaceFound, selectAll } from '../../runtime/tables/query.js';
import { lookup } from '../../runtime/tables/row-reader.js';
import { insert, insertAll, prepare } from '../../runtime/tables/row-writer.js';
import type { Rows } from '../../runtime/tables/rows.js';
import { SharedShapes } from '../../runtime/tables/shared-shapes.js';
import { TableMemory } from '../../runtime/tables/table-memory.js';
import { Tables } from '../../runtime/tables/tables.js';
import type { Pid } from '../../runtime/terms.js';

function create(key: string | number): Rows {
  const tables = new Tables({
    node: 'node',
    life: 1,
    memory: new TableMemory(),
    shapes: new SharedShapes(1),
    names: new SharedNames(1, { capacity: 8 }),
  });
  return tables.create({
    kind: 0,
    access: 0,
    owner: { life: 1, creator: 1, counter: 1 },
    meta: { name: null, owner: '<node.1.1>' as Pid, heir: null, key, createdAt: 0 },
  }).rows;
}

const fields = fc.oneof(
  fc.integer({ min: -2, max: 2 }),
  fc.constantFrom<unknown>('a', 'ab', 'abcd', 'abcde', 'é', 'ключ', '', 'x'.repeat(40)),
  fc.constantFrom<unknown>(-0, 0.5, 1e12, Number.NaN, null, undefined, true, 3n, [1], { a: 1 }),
);
const scalars = fc.oneof(
  fc.integer({ min: -2, max: 2 }),
  fc.constantFrom<unknown>('a', 'ab', 'abcd', 'abcde', 'é', '', 1e12, 0.5),
);
const signs = fc.constantFrom('$eq', '$ne', '$lt', '$lte', '$gt', '$gte');

/** Rows as tuples or as records, and what is asked of them. */
const cases = fc.record({
  rows: fc.array(fc.tuple(fields, fields, fields), { maxLength: 12 }),
  asRecords: fc.boolean(),
  where: fc.array(fc.tuple(fc.constantFrom(1, 2, 3, 4), signs, scalars), {
    minLength: 1,
    maxLength: 3,
  }),
});

test('select: what is decided by the words of a row is what the compiled condition says', () => {
  let decided = 0;
  fc.assert(
    fc.property(cases, ({ rows: given, asRecords, where: parts }) => {
      const name = (field: number): string => (asRecords ? `f${field}` : String(field));
      const field = asRecords ? 'key' : 0;
      const rows = create(field);
      const made = given.map((values, key) =>
        asRecords
          ? { key, f1: values[0], f2: values[1], f3: values[2] }
          : [key, values[0], values[1], values[2]],
      );
      for (const [key, row] of made.entries()) insert(rows, row, key, false);
      const where = Object.fromEntries(
        parts.map(([which, sign, value]) => [name(which), { [sign]: value }]),
      );
      const test = compileCondition('where', where) ?? (() => true);
      const expected = made.filter(test);
      if (placeTests(rows.codec.shapes, where) !== null) decided += 1;
      const query = compileQuery('select', rows, { where });
      expect(selectAll(rows, query)).toEqual(expected);
      expect(count(rows, query)).toBe(expected.length);
      const one = compileQuery('select', rows, { where, select: asRecords ? 'f2' : 2 });
      const second = expected.map((row) => (row as Record<string, unknown>)[name(2)]);
      expect(selectAll(rows, one)).toEqual(second);
    }),
    { numRuns: 300 },
  );
  expect(decided).toBeGreaterThan(100);
});

test('select: a row that is given away is the own of who asked', () => {
  const rows = create(0);
  insert(rows, [1, 'a', { deep: [1] }], 1, false);
  insert(rows, [2, 'a', 'flat'], 2, false);
  for (const query of [undefined, { where: { 1: 'a' } }]) {
    for (const row of selectAll(rows, compileQuery('select', rows, query))) {
      (row as unknown[])[1] = 'changed';
      ((row as { deep: number[] }[])[2]?.deep ?? []).push(2);
    }
  }
  expect(lookup(rows, 1)).toEqual([1, 'a', { deep: [1] }]);
  expect(lookup(rows, 2)).toEqual([2, 'a', 'flat']);
});

test('rows: one that is replaced again and again stays whole, in its slot or out of it', () => {
  const rows = create(0);
  for (let round = 0; round < 50; round += 1) {
    const text = 'x'.repeat((round * 7) % 60);
    insert(rows, [1, round, text], 1, false);
    expect(lookup(rows, 1)).toEqual([1, round, text]);
    const set = compileQuery('set', rows, { where: { 0: 1 } });
    expect(replaceFound(rows, set, { 1: -round })).toBe(1);
    expect(lookup(rows, 1)).toEqual([1, -round, text]);
    insertAll(rows, [prepare(rows, [1, 'several', text], 1)], false);
    expect(lookup(rows, 1)).toEqual([1, 'several', text]);
  }
  expect(rows.size).toBe(1);
});
