/**
 * The history: what was said, in tables on disc, so that it is there after any end of the machine.
 *
 * Invariants:
 *  1. The lines of a room are numbered from 1 without a gap: the number is taken in the transaction that keeps
 *     the line, with the one before it.
 *  2. A message that its sender has given an id is kept once, however often it is sent.
 */
import { dirty, type Table, type Transaction, table, transaction } from 'tsvm/db';
import { HISTORY_MAX } from './limits.js';
import type { Line } from './wire.js';

/** A line as it is kept. */
export interface KeptLine extends Line {
  readonly room: string;
  /** The sender's id of the message. */
  readonly message: string | null;
}

/** A room in which something was said, and how much. */
interface KeptRoom {
  readonly name: string;
  readonly lines: number;
}

const lines: Table<KeptLine, readonly [string, number], 'message'> = table<KeptLine>()({
  name: 'lines',
  key: ['room', 'id'],
  indexes: ['message'],
});
const rooms: Table<KeptRoom, string> = table<KeptRoom>()({ name: 'rooms', key: 'name' });

/** What somebody says: a line without its number. */
export type Said = Omit<KeptLine, 'id'>;

/** A line that is kept, and whether it was not there already. */
export interface Kept {
  readonly line: Line;
  readonly isNew: boolean;
}

/**
 * Keep what people say, all of it or nothing. When it returns, it is on the disk: which takes as long for many
 * lines as for one.
 *
 * @throws StorageFailure when the disk does not take it
 */
export async function keep(said: readonly Said[]): Promise<Kept[]> {
  return await transaction(async (tx) => {
    const kept: Kept[] = [];
    for (const each of said) kept.push(await keepOne(tx, each));
    return kept;
  });
}

async function keepOne(tx: Transaction, said: Said): Promise<Kept> {
  if (said.message !== null) {
    const [before] = await tx.index(lines, 'message', { value: said.message });
    if (before !== undefined) return { line: shown(before), isNew: false };
  }
  const id = ((await tx.get(rooms, said.room))?.lines ?? 0) + 1;
  const line = { ...said, id };
  tx.put(lines, line);
  tx.put(rooms, { name: said.room, lines: id });
  return { line: shown(line), isNew: true };
}

/** The newest lines of a room, or of those before one; the oldest first. */
export async function newest(room: string, before?: number): Promise<Line[]> {
  const range = { prefix: [room] as const, limit: HISTORY_MAX, reverse: true };
  const found = await dirty.range(
    lines,
    before === undefined ? range : { ...range, after: [room, before] as const },
  );
  return found.reverse().map(shown);
}

/** The rooms in which something was said. */
export async function roomNames(): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of dirty.rows(rooms)) names.push(name);
  return names;
}

export async function hasLines(room: string): Promise<boolean> {
  return (await dirty.get(rooms, room)) !== undefined;
}

function shown({ id, from, text, at }: Line): Line {
  return { id, from, text, at };
}
