/** Durable tables: records, keys, indexes and changes are typed exactly. Compiled, never run. */

import { receive } from 'tsvm';
import {
  type By,
  dirty,
  type RecordOf,
  type RecordSchema,
  subscribe,
  type Table,
  type TableEvent,
  table,
  transaction,
} from 'tsvm/db';

interface Account {
  readonly id: string;
  readonly owner: string;
  readonly cents: number;
  readonly note?: string;
  readonly tags: Map<string, string>;
}

const accounts: Table<Account, string, 'owner' | 'cents'> = table<Account>()({
  name: 'accounts',
  key: 'id',
  indexes: ['owner', 'cents'],
});

interface Line {
  readonly room: string;
  readonly number: number;
  readonly text: string;
}

const lines: Table<Line, readonly [string, number]> = table<Line>()({
  name: 'lines',
  key: ['room', 'number'],
});

function same<T>(
  _: T,
): <U>(value: [T] extends [U] ? ([U] extends [T] ? U : never) : never) => void {
  return () => {};
}

export function definitions(): void {
  same<RecordOf<typeof accounts>>({} as Account)({} as Account);
  // @ts-expect-error a key is a field of the record
  table<Account>()({ name: 'a', key: 'number' });
  // @ts-expect-error a map can be no key
  table<Account>()({ name: 'a', key: 'tags' });
  // @ts-expect-error nor can it be found by
  table<Account>()({ name: 'a', key: 'id', indexes: ['tags'] });
  // @ts-expect-error a list of key fields has at least one
  table<Account>()({ name: 'a', key: [] });
  // @ts-expect-error there is no such storage
  table<Account>()({ name: 'a', key: 'id', storage: 'disk' });
  // @ts-expect-error durability is said in these words only
  table<Account>()({ name: 'a', key: 'id', durability: 'synced' });
  table<Account>()({
    name: 'a',
    key: 'id',
    version: 2,
    upgrade: (old: Omit<Account, 'cents'>) => ({ ...old, cents: 0 }),
  });
  // @ts-expect-error upgrade makes whole records
  table<Account>()({ name: 'a', key: 'id', version: 2, upgrade: () => ({ id: '1' }) });
  const ofLines = {} as RecordSchema<Line>;
  table<Line>()({ name: 'l', key: 'room', schema: ofLines });
  // @ts-expect-error a schema of other records
  table<Account>()({ name: 'a', key: 'id', schema: ofLines });
  // @ts-expect-error the key of lines is a list
  same<Table<Line, string>>(lines)(lines);
}

export async function transactions(): Promise<void> {
  const sum: number = await transaction(async (tx) => {
    const found: Account | undefined = await tx.get(accounts, 'a');
    // @ts-expect-error there may be none
    const certain: Account = await tx.get(accounts, 'a');
    // @ts-expect-error the key is text
    await tx.get(accounts, 1);
    tx.put(lines, { room: 'r', number: 1, text: 't' });
    // @ts-expect-error the text is missing
    tx.put(lines, { room: 'r', number: 1 });
    // @ts-expect-error an account is no line
    tx.put(lines, found as Account);
    await tx.update(accounts, 'a', (account) => ({ ...account, cents: account.cents + 1 }));
    // @ts-expect-error what is made of an account is an account
    await tx.update(accounts, 'a', ({ cents }) => cents + 1);
    const inner: string = await tx.transaction((nested) => {
      nested.delete(lines, ['r', 1]);
      return 'x';
    });
    void [certain, inner];
    const rows: Account[] = await tx.index(accounts, 'owner', { value: 'ann' });
    await tx.index(accounts, 'cents', { gte: 1, lt: 5 });
    // @ts-expect-error the note is no index
    await tx.index(accounts, 'note', { value: 'x' });
    // @ts-expect-error cents are a number
    await tx.index(accounts, 'cents', { value: '1' });
    return await tx.fold(accounts, rows.length, (total, { cents }) => total + cents);
  });
  void sum;
  // @ts-expect-error durability is one of two
  await transaction(() => 1, { durability: 'never' });
}

export async function ranges(): Promise<void> {
  await dirty.range(lines, { prefix: ['r'], after: ['r', 3], limit: 5 });
  await dirty.range(lines, { gte: ['r', 1], lt: ['s', 0], reverse: true });
  // @ts-expect-error the second item of the key is a number
  await dirty.range(lines, { gte: ['r', '1'] });
  // @ts-expect-error a prefix begins as the key does
  await dirty.range(lines, { prefix: [1] });
  await dirty.range(accounts, { prefix: 'a' });
  for await (const { text } of dirty.rows(lines)) same<string>(text)('' as string);
  const by: By<Account, 'owner'> = { value: 'ann', limit: 3 };
  await dirty.index(accounts, 'owner', by);
}

export async function changes(): Promise<void> {
  const ref = await subscribe(accounts, 'detailed');
  const event = await receive((message: TableEvent<typeof accounts, 'detailed'>) => {
    return message.ref === ref;
  });
  if (event.event === 'put') {
    same<Account>(event.record)({} as Account);
    same<Account | undefined>(event.before)({} as Account | undefined);
  } else if (event.event === 'delete') same<string>(event.key)('' as string);
  else if (event.event === 'migrated') same<number>(event.version)(1 as number);
  const simple = {} as TableEvent<typeof lines>;
  if (simple.event === 'delete')
    same<readonly [string, number]>(simple.key)(['', 1] as readonly [string, number]);
  // @ts-expect-error without 'detailed' it does not come
  if (simple.event === 'put') simple.before;
  // @ts-expect-error an event of one table is none of another
  const other: TableEvent<typeof accounts> = simple;
  void other;
  // @ts-expect-error simple or detailed
  await subscribe(accounts, 'all');
}
