/** Processes of test/vm/db-records.test.ts: records that a schema refuses, and more records than fit in memory. */

import assert from 'node:assert/strict';
import { storage } from 'tsvm';
import {
  dirty,
  dropTable,
  migrate,
  type RecordSchema,
  type Table,
  table,
  transaction,
} from 'tsvm/db';

interface Person {
  readonly id: number;
  readonly name: string;
  readonly address: { readonly city: string };
}

type Issue = { readonly message: string; readonly path?: readonly (string | { key: string })[] };

/** A validator as the libraries are: what it accepts it also puts in order. */
const personSchema: RecordSchema<Person> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate(value) {
      const { id, name, address } = value as Record<keyof Person, unknown>;
      const issues: Issue[] = [];
      if (!Number.isInteger(id)) issues.push({ message: 'expected a whole number', path: ['id'] });
      if (typeof name !== 'string') issues.push({ message: 'expected text', path: ['name'] });
      const city = (address as { city?: unknown } | undefined)?.city;
      if (typeof city !== 'string') {
        issues.push({ message: 'expected text', path: [{ key: 'address' }, { key: 'city' }] });
      }
      if (issues.length > 0) return { issues };
      return { value: { id, name: (name as string).trim(), address: { city } } as Person };
    },
  },
};

const people: Table<Person, number> = table<Person>()({
  name: 'people',
  key: 'id',
  storage: 'ram',
  schema: personSchema,
});

const ANN: Person = { id: 1, name: ' ann ', address: { city: 'Ulm' } };

async function refused(putting: Promise<unknown>): Promise<storage.ValidationError> {
  const failure = await putting.catch((error: unknown) => error);
  if (failure instanceof storage.ValidationError) return failure;
  throw new Error(`expected a ValidationError, got ${String(failure)}`);
}

export async function s17_validated(): Promise<void> {
  await dropTable(people);
  await dirty.put(people, { ...ANN, more: 'unknown' } as Person);
  assert.deepEqual(await dirty.get(people, 1), { id: 1, name: 'ann', address: { city: 'Ulm' } });
  const wrong = { id: 1.5, name: 'bob', address: {} } as never;
  const { issues, table: name, message } = await refused(dirty.put(people, wrong));
  assert.deepEqual(issues, ['id: expected a whole number', 'address.city: expected text']);
  assert.equal(name, 'people');
  assert.match(message, /people.*address\.city/);
  // Nothing of the transaction, whatever else was in it.
  await refused(
    transaction(async (tx) => {
      tx.put(people, { ...ANN, id: 2 });
      await tx.update(people, 1, (person) => ({ ...person, name: 5 }) as never);
    }),
  );
  assert.deepEqual(
    (await dirty.range(people)).map(({ id, name: first }) => [id, first]),
    [[1, 'ann']],
  );
  // One that is caught leaves the rest.
  await transaction((tx) => {
    assert.throws(() => tx.put(people, wrong), /does not fit/);
    tx.put(people, { ...ANN, id: 3 });
  });
  assert.equal((await dirty.range(people)).length, 2);
}

export async function s17_validated_asynchronously(): Promise<void> {
  const { '~standard': standard } = personSchema;
  const slow: Table<Person, number> = table<Person>()({
    name: 'slow people',
    key: 'id',
    storage: 'ram',
    schema: { '~standard': { ...standard, validate: async (value) => standard.validate(value) } },
  });
  assert.match((await refused(dirty.put(slow, ANN))).message, /asynchronous/);
}

export async function s17_validated_by_migrate(): Promise<void> {
  await dropTable(people);
  await dirty.put(people, ANN);
  const next = (upgrade: (person: Person) => Person): Table<Person, number> =>
    table<Person>()({
      name: 'people',
      key: 'id',
      storage: 'ram',
      version: 2,
      schema: personSchema,
      upgrade,
    });
  const { issues } = await refused(migrate(next((person) => ({ ...person, name: 1 as never }))));
  assert.deepEqual(issues, ['name: expected text']);
  assert.equal((await dirty.get(people, 1))?.name, 'ann');
  await migrate(next((person) => ({ ...person, name: 'eve' })));
  assert.equal(
    (
      await dirty.get(
        next((person) => person),
        1,
      )
    )?.name,
    'eve',
  );
}

interface Row {
  readonly id: number;
  readonly text: string;
}

/** Nothing of it stays decoded. */
const rows: Table<Row, number> = table<Row>()({
  name: 'rows',
  key: 'id',
  storage: 'disc-only',
  durability: 'relaxed',
});
const AT_ONCE = 2000;

/** All of them are more than the heap of a scheduler holds. */
export async function fill(count: number, units: number): Promise<void> {
  const text = 'x'.repeat(units);
  for (let from = 0; from < count; from += AT_ONCE) {
    await transaction((tx) => {
      for (let id = from; id < from + AT_ONCE; id++) tx.put(rows, { id, text });
    });
  }
}

/** @returns how many rows each way of going over them gives */
export async function stream(): Promise<readonly number[]> {
  let seen = 0;
  for await (const { id, text } of dirty.rows(rows)) {
    if (id !== seen || text.length === 0) throw new Error(`${id} is not the next`);
    seen += 1;
  }
  const inOne = await transaction((tx) => tx.fold(rows, 0, (count) => count + 1));
  let last = 0;
  await transaction(async (tx) => {
    last = 0;
    for await (const { id } of tx.rows(rows, { reverse: true, limit: 1500 })) last = id;
  });
  return [seen, inOne, last];
}
