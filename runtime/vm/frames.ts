/** Frames: the lines of source around places, for reports that must still say so when the source is another. */

import { codeFrame } from '../../loader/code-frame.js';

const KEPT_MAX = 200;

export class Frames {
  readonly #sourceOf: (file: string) => string | undefined;
  readonly #kept = new Map<string, string | null>();

  constructor(sourceOf: (file: string) => string | undefined) {
    this.#sourceOf = sourceOf;
  }

  /** @param place `file:line:column` @returns `null` where no loaded module has such a line */
  at(place: string): string | null {
    const known = this.#kept.get(place);
    if (known !== undefined) return known;
    const [, file = '', line, column] = /^(.*):(\d+):(\d+)$/.exec(place) ?? [];
    const source = this.#sourceOf(file);
    const frame = source === undefined ? '' : codeFrame(source, Number(line), Number(column));
    if (this.#kept.size >= KEPT_MAX) this.#kept.clear();
    this.#kept.set(place, frame || null);
    return frame || null;
  }

  /** Modules have changed. */
  forget(): void {
    this.#kept.clear();
  }
}
