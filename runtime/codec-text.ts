/**
 * Reading strings out of shared memory.
 *
 * `String.fromCharCode` with a fixed number of arguments is three times faster than the decoders of
 * Node for the short strings that messages are made of, so there is one generated function for each
 * short length.
 */
import { generate } from './shape.js';

const SHORT_MAX = 24;
const CHUNK_UNITS = 4096;
const { fromCharCode } = String;
const { apply } = Reflect;

type ReadText = (bytes: Uint8Array, start: number) => string;

const shortReaders: readonly ReadText[] = Array.from({ length: SHORT_MAX + 1 }, (_, length) => {
  const units = Array.from({ length }, (_, index) => `bytes[start + ${index}]`);
  return generate<ReadText>(
    { fromCharCode },
    `return function read${length}(bytes, start) { return fromCharCode(${units.join(', ')}); };`,
  );
});

export function readLatin1(bytes: Uint8Array, start: number, length: number): string {
  if (length <= SHORT_MAX) return (shortReaders[length] as ReadText)(bytes, start);
  return bufferOver(bytes).latin1Slice(start, start + length);
}

/** Units are little-endian and may be lone surrogates, which no text decoder would keep. */
export function readUtf16(bytes: Uint8Array, start: number, length: number): string {
  let text = '';
  for (let done = 0; done < length; done += CHUNK_UNITS) {
    const count = Math.min(CHUNK_UNITS, length - done);
    const units = new Uint16Array(count);
    for (let index = 0; index < count; index += 1) {
      const at = start + 2 * (done + index);
      units[index] = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
    }
    text += apply(fromCharCode, null, units as unknown as readonly number[]);
  }
  return text;
}

interface Latin1Reader {
  latin1Slice(start: number, end: number): string;
}

/** One Buffer per memory, made when first asked for. */
const buffers = new WeakMap<ArrayBufferLike, Latin1Reader>();

function bufferOver(bytes: Uint8Array): Latin1Reader {
  let found = buffers.get(bytes.buffer);
  if (found === undefined) {
    found = Buffer.from(
      bytes.buffer,
      bytes.byteOffset,
      bytes.byteLength,
    ) as unknown as Latin1Reader;
    buffers.set(bytes.buffer, found);
  }
  return found;
}
