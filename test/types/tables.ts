/** Tables: rows, keys, conditions and projections are typed exactly. Compiled, never run. */

import { type BagTable, type Table, tables } from 'tsvm';

interface User {
  id: number;
  name: string;
  age: number;
  address: { city: string };
}
type Point = [x: number, y: number, label: string];

function same<T>(
  _: T,
): <U>(value: [T] extends [U] ? ([U] extends [T] ? U : never) : never) => void {
  return () => {};
}

export function records(): void {
  const users = tables.create<User, 'id'>({ key: 'id' });
  same<Table<User, 'id'>>(users)(users);
  same<User | undefined>(tables.lookup(users, 1))(undefined as User | undefined);
  same<string>(tables.lookupElement(users, 1, 'name'))('' as string);
  same<number[]>(tables.select(users, { where: { name: 'x' }, select: 'age' }))([] as number[]);
  const picked: { id: number; name: string }[] = tables.select(users, { select: ['id', 'name'] });
  picked.push({ id: 1, name: '' });
  tables.select(users, { where: { address: { city: 'Paris' }, $or: [{ age: { $gt: 3 } }] } });
  tables.updateCounter(users, 1, { field: 'age', by: 1 });
  tables.updateElement(users, 1, { name: 'y' });
  tables.selectReplace(users, { age: 1 }, { age: { $add: 1 }, name: { $field: 'name' } });
  // @ts-expect-error the key is a number
  tables.lookup(users, '1');
  // @ts-expect-error a field is missing
  tables.insert(users, { id: 1, name: '' });
  // @ts-expect-error no such field
  tables.create<User, 'nr'>({ key: 'nr' });
  // @ts-expect-error only numbers can be counted in
  tables.updateCounter(users, 1, { field: 'name', by: 1 });
  // @ts-expect-error the key stays
  tables.updateElement(users, 1, { id: 2 });
  // @ts-expect-error ages are numbers
  tables.select(users, { where: { age: { $gt: 'x' } } });
  // @ts-expect-error no such field
  tables.select(users, { where: { agee: 3 } });
  // @ts-expect-error nothing to add to a text
  tables.selectReplace(users, {}, { name: { $add: 1 } });
}

export function tuples(): void {
  const points = tables.create<Point, 0, 'ordered_set'>({ key: 0, type: 'ordered_set' });
  same<number | undefined>(tables.first(points))(undefined as number | undefined);
  same<string[]>(tables.select(points, { where: { 1: { $lt: 2 } }, select: 2 }))([] as string[]);
  const pairs: [string, number][] = tables.select(points, { select: [2, 1] });
  pairs.push(['', 1]);
  tables.updateCounter(points, 1, { field: 1, by: 1 });
  // @ts-expect-error a tuple of three
  tables.insert(points, [1, 2]);
  // @ts-expect-error the type must be said where the table is made, too
  tables.create<Point, 0, 'bag'>({ key: 0 });
}

export function bags(): void {
  const bag = tables.create<Point, 0, 'bag'>({ key: 0, type: 'bag' });
  same<BagTable<Point, 0>>(bag)(bag);
  const found: Point[] = tables.lookup(bag, 1);
  found.push([1, 2, '']);
  // @ts-expect-error which of the rows?
  tables.updateCounter(bag, 1, { field: 1, by: 1 });
}
