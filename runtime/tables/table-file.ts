/**
 * Table file: the rows of a table on disk.
 *
 * A line of text says what it is; then come frames: four bytes with the length of what follows, four
 * with its CRC-32, and a list of rows as V8 serialises them. The last frame holds how many rows there
 * are. Damage is found, and said where; nothing of a damaged file is used.
 *
 * It is written beside and renamed, so there is never half a file under its name.
 *
 * Source: OTP, `ets:tab2file/3` with `{extended_info, [object_count, md5sum]}`.
 */

import { open, readFile, rename, rm } from 'node:fs/promises';
import { Deserializer, Serializer } from 'node:v8';
import { crc32 } from 'node:zlib';
import { type Packed, packed, unpackFunctions } from '../carried-functions.js';
import { ProcessError } from '../errors.js';

const MAGIC = 'tsvm table 1\n';
const ROWS_A_FRAME = 512;
const FRAME_HEADER = 8;

export interface TableFileHeader {
  readonly name: string | null;
  readonly type: string | undefined;
  readonly access: string | undefined;
  readonly key: string | number | undefined;
}

/** @param rows are read before the first wait, and need not stay as they are */
export async function writeTableFile(
  path: string,
  header: TableFileHeader,
  rows: readonly unknown[],
): Promise<void> {
  const beside = `${path}.${process.pid}.part`;
  const file = await open(beside, 'w');
  try {
    await file.write(MAGIC);
    await file.write(frame(header));
    for (let from = 0; from < rows.length; from += ROWS_A_FRAME) {
      await file.write(frame(rows.slice(from, from + ROWS_A_FRAME)));
    }
    await file.write(frame(rows.length));
    await file.sync();
    await file.close();
    await rename(beside, path);
  } catch (error) {
    await file.close().catch(() => {});
    await rm(beside, { force: true });
    throw error;
  }
}

export async function readTableFile(
  path: string,
): Promise<{ readonly header: TableFileHeader; readonly rows: readonly unknown[] }> {
  const bytes = await readFile(path);
  if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) throw damaged(path, 0, 'no table file');
  const rows: unknown[] = [];
  let header: TableFileHeader | undefined;
  let at = MAGIC.length;
  while (at < bytes.length) {
    const content = contentAt(path, bytes, at);
    at += FRAME_HEADER + content.length;
    const value = deserialize(content);
    if (header === undefined) header = value as TableFileHeader;
    else if (Array.isArray(value)) for (const row of value) rows.push(row);
    else if (value !== rows.length || at !== bytes.length) {
      throw damaged(path, at, `${rows.length} rows of ${String(value)}`);
    } else return { header, rows };
  }
  throw damaged(path, at, 'its end is missing');
}

function contentAt(path: string, bytes: Buffer, at: number): Buffer {
  if (at + FRAME_HEADER > bytes.length) throw damaged(path, at, 'its end is missing');
  const length = bytes.readUInt32LE(at);
  const content = bytes.subarray(at + FRAME_HEADER, at + FRAME_HEADER + length);
  if (content.length < length) throw damaged(path, at, 'its end is missing');
  if (crc32(content) !== bytes.readUInt32LE(at + 4)) throw damaged(path, at, 'wrong check sum');
  return content;
}

function damaged(path: string, at: number, why: string): ProcessError {
  return new ProcessError('badarg', `${path} is no complete table file: ${why}, at byte ${at}`);
}

function frame(value: unknown): Buffer {
  const { value: plain, functions } = packed(value);
  const serializer = new Serializer();
  serializer.writeHeader();
  serializer.writeValue([plain, functions]);
  const content = serializer.releaseBuffer();
  const head = Buffer.alloc(FRAME_HEADER);
  head.writeUInt32LE(content.length, 0);
  head.writeUInt32LE(crc32(content), 4);
  return Buffer.concat([head, content]);
}

function deserialize(content: Buffer): unknown {
  const deserializer = new Deserializer(content);
  deserializer.readHeader();
  const [value, functions] = deserializer.readValue() as [unknown, Packed['functions']];
  return unpackFunctions({ value, functions });
}
