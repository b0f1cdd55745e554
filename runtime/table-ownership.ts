/**
 * Table ownership: what happens to tables when processes end, or give them away.
 *
 * A table has one owner. When that ends, the table is deleted, or goes to its heir with an
 * `ETS-TRANSFER` message: before links and monitors of the owner hear of the end.
 *
 * Whether an heir on another scheduler lives is known there only. So the table is made the heir's,
 * and the message sent; if the heir is dead by then, whoever gets the message for it sees that the
 * table has a dead owner (`orphaned`).
 *
 * Source: OTP, `ets` › "heir", `give_away/3`; SEMANTICS §16.
 */

import { CREATORS, homeOf, serialOf } from './address.js';
import { channelTo, isComing, sendToPid } from './delivery.js';
import { badarg, ProcessError } from './errors.js';
import type { Process } from './process.js';
import type { Scheduler } from './scheduler.js';
import { isSameOwner } from './tables/owned-tables.js';
import { exhume } from './tables/row-writer.js';
import type { OwnerId, Table, TableMeta } from './tables/table.js';
import type { Pid } from './terms.js';

/** What the new owner of a table receives. */
export interface TableTransfer<T extends string = string, D = unknown> {
  readonly type: 'ETS-TRANSFER';
  /** Its name, or its reference if it has none. */
  readonly table: T;
  readonly from: Pid;
  /** What was given with it. */
  readonly data: D;
}

export function ownerOf(scheduler: Scheduler, proc: Process): OwnerId {
  return { life: scheduler.life, creator: proc.creator, counter: proc.counter };
}

/** A process has ended: before anybody hears of it. */
export function releaseTables(scheduler: Scheduler, proc: Process): void {
  if (proc.extra !== null && proc.extra.fixes !== null) unfixAll(scheduler, proc);
  if (scheduler.tables.count === 0) return;
  const owned = scheduler.ownedTables.of(proc.creator, proc.counter);
  if (owned.length === 0) return;
  const owner = ownerOf(scheduler, proc);
  for (const index of [...owned]) ownerEnded(scheduler, index, owner);
}

/** A message has come for a process that is not here: was it given a table? */
export function orphaned(scheduler: Scheduler, pid: Pid): void {
  if (scheduler.tables.count === 0 || homeOf(pid, scheduler.node) !== scheduler.life) return;
  const { creator, counter } = scheduler.processes.originOf(pid);
  const owner = { life: scheduler.life, creator, counter };
  for (const index of [...scheduler.ownedTables.of(creator, counter)]) {
    ownerEnded(scheduler, index, owner);
  }
}

/** A scheduler is gone, and all its processes with it. */
export function ownersEnded(scheduler: Scheduler, life: number): void {
  for (const { index, owner } of [...scheduler.tables.ownedOn(life)]) {
    ownerEnded(scheduler, index, owner);
  }
}

function ownerEnded(scheduler: Scheduler, index: number, owner: OwnerId): void {
  const { tables } = scheduler;
  const table = tables.at(index);
  if (table === undefined) return;
  const message = tables.locked((): { to: Pid; transfer: TableTransfer } | null => {
    if (!table.rows.isLive || !isSameOwner(table.owner, owner)) return null;
    const meta = tables.metaOf(table);
    const heir = meta?.heir ?? null;
    if (meta === undefined || heir === null || !mayLive(scheduler, heir.pid)) {
      tables.deleteLocked(table);
      return null;
    }
    tables.giveLocked(table, ownerIdOf(scheduler, heir.pid), heir.pid, null);
    return { to: heir.pid, transfer: transferOf(table, meta, meta.owner, heir.data) };
  });
  if (message !== null) sendToPid(scheduler, message.to, message.transfer);
}

function transferOf(table: Table, meta: TableMeta, from: Pid, data: unknown): TableTransfer {
  return { type: 'ETS-TRANSFER', table: meta.name ?? table.ref, from, data };
}

/** False when the process is dead for certain. */
function mayLive(scheduler: Scheduler, pid: Pid): boolean {
  if (homeOf(pid, scheduler.node) === scheduler.life) {
    return scheduler.processes.find(pid) !== null || isComing(scheduler, pid);
  }
  return channelTo(scheduler, pid) !== undefined;
}

export function ownerIdOf(scheduler: Scheduler, pid: Pid): OwnerId {
  const life = homeOf(pid, scheduler.node);
  const prefix = `<${scheduler.node}.${life}.`;
  const serial = serialOf(pid, prefix.length);
  const creator = serial % CREATORS;
  return { life, creator, counter: (serial - creator) / CREATORS };
}

/**
 * Give a table of the caller's to another process.
 *
 * @throws badarg when the process is dead for certain, or owns it already
 */
export function giveAway(
  scheduler: Scheduler,
  proc: Process,
  table: Table,
  to: Pid,
  data: unknown,
): void {
  const { tables } = scheduler;
  if (to === proc.pid) throw badarg('giveAway: to', 'another process than the owner', to);
  if (!mayLive(scheduler, to))
    throw new ProcessError('badarg', `giveAway: there is no process ${to}`);
  const transfer = tables.locked(() => {
    if (!table.rows.isLive || !isSameOwner(table.owner, ownerOf(scheduler, proc))) {
      throw new ProcessError('badarg', 'giveAway: the table is not (any more) owned by the caller');
    }
    const meta = tables.metaOf(table) as TableMeta;
    tables.giveLocked(table, ownerIdOf(scheduler, to), to, meta.heir);
    return transferOf(table, meta, proc.pid, data);
  });
  sendToPid(scheduler, to, transfer);
}

/** Fix a table for a process, or take one fix of it back. @returns false when it had none */
export function fix(scheduler: Scheduler, proc: Process, table: Table, isFixed: boolean): boolean {
  const extra = proc.more();
  extra.fixes ??= new Map();
  const count = extra.fixes.get(table.ref) ?? 0;
  if (!isFixed && count === 0) return false;
  changeFixes(scheduler, table, isFixed ? 1 : -1);
  const left = count + (isFixed ? 1 : -1);
  if (left === 0) extra.fixes.delete(table.ref);
  else extra.fixes.set(table.ref, left);
  return true;
}

function changeFixes(scheduler: Scheduler, table: Table, by: number): void {
  const { rows } = table;
  rows.begin();
  try {
    table.countFix(scheduler.slot, by);
    if (table.fixed === 0) exhume(rows);
  } catch (error) {
    rows.fail(error);
  }
  rows.end();
}

function unfixAll(scheduler: Scheduler, proc: Process): void {
  const fixes = proc.extra?.fixes ?? new Map<string, number>();
  for (const [ref, count] of fixes) {
    const table = scheduler.tables.tryFind(ref);
    if (table === undefined) continue;
    try {
      changeFixes(scheduler, table, -count);
    } catch {
      // Deleted meanwhile: nothing is left that could be fixed.
    }
  }
  fixes.clear();
}
