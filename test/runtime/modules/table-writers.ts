/**
 * Process code for tables on a scheduler that dies: writers on two schedulers, and who looks at what they
 * left.
 */
import {
  type Down,
  monitor,
  type Pid,
  receive,
  self,
  send,
  spawnOpt,
  type Table,
  TIMEOUT,
  tables,
} from 'tsvm';

const PATIENCE_MS = 60_000;
const PARTS = 3;

type Row = [key: string, round: number, text: string];
type Rows = Table<Row, 0>;

/** What the table was like when the thread was gone, and after its replacement wrote as well. */
export interface Aftermath {
  readonly reason: unknown;
  readonly doomedRounds: number;
  readonly survivorRounds: number;
  readonly isWhole: boolean;
  readonly replacementRounds: number;
  readonly size: number;
}

/** Rows that belong together: all of a round or none. */
function writeGroup(table: Rows, who: string, round: number): void {
  const text = 'x'.repeat((round * 37) % 90);
  const [first, ...others] = Array.from(
    { length: PARTS },
    (_, part): Row => [`${who} ${part}`, round, text],
  );
  tables.insert(table, first as Row, ...others);
  tables.insert(table, [`${who} ${round % 200}!`, round, text]);
}

/** The last round of a writer, -1 when its rows are not of one round. */
function roundOf(table: Rows, who: string): number {
  const rounds = new Set<number>();
  for (let part = 0; part < PARTS; part += 1) {
    rounds.add(tables.lookup(table, `${who} ${part}`)?.[1] ?? 0);
  }
  const [round] = rounds;
  return rounds.size === 1 ? (round as number) : -1;
}

/** Writes until its thread has no memory left. */
export async function doomed(table: Rows): Promise<void> {
  const hoard: unknown[] = [];
  for (let round = 1; ; round += 1) {
    writeGroup(table, 'doomed', round);
    for (let n = 0; n < 300; n += 1) hoard.push({ n, list: [n, round], text: `${n} of ${round}` });
  }
}

/** Writes until it is told to stop. */
export async function survivor(table: Rows, to: Pid): Promise<void> {
  for (let round = 1; ; round += 1) {
    writeGroup(table, 'survivor', round);
    if (round % 50 === 0 && (await receive((m) => m === 'stop', 0)) !== TIMEOUT) break;
  }
  send(to, 'stopped');
}

/** Writes a hundred rounds. */
export async function replacement(table: Rows, to: Pid): Promise<void> {
  for (let round = 1; round <= 100; round += 1) writeGroup(table, 'replacement', round);
  send(to, 'written');
}

async function take<M>(match: (message: M) => boolean, what: string): Promise<M> {
  const message = await receive<M>(match, PATIENCE_MS);
  if (message === TIMEOUT) throw new Error(`no ${what} came`);
  return message;
}

export async function writeWhileDying(doomedSlot: number, otherSlot: number): Promise<Aftermath> {
  const table: Rows = tables.create<Row, 0>({ key: 0, access: 'public' });
  const other = spawnOpt({ scheduler: otherSlot }, survivor, table, self());
  const victim = spawnOpt({ scheduler: doomedSlot }, doomed, table);
  const ref = monitor(victim);
  const { reason } = await take<Down>((m) => m.type === 'DOWN' && m.ref === ref, 'DOWN');
  const doomedRounds = roundOf(table, 'doomed');
  const before = tables.toArray(table);
  for (;;) {
    try {
      spawnOpt({ scheduler: doomedSlot }, replacement, table, self());
      break;
    } catch (error) {
      // Its thread is being replaced.
      if ((error as { reason?: unknown }).reason !== 'system_limit') throw error;
      await receive(() => false, 10);
    }
  }
  await take((m) => m === 'written', 'message of the replacement');
  send(other, 'stop');
  await take((m) => m === 'stopped', 'message of the survivor');
  const after = tables.toArray(table);
  return {
    reason,
    doomedRounds,
    survivorRounds: roundOf(table, 'survivor'),
    isWhole: [...before, ...after].every(([, round, text]) => text.length === (round * 37) % 90),
    replacementRounds: roundOf(table, 'replacement'),
    size: after.length - (tables.info(table)?.size ?? 0),
  };
}
