/**
 * Table entry: the cells of one table in the directory, and the words of its root chunk.
 *
 * | cell         | meaning                                                         | who writes         |
 * | ------------ | --------------------------------------------------------------- | ------------------ |
 * | GENERATION   | the table's number for ever, 0 when the entry is free           | directory lock     |
 * | LOCK         | two cells, see thread-lock.ts                                   | holder             |
 * | SEQUENCE     | odd while rows or index are being changed                       | holder of the lock |
 * | LAYOUT       | changes when pages of the table are given back                  | holder of the lock |
 * | STAMP        | the last version given to a row                                 | holder of the lock |
 * | COUNT        | objects in the table                                            | holder of the lock |
 * | SLOTS_HIGH   | slots in use are below it                                       | holder of the lock |
 * | SLOT_FREE    | first free slot below it, plus 1                                | holder of the lock |
 * | BUCKETS      | buckets of a hash table                                         | holder of the lock |
 * | TREE         | root of an ordered table, a slot plus 1                         | holder of the lock |
 * | FIXED        | how often it is fixed, by all processes                         | holder of the lock |
 * | BURIED       | deleted rows that are kept because of that                      | holder of the lock |
 * | INTENT       | 0, `CLEARING`, or the block that lists what is being inserted   | holder of the lock |
 * | ROOT         | the root chunk                                                  | directory lock     |
 * | KIND, ACCESS | numbers of the lists below                                      | directory lock     |
 * | OWNER_*      | life, creator and counter of the owner                          | directory lock     |
 * | OWNER_STAMP  | changes with the owner                                          | directory lock     |
 * | META         | block with name, owner, heir: what `info` tells                 | directory lock     |
 * | META_STAMP   | changes with META                                               | directory lock     |
 *
 * Lock order: directory, then table.
 */

import { CREATORS } from '../address.js';
import { SLAB_WORDS } from './slab.js';
import { CHUNK_WORDS } from './table-memory.js';

export const GENERATION = 0;
export const LOCK = 1;
export const SEQUENCE = 3;
export const LAYOUT = 4;
export const STAMP = 5;
export const COUNT = 6;
export const SLOTS_HIGH = 7;
export const SLOT_FREE = 8;
export const BUCKETS = 9;
export const TREE = 10;
export const FIXED = 11;
export const BURIED = 12;
export const INTENT = 13;
export const ROOT = 14;
export const KIND = 15;
export const ACCESS = 16;
export const OWNER_LIFE = 17;
export const OWNER_CREATOR = 18;
export const OWNER_COUNTER_LOW = 19;
export const OWNER_COUNTER_HIGH = 20;
export const OWNER_STAMP = 21;
export const META = 22;
export const META_STAMP = 23;

export const CLEARING = -1;

export const KINDS = ['set', 'ordered_set', 'bag', 'duplicate_bag'] as const;
export const SET = 0;
export const ORDERED_SET = 1;
export const BAG = 2;
export const DUPLICATE_BAG = 3;
export type TableKind = (typeof KINDS)[number];

export const ACCESSES = ['public', 'protected', 'private'] as const;
export const PUBLIC = 0;
export const PROTECTED = 1;
export const PRIVATE = 2;
export type TableAccess = (typeof ACCESSES)[number];

/** Words of the root chunk: how often the processes of each scheduler slot have fixed the table. */
export const ROOT_FIXES = 0;
export const ROOT_SLABS: number = ROOT_FIXES + CREATORS;
export const ROOT_SLOTS: number = ROOT_SLABS + SLAB_WORDS;
/** Pages of pages: each is a chunk that lists pages. */
export const ROOT_LISTS: number = Math.floor((CHUNK_WORDS - ROOT_SLOTS) / 2);
export const ROOT_BUCKETS: number = ROOT_SLOTS + ROOT_LISTS;
