/**
 * Table info: what a table looks like from outside.
 *
 * Source: OTP, `ets:info/1`.
 */

import type { Pid } from '../terms.js';
import type { Table } from './table.js';
import { ACCESSES, KINDS, type TableAccess, type TableKind } from './table-entry.js';
import { CHUNK_WORDS } from './table-memory.js';
import type { Tables } from './tables.js';

export interface TableFigures {
  readonly ref: string;
  readonly name: string | null;
  readonly type: TableKind;
  readonly access: TableAccess;
  readonly owner: Pid;
  readonly heir: Pid | null;
  readonly key: string | number;
  readonly size: number;
  readonly memoryBytes: number;
  readonly bytesPerRow: number;
  readonly fixed: number;
  readonly createdAt: number;
}

/** @returns `undefined` when it is gone */
export function tableInfo(tables: Tables, table: Table): TableFigures | undefined {
  const meta = tables.metaOf(table);
  if (meta === undefined) return undefined;
  const { rows } = table;
  const size = rows.size;
  const memoryBytes = tables.memory.chunksOf(rows.table) * CHUNK_WORDS * 4;
  return {
    ref: table.ref,
    name: meta.name,
    type: KINDS[rows.kind] as TableKind,
    access: ACCESSES[table.access] as TableAccess,
    owner: meta.owner,
    heir: meta.heir?.pid ?? null,
    key: meta.key,
    size,
    memoryBytes,
    bytesPerRow: size === 0 ? 0 : Math.round(memoryBytes / size),
    fixed: table.fixed,
    createdAt: meta.createdAt,
  };
}
