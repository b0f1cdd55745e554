/**
 * Shared state: what every thread of the machine may look at without asking.
 *
 * | cell (Int32, per slot) | meaning                                         | who writes            | who waits |
 * | ---------------------- | ----------------------------------------------- | --------------------- | --------- |
 * | LIFE                   | life of the slot's scheduler, 0 when none runs  | owner; main thread when it died | –         |
 * | SLEEP                  | AWAKE, IN_EVENT_LOOP or DOZING                  | owner; CAS to AWAKE by who wakes it | owner, while DOZING |
 * | RUN_QUEUE              | runnable processes                              | owner                 | –         |
 * | PROCESSES              | living processes                                | owner                 | –         |
 * | SPAWNS_COMING          | spawns sent to the slot and not yet received    | senders add, owner subtracts | –  |
 * | CODE_EPOCH (slot 0)    | commands of the code server so far, see code-inbox.ts | main thread     | –         |
 * | SPAWN_BLOCK            | blocks of pid counters handed out to the slot   | owner                 | –         |
 * | HEARD (slot 0)         | HEARD_LOGS, HEARD_CRASHES: somebody listens     | main thread           | –         |
 * | LOGS_SENT              | lines given to the main thread by this life     | owner                 | –         |
 * | LOGS_TAKEN             | those that are written or thrown away           | main thread           | –         |
 * | BEAT                   | changes while slices make progress, 0 between them | owner, not atomically | –      |
 *
 * | cell (Float64, per slot) | meaning (since the thread began)              |
 * | ------------------------ | --------------------------------------------- |
 * | REDUCTIONS               | reductions executed                           |
 * | BUSY_MS, TOTAL_MS        | time in slices, time in all                   |
 * | TURNS                    | turns of the run loop                         |
 *
 * Invariant: a slot is a place for one scheduler thread at a time; a *life* is one thread. Slots
 * count from 1, lives from 1 and never repeat.
 */

import { CREATORS } from './address.js';

export const LIFE = 0;
export const SLEEP = 1;
export const RUN_QUEUE = 2;
export const PROCESSES = 3;
export const SPAWNS_COMING = 4;
export const SPAWN_BLOCK = 5;
export const TIMERS = 6;
export const CODE_EPOCH = 7;
export const BEAT = 8;
export const HEARD = 9;
export const LOGS_SENT = 10;
export const LOGS_TAKEN = 11;

/** Bits of HEARD: what nobody listens to is not made. */
export const HEARD_LOGS = 1;
export const HEARD_CRASHES = 2;

export const AWAKE = 0;
/** Asleep in the event loop: woken by a message on a port. */
export const IN_EVENT_LOOP = 1;
/** Asleep for a fraction of a millisecond in `Atomics.wait` on its SLEEP cell. */
export const DOZING = 2;

export const REDUCTIONS = 0;
export const BUSY_MS = 1;
export const TOTAL_MS = 2;
export const TURNS = 3;

const PER_LIFE = [
  LIFE,
  SLEEP,
  RUN_QUEUE,
  PROCESSES,
  SPAWNS_COMING,
  TIMERS,
  BEAT,
  LOGS_SENT,
  LOGS_TAKEN,
];

/** A cache line of Int32 cells, so that two owners never share one. */
const STRIDE = 16;
const FLOAT_STRIDE = 8;

/** Pid counters are reserved in blocks, so that a new life never repeats a counter of an old one. */
export const COUNTER_BLOCK = 4096;

export class SharedState {
  readonly buffer: SharedArrayBuffer;
  readonly cells: Int32Array;
  readonly figures: Float64Array;

  constructor(buffer?: SharedArrayBuffer) {
    const cellBytes = CREATORS * STRIDE * Int32Array.BYTES_PER_ELEMENT;
    const figureBytes = CREATORS * FLOAT_STRIDE * Float64Array.BYTES_PER_ELEMENT;
    this.buffer = buffer ?? new SharedArrayBuffer(cellBytes + figureBytes);
    this.cells = new Int32Array(this.buffer, 0, CREATORS * STRIDE);
    this.figures = new Float64Array(this.buffer, cellBytes, CREATORS * FLOAT_STRIDE);
  }

  /** Index of a cell of a slot, for `Atomics` on `cells`. */
  at(slot: number, cell: number): number {
    return slot * STRIDE + cell;
  }

  get(slot: number, cell: number): number {
    return Atomics.load(this.cells, slot * STRIDE + cell);
  }

  set(slot: number, cell: number, value: number): void {
    Atomics.store(this.cells, slot * STRIDE + cell, value);
  }

  add(slot: number, cell: number, value: number): number {
    return Atomics.add(this.cells, slot * STRIDE + cell, value) + value;
  }

  figure(slot: number, figure: number): number {
    return this.figures[slot * FLOAT_STRIDE + figure] as number;
  }

  setFigure(slot: number, figure: number, value: number): void {
    this.figures[slot * FLOAT_STRIDE + figure] = value;
  }

  /** Forget the figures of a slot whose thread died. The block counter stays. */
  clear(slot: number): void {
    for (const cell of PER_LIFE) this.set(slot, cell, 0);
    this.figures.fill(0, slot * FLOAT_STRIDE, (slot + 1) * FLOAT_STRIDE);
  }
}
