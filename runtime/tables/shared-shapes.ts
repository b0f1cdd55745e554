/**
 * Shared shapes: numbers for lists of keys, the same on all threads of the machine.
 *
 * Rows that are records are stored as the number of their keys and their values. Append-only: a number
 * means the same for as long as the machine lives, so each thread keeps what it has read.
 *
 * | cell     | meaning                                         | who writes         |
 * | -------- | ----------------------------------------------- | ------------------ |
 * | LOCK     | see thread-lock.ts                              | holder             |
 * | COUNT    | shapes there are; grows when one is complete    | holder of the lock |
 * | USED     | units of text in use                            | holder of the lock |
 *
 * Behind the header stand, for each shape, where its text ends; then the texts, UTF-16. A thread that
 * dies inside leaves a text that nobody counts, so there is nothing to repair.
 */

import type { ShapeRegistry } from '../codec-encoder.js';
import { breakLock, lock, unlock } from './thread-lock.js';

const LOCK = 0;
const COUNT = 2;
const HEADER_CELLS = 16;
const SHAPES_MAX = 4096;
const TEXT_UNITS = 1 << 19;
/** Keys are stored as JSON; a shape of longer text is not numbered. */
const TEXT_UNITS_MAX = 4096;

export class SharedShapes implements ShapeRegistry {
  readonly buffer: SharedArrayBuffer;
  readonly #cells: Int32Array;
  readonly #text: Uint16Array;
  readonly #life: number;
  readonly #keys: (readonly string[])[] = [];
  readonly #ids = new Map<string, number>();

  constructor(life: number, buffer?: SharedArrayBuffer) {
    const cells = HEADER_CELLS + SHAPES_MAX;
    this.buffer = buffer ?? new SharedArrayBuffer(cells * 4 + TEXT_UNITS * 2);
    this.#cells = new Int32Array(this.buffer, 0, cells);
    this.#text = new Uint16Array(this.buffer, cells * 4);
    this.#life = life;
  }

  idOf(keys: readonly string[]): number {
    const text = JSON.stringify(keys);
    this.#read();
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    lock(this.#cells, LOCK, this.#life);
    try {
      this.#read();
      return this.#ids.get(text) ?? this.#append(text);
    } finally {
      unlock(this.#cells, LOCK);
    }
  }

  keysOf(id: number): readonly string[] {
    if (id >= this.#keys.length) this.#read();
    return this.#keys[id] as readonly string[];
  }

  breakLock(life: number): void {
    breakLock(this.#cells, LOCK, life);
  }

  #append(text: string): number {
    const id = Atomics.load(this.#cells, COUNT);
    const start = id === 0 ? 0 : (this.#cells[HEADER_CELLS + id - 1] as number);
    const end = start + text.length;
    if (id >= SHAPES_MAX || text.length > TEXT_UNITS_MAX || end > TEXT_UNITS) return -1;
    for (let index = 0; index < text.length; index += 1) {
      this.#text[start + index] = text.charCodeAt(index);
    }
    this.#cells[HEADER_CELLS + id] = end;
    Atomics.store(this.#cells, COUNT, id + 1);
    this.#read();
    return id;
  }

  /** Learn what others have added. */
  #read(): void {
    const count = Atomics.load(this.#cells, COUNT);
    for (let id = this.#keys.length; id < count; id += 1) {
      const start = id === 0 ? 0 : (this.#cells[HEADER_CELLS + id - 1] as number);
      const end = this.#cells[HEADER_CELLS + id] as number;
      let text = '';
      for (let at = start; at < end; at += 1) {
        text += String.fromCharCode(this.#text[at] as number);
      }
      this.#keys.push(JSON.parse(text) as string[]);
      this.#ids.set(text, id);
    }
  }
}
