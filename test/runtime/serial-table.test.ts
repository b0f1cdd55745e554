import { expect, test } from 'vitest';
import { SerialTable } from '../../runtime/serial-table.js';
import type { Ref } from '../../runtime/terms.js';

const PREFIX = '#Ref<n.1.';

class Entry {
  readonly ref: Ref;
  readonly serial: number;
  slotNext: Entry | null = null;
  constructor(serial: number, prefix: string = PREFIX) {
    this.serial = serial;
    this.ref = `${prefix}${serial}>` as Ref;
  }
}

test('serial table: what was added is found until it is deleted, whatever else shares its slot', () => {
  const table = new SerialTable<Entry>(PREFIX);
  const entries = Array.from({ length: 1000 }, (_, at) => new Entry(at * 16));
  for (const entry of entries) table.add(entry);
  expect(table.count).toBe(1000);
  for (const entry of entries) expect(table.find(entry.ref)).toBe(entry);
  const gone = entries.filter((_, at) => at % 3 !== 0);
  for (const entry of gone) expect(table.delete(entry)).toBe(true);
  for (const entry of entries) {
    expect(table.find(entry.ref)).toBe(gone.includes(entry) ? undefined : entry);
  }
  expect(table.count).toBe(entries.length - gone.length);
});

test('serial table: the newest is not found once it is deleted, and is not deleted twice', () => {
  const table = new SerialTable<Entry>(PREFIX);
  const entry = new Entry(7);
  table.add(entry);
  expect(table.delete(entry)).toBe(true);
  expect(table.find(entry.ref)).toBeUndefined();
  expect(table.delete(entry)).toBe(false);
  expect(table.count).toBe(0);
});

test('serial table: references of other schedulers and other texts are not found', () => {
  const table = new SerialTable<Entry>(PREFIX);
  table.add(new Entry(7));
  for (const text of ['#Ref<n.2.7>', '#Ref<n.1.7.2>', '#Ref<n.1.>', 'name', '']) {
    expect(table.find(text as Ref)).toBeUndefined();
  }
});

test('serial table: without a prefix, equal serials of several schedulers are told apart', () => {
  const table = new SerialTable<Entry>();
  const entries = [1, 2, 30].map((life) => new Entry(7, `#Ref<n.${life}.`));
  for (const entry of entries) table.add(entry);
  for (const entry of entries) expect(table.find(`${entry.ref}` as Ref)).toBe(entry);
  const [first, second, third] = entries as [Entry, Entry, Entry];
  expect(table.delete(second)).toBe(true);
  expect(table.find(second.ref)).toBeUndefined();
  expect(table.find(first.ref)).toBe(first);
  expect(table.find(third.ref)).toBe(third);
});
