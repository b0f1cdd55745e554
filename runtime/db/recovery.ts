/**
 * Recovery: bring a folder of tables in order that a machine left, however it ended.
 *
 * What the log has and the store lacks is applied. The log of the last life ends where its last whole
 * record ends. What stands behind that was never acknowledged, if the machine was ended in the middle of
 * a write; it is kept in a file beside the log, and said. Whole records behind a bad one, a gap, or
 * a missing segment are damage: the folder is refused.
 *
 * Cost: bounded by how far a log may be ahead of the store, 64 MB; see `embedded-engine.ts`.
 */

import { appendFileSync, readFileSync } from 'node:fs';
import type { Place } from './commit-cells.js';
import { idOf } from './key-bytes.js';
import { segmentPath, segmentsIn } from './log-files.js';
import {
  commitOf,
  eachWrite,
  HEADER_BYTES,
  isSound,
  recordLength,
  type Write,
} from './log-record.js';
import { DamageError, type Store } from './store.js';

/** What recovery found and did. */
export interface Recovered {
  /** Commits that were applied from the log. */
  readonly commits: number;
  readonly ms: number;
  /** Bytes at the end of the log that were no whole record. */
  readonly torn: { readonly file: string; readonly bytes: number; readonly kept: string } | null;
  /** Number of the last commit. */
  readonly commit: number;
  /** The segment that the next commit is to begin. */
  readonly segment: number;
}

/** What a log holds from a place on. */
export interface LogContent {
  readonly records: number;
  readonly commit: number;
  /** The last segment that is there. */
  readonly segment: number;
  readonly torn: { readonly file: string; readonly from: number; readonly bytes: Buffer } | null;
}

const BATCH_BYTES: number = 8 * 1024 * 1024;

/** @throws DamageError */
export async function recover(store: Store, logFolder: string): Promise<Recovered> {
  const begin = performance.now();
  const position = store.position();
  let batch = new Map<string, Write>();
  let bytes = 0;
  let commits = 0;
  let last = position?.commit ?? 0;
  let content: LogContent | null = null;
  const place = position?.place ?? { segment: 0, offset: 0 };
  const flush = async (): Promise<void> => {
    await store.apply(batch, { commit: last, place });
    batch = new Map();
    bytes = 0;
  };
  for (const step of readLog(logFolder, position?.place)) {
    if ('records' in step) {
      content = step;
      break;
    }
    // A batch that is applied twice, as after a second crash, is the same as once.
    if (step.commit <= (position?.commit ?? 0)) continue;
    eachWrite(step.bytes, step.at, (write) => {
      batch.set(idOf(write.key), write);
      bytes += write.key.length + write.value.length;
    });
    commits += 1;
    last = step.commit;
    if (bytes > BATCH_BYTES) await flush();
  }
  const segment = (content?.segment ?? place.segment) + 1;
  await store.apply(batch, { commit: last, place: { segment, offset: 0 } });
  let torn: Recovered['torn'] = null;
  if (content?.torn != null) {
    const { file, bytes: cut } = content.torn;
    const kept = `${file}.torn`;
    appendFileSync(kept, cut, { mode: 0o600 });
    torn = { file, bytes: cut.length, kept };
  }
  return { commits, ms: performance.now() - begin, torn, commit: last, segment };
}

/** One record, in `bytes` at `at`. */
export interface LogStep {
  readonly bytes: Buffer;
  readonly at: number;
  readonly commit: number;
}

/**
 * The records of a log from a place on, then what was found.
 *
 * @param from where the store stands; without one, all segments
 * @throws DamageError
 */
export function* readLog(
  folder: string,
  from: Place | undefined,
): Generator<LogStep | LogContent, void> {
  const all = segmentsIn(folder);
  const first = from?.segment ?? all[0] ?? 0;
  const numbers = all.filter((number) => number >= first);
  checkGapless(folder, numbers, from);
  let records = 0;
  let commit = 0;
  let torn: LogContent['torn'] = null;
  for (const [index, segment] of numbers.entries()) {
    const file = segmentPath(folder, segment);
    const bytes = readFileSync(file);
    let at = segment === from?.segment ? from.offset : 0;
    if (at > bytes.length) {
      throw new DamageError(
        `${file} has ${bytes.length} bytes, and the store has applied ${at} of it: it was truncated`,
      );
    }
    for (;;) {
      const length = recordLength(bytes, at);
      if (length === 0 || at + length > bytes.length || !isSound(bytes, at, length)) break;
      const number = commitOf(bytes, at);
      if (number <= commit && records > 0) {
        throw new DamageError(`${file}: commit ${number} at ${at} stands behind commit ${commit}`);
      }
      commit = number;
      records += 1;
      yield { bytes, at, commit };
      at += length;
    }
    if (at === bytes.length) continue;
    const rest = bytes.subarray(at);
    if (index < numbers.length - 1 || holdsLater(rest, commit)) {
      throw new DamageError(
        `${file} is damaged at ${at}: there is no whole record, and later ones follow`,
      );
    }
    torn = rest.every((byte) => byte === 0) ? null : { file, from: at, bytes: rest };
  }
  yield { records, commit, segment: numbers.at(-1) ?? first, torn };
}

function checkGapless(folder: string, numbers: readonly number[], from: Place | undefined): void {
  const first = numbers[0];
  if (from !== undefined && first !== from.segment) {
    throw new DamageError(`${segmentPath(folder, from.segment)} is missing`);
  }
  for (const [index, number] of numbers.entries()) {
    if (index > 0 && number !== (numbers[index - 1] as number) + 1) {
      throw new DamageError(`${segmentPath(folder, number - 1)} is missing`);
    }
  }
}

/** Is there a sound record of a later commit anywhere in it? */
function holdsLater(bytes: Buffer, commit: number): boolean {
  for (let at = 8; at + HEADER_BYTES <= bytes.length; at += 8) {
    const length = recordLength(bytes, at);
    if (length === 0 || at + length > bytes.length) continue;
    if (commitOf(bytes, at) > commit && isSound(bytes, at, length)) return true;
  }
  return false;
}
