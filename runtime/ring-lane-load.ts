/**
 * Lane load: how much of what was posted to a lane the peer has not taken yet.
 *
 * A frame that goes by the lane takes a few bytes of the ring and perhaps a megabyte of heap, so
 * the ring's own size does not bound it.
 *
 * Invariant: `#sizes` has one entry per message posted and not known to be taken.
 */

/** What a lane may hold before the sender counts as running ahead. */
const LANE_BYTES_MAX: number = 32 << 20;
/** Estimate for a term whose size is not plain to see. */
const TERM_BYTES = 1024;

export class LaneLoad {
  #sizes: number[] = [];
  #bytes = 0;
  #taken = 0;

  /** @param bytes as {@link laneBytes} tells before posting: transferred buffers are gone after it */
  posted(bytes: number): void {
    this.#sizes.push(bytes);
    this.#bytes += bytes;
  }

  /** @param taken how many messages the peer has taken, modulo 2^32 */
  excess(taken: number): number {
    if (this.#sizes.length === 0) return 0;
    const news = (taken - this.#taken) | 0;
    if (news > 0) {
      for (const size of this.#sizes.splice(0, news)) this.#bytes -= size;
      this.#taken = taken;
    }
    return Math.max(0, this.#bytes - LANE_BYTES_MAX);
  }
}

/** Estimate how much memory a lane message takes. */
export function laneBytes(terms: readonly unknown[]): number {
  let size = 0;
  for (const term of terms) size += sizeOf(term);
  return size;
}

/** Binary data by its size, at the top or one level down; a string by its length. */
function sizeOf(term: unknown, depth = 1): number {
  if (typeof term === 'string') return term.length;
  if (typeof term !== 'object' || term === null) return 0;
  if (ArrayBuffer.isView(term)) return term.buffer.byteLength;
  if (term instanceof ArrayBuffer) return term.byteLength;
  let size = TERM_BYTES;
  if (depth > 0) for (const child of Object.values(term)) size += sizeOf(child, depth - 1);
  return size;
}
