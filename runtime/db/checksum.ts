/** Checksum: CRC-32 (that of zip and Ethernet) over parts of a buffer, without cutting it up. */

const TABLE: Int32Array = new Int32Array(256).map((_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) {
    value = (value & 1) === 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  }
  return value;
});

/** @param before the checksum of what comes before, to go on with it */
export function crc32(bytes: Uint8Array, from = 0, to: number = bytes.length, before = 0): number {
  let crc = ~before;
  for (let index = from; index < to; index++) {
    crc = (TABLE[(crc ^ (bytes[index] as number)) & 255] as number) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}
