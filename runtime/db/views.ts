/** The classes of bytes that records can hold. Their order is part of the format on disk. */

interface View {
  new (buffer: ArrayBuffer): object;
}

export const VIEWS: readonly View[] = [
  ...[ArrayBuffer as unknown as View, Uint8Array, Int8Array, Uint8ClampedArray],
  ...[Uint16Array, Int16Array, Uint32Array, Int32Array, Float32Array, Float64Array],
  ...[BigInt64Array, BigUint64Array, DataView],
];
