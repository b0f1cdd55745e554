/**
 * Commit cells: what the threads of a machine share about its tables.
 *
 * | cell (Int32)    | meaning                                             | who writes             | who waits |
 * | --------------- | --------------------------------------------------- | ---------------------- | --------- |
 * | LOCK            | life of the scheduler that commits now, 0: nobody    | CAS by who commits     | who wants to commit |
 * | GATE            | odd while somebody commits                           | holder of the lock     | –         |
 * | DISC, RAM: SEGMENT, TAIL | where each log ends                         | holder of the lock     | –         |
 * | DISC, RAM: APPLIED_SEGMENT, APPLIED | how far each log is in the store, behind a version | storage thread | – |
 * | APPLIED_VERSION | odd while the four above change                      | storage thread         | –         |
 * | ASLEEP          | the storage thread waits for a message               | storage thread; CAS to 0 by who wakes it | storage thread |
 * | EPOCH           | which files of the store count                       | storage thread         | –         |
 * | COMMIT_LOW, COMMIT_HIGH | number of the last commit                    | holder of the lock     | –         |
 * | STOPPED         | why commits are refused, 0: they are not              | storage thread         | –         |
 *
 * Behind them the versions: a word for each stripe. The rows of all tables are spread over the stripes
 * by a hash of their keys; a commit raises the words of the rows that it writes.
 *
 * Invariants:
 *  1. A commit raises the versions before it moves TAIL. So whoever finds all the versions that it has read
 *     unchanged has read what was true at one moment, without any lock.
 *  2. A version is paired with a TAIL only while GATE is even and unchanged (`look`). Broken, a row
 *     from before a commit would be kept under the version of after it.
 *  3. Inside the lock nothing waits, parks, or runs code of the user.
 */

const LOCK = 0;
const GATE = 16;
const DISC = 32;
const RAM = 36;
const SEGMENT = 0;
const TAIL = 1;
const APPLIED_SEGMENT = 2;
const APPLIED = 3;
const APPLIED_VERSION = 48;
const ASLEEP = 64;
const EPOCH = 65;
const COMMIT_LOW = 66;
const COMMIT_HIGH = 67;
const STOPPED = 68;
const VERSIONS = 128;

const STRIPE_BITS = 17;
const STRIPES: number = 1 << STRIPE_BITS;
const SPINS = 2000;

/** Why nothing can be committed. */
export const STOP_REASONS = ['', 'disk_full', 'disk_failed', 'stopped'] as const;
export type StopReason = Exclude<(typeof STOP_REASONS)[number], ''>;

/** The two logs and stores: what is on disk, and what ends with the machine. */
export type Side = 'disc' | 'ram';

/** A place in a log. */
export interface Place {
  readonly segment: number;
  readonly offset: number;
}

export class CommitCells {
  readonly buffer: SharedArrayBuffer;
  readonly #cells: Int32Array;

  constructor(buffer?: SharedArrayBuffer) {
    this.buffer = buffer ?? new SharedArrayBuffer((VERSIONS + STRIPES) * 4);
    this.#cells = new Int32Array(this.buffer);
  }

  // ---- the lock -----------------------------------------------------------------------------------

  /** @param life who takes the lock; see `breakLock` */
  lock(life: number): void {
    const cells = this.#cells;
    for (let spin = 0; Atomics.compareExchange(cells, LOCK, 0, life) !== 0; spin++) {
      if (spin > SPINS) Atomics.wait(cells, LOCK, Atomics.load(cells, LOCK), 1);
    }
    Atomics.add(cells, GATE, 1);
  }

  unlock(): void {
    Atomics.add(this.#cells, GATE, 1);
    Atomics.store(this.#cells, LOCK, 0);
    Atomics.notify(this.#cells, LOCK, 1);
  }

  /** Free the lock of a thread that died inside. What it had not published has not happened. */
  breakLock(life: number): void {
    const cells = this.#cells;
    if (Atomics.load(cells, LOCK) !== life) return;
    if ((Atomics.load(cells, GATE) & 1) === 1) Atomics.add(cells, GATE, 1);
    Atomics.store(cells, LOCK, 0);
    Atomics.notify(cells, LOCK);
  }

  // ---- versions -----------------------------------------------------------------------------------

  version(stripe: number): number {
    return Atomics.load(this.#cells, VERSIONS + stripe);
  }

  /** Inside the lock. */
  raise(stripe: number): number {
    return (Atomics.add(this.#cells, VERSIONS + stripe, 1) + 1) | 0;
  }

  /** Everything that was read is as if it had been written since: another store is served now. */
  raiseAll(): void {
    for (let stripe = 0; stripe < STRIPES; stripe++) Atomics.add(this.#cells, VERSIONS + stripe, 1);
  }

  /** Changes with every commit. Odd while one is under way. */
  get gate(): number {
    return Atomics.load(this.#cells, GATE);
  }

  /** The version of a stripe, together with where the log of its side ended then. */
  look(
    stripe: number,
    side: Side,
    into: { version: number; segment: number; offset: number },
  ): void {
    const cells = this.#cells;
    const at = baseOf(side);
    for (;;) {
      const gate = Atomics.load(cells, GATE);
      if ((gate & 1) === 1) continue;
      into.version = Atomics.load(cells, VERSIONS + stripe);
      into.segment = Atomics.load(cells, at + SEGMENT);
      into.offset = Atomics.load(cells, at + TAIL);
      if (Atomics.load(cells, GATE) === gate) return;
    }
  }

  // ---- the logs -----------------------------------------------------------------------------------

  /** Where a log ends. Consistent only inside the lock. */
  tail(side: Side): Place {
    const at = baseOf(side);
    return {
      segment: Atomics.load(this.#cells, at + SEGMENT),
      offset: Atomics.load(this.#cells, at + TAIL),
    };
  }

  setTail(side: Side, { segment, offset }: Place): void {
    const at = baseOf(side);
    Atomics.store(this.#cells, at + SEGMENT, segment);
    Atomics.store(this.#cells, at + TAIL, offset);
  }

  /** Where both logs end, at one moment. */
  tails(): { readonly disc: Place; readonly ram: Place; readonly commit: number } {
    for (;;) {
      const { gate } = this;
      if ((gate & 1) === 1) continue;
      const found = { disc: this.tail('disc'), ram: this.tail('ram'), commit: this.commit };
      if (this.gate === gate) return found;
    }
  }

  /** How far a log has reached the store that everybody reads. */
  applied(side: Side): Place {
    const at = baseOf(side);
    for (;;) {
      const version = Atomics.load(this.#cells, APPLIED_VERSION);
      if ((version & 1) === 1) continue;
      const segment = Atomics.load(this.#cells, at + APPLIED_SEGMENT);
      const offset = Atomics.load(this.#cells, at + APPLIED);
      if (Atomics.load(this.#cells, APPLIED_VERSION) === version) return { segment, offset };
    }
  }

  setApplied(side: Side, { segment, offset }: Place): void {
    const at = baseOf(side);
    Atomics.add(this.#cells, APPLIED_VERSION, 1);
    Atomics.store(this.#cells, at + APPLIED_SEGMENT, segment);
    Atomics.store(this.#cells, at + APPLIED, offset);
    Atomics.add(this.#cells, APPLIED_VERSION, 1);
  }

  /** The number of the last commit. */
  get commit(): number {
    const high = Atomics.load(this.#cells, COMMIT_HIGH);
    return high * 2 ** 32 + (Atomics.load(this.#cells, COMMIT_LOW) >>> 0);
  }

  /** Inside the lock. */
  set commit(number: number) {
    Atomics.store(this.#cells, COMMIT_HIGH, Math.floor(number / 2 ** 32));
    Atomics.store(this.#cells, COMMIT_LOW, number | 0);
  }

  // ---- the storage thread -------------------------------------------------------------------------

  /** The storage thread is about to wait for a message. */
  fallAsleep(): void {
    Atomics.store(this.#cells, ASLEEP, 1);
  }

  wakeUp(): void {
    Atomics.store(this.#cells, ASLEEP, 0);
  }

  /** @returns whether it sleeps and the caller is to send it a message */
  mustWake(): boolean {
    return (
      Atomics.load(this.#cells, ASLEEP) === 1 &&
      Atomics.compareExchange(this.#cells, ASLEEP, 1, 0) === 1
    );
  }

  get epoch(): number {
    return Atomics.load(this.#cells, EPOCH);
  }

  nextEpoch(): number {
    return Atomics.add(this.#cells, EPOCH, 1) + 1;
  }

  get stopped(): StopReason | null {
    const reason = STOP_REASONS[Atomics.load(this.#cells, STOPPED)] ?? '';
    return reason === '' ? null : reason;
  }

  set stopped(reason: StopReason | null) {
    Atomics.store(this.#cells, STOPPED, STOP_REASONS.indexOf(reason ?? ''));
  }
}

function baseOf(side: Side): number {
  return side === 'disc' ? DISC : RAM;
}

/** The stripe of a key: FNV-1a over its bytes. */
export function stripeOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < bytes.length; index++) {
    hash = Math.imul(hash ^ (bytes[index] as number), 0x01000193);
  }
  hash ^= hash >>> STRIPE_BITS;
  return hash & (STRIPES - 1);
}
