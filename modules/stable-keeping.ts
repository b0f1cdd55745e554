/**
 * Stable keeping: the state of a stable-server in tables, and back.
 *
 * | table             | key         | holds                                                          |
 * | ----------------- | ----------- | -------------------------------------------------------------- |
 * | `tsvm.servers`    | id          | who has the state: pid, and a token of that life                |
 * | `tsvm.snapshots`  | id          | the state, its version, the number of the last change in it    |
 * | `tsvm.changes`    | id, number  | changes behind the snapshot                                    |
 *
 * Invariants:
 *  1. Each write looks at the token in the same transaction: of two servers with one id, the one that came first
 *     ends at its next change and never writes over the other's.
 *  2. Changes behind a snapshot are of its version: a state of another version is kept as a whole at once.
 */

import { exit, isAlive, log, makeRef, type Pid, ProcessError, self, storage } from 'tsvm';
import { isFailure, moduleName } from './behaviours.js';
import { type AnyCodeChange, translate } from './code-change.js';
import { dirty, type Table, table, transaction } from './db.js';
import type { Transaction } from './db-transaction.js';
import type { Durability, OwnedElsewhere, VersionMismatch } from './stable-server-types.js';

interface Owner {
  readonly id: string;
  readonly pid: Pid;
  readonly token: string;
}
interface Snapshot {
  readonly id: string;
  readonly version: number;
  /** The last change that is in it. */
  readonly number: number;
  readonly state: unknown;
}
interface Entry {
  readonly id: string;
  readonly number: number;
  readonly change: unknown;
}

const owners: Table<Owner, string> = table<Owner>()({ name: 'tsvm.servers', key: 'id' });
const snapshots: Table<Snapshot, string> = table<Snapshot>()({
  name: 'tsvm.snapshots',
  key: 'id',
  storage: 'disc-only',
});
const entries: Table<Entry, readonly [string, number]> = table<Entry>()({
  name: 'tsvm.changes',
  key: ['id', 'number'],
  storage: 'disc-only',
});

/** What a server is started with, beside its module. */
export interface Keeping {
  readonly id: string;
  readonly argument: unknown;
  readonly durability: Durability;
  readonly snapshotEvery: number;
}

/** The callbacks that matter here. */
interface Callbacks {
  readonly version: number;
  readonly init: (argument: unknown, kept: unknown) => unknown;
  readonly apply?: (state: unknown, change: unknown) => unknown;
  readonly upcast?: (change: unknown, version: number) => unknown;
  readonly codeChange?: AnyCodeChange;
}

/** What a server knows of what is kept of it. */
interface Kept {
  readonly id: string;
  readonly durability: Durability;
  readonly snapshotEvery: number;
  readonly token: string;
  version: number;
  /** The last change that is kept. */
  number: number;
  /** The last one that is in the snapshot; those behind it are in a table. */
  whole: number;
  /** Of the state, where it is kept as a whole; to see whether a callback has changed it. */
  bytes: Uint8Array | null;
}

/** What a callback gave. */
interface Given {
  readonly state?: unknown;
  readonly changes?: readonly unknown[];
}

const UNLIMITED: number = Number.POSITIVE_INFINITY;

// ---- what gen-server calls ----------------------------------------------------------------------

/** Take the state, bring it to the version of the program, and run `init`. */
export async function begin(
  module: object,
  { id, argument, durability, snapshotEvery }: Keeping,
): Promise<{ readonly result: unknown; readonly kept: unknown }> {
  const callbacks = module as Callbacks;
  const token = makeRef();
  const owner = await takeOver(id, token);
  if (owner !== null) return { result: { stop: owner }, kept: null };
  const restored = await restore(callbacks, id);
  if ('mismatch' in restored) {
    log.error(`${moduleName(module)}: ${restored.mismatch.message}`);
    return { result: { stop: restored.mismatch }, kept: null };
  }
  const { snapshot, behind, state } = restored;
  // Before `init` can change it.
  const before = snapshot === null ? null : storage.bytesOf(state);
  let result: unknown;
  try {
    result = await callbacks.init(argument, state);
  } catch (thrown) {
    if (isFailure(thrown)) throw thrown;
    result = thrown;
  }
  const kept: Kept = {
    id,
    durability,
    snapshotEvery,
    token,
    version: callbacks.version,
    number: (snapshot?.number ?? 0) + behind,
    whole: snapshot?.number ?? 0,
    bytes: null,
  };
  if (isGiven(result) && 'state' in result) {
    const bytes = storage.bytesOf(result.state);
    if (callbacks.apply === undefined) kept.bytes = bytes;
    const isKept =
      before !== null &&
      snapshot?.version === callbacks.version &&
      behind < snapshotEvery &&
      isSame(before, bytes);
    if (!isKept) await keepWhole(kept, result.state);
  }
  return { result, kept };
}

/** Keep what a callback gave. @returns the result that gen-server goes on with */
export async function keep(
  kept: unknown,
  module: object,
  result: unknown,
  state: unknown,
): Promise<unknown> {
  if (!isGiven(result)) return result;
  const own = kept as Kept;
  const callbacks = module as Callbacks;
  checkForm(own, callbacks);
  if (callbacks.apply === undefined) {
    if ('state' in result) await keepIfChanged(own, callbacks.version, result.state);
    return result;
  }
  if ('state' in result) {
    throw new ProcessError(
      'badarg',
      `${moduleName(module)} has apply, so its callbacks give changes, and no state`,
    );
  }
  const { changes = [], ...rest } = result;
  let next = state;
  for (const change of changes) next = callbacks.apply(next, change);
  await keepChanges(own, callbacks.version, changes, next);
  return { ...rest, state: next };
}

/** The state was changed by a system message: nothing else says so, so it is kept as a whole. */
export async function replaced(kept: unknown, module: object, state: unknown): Promise<void> {
  const own = kept as Kept;
  const callbacks = module as Callbacks;
  checkForm(own, callbacks);
  if (callbacks.apply === undefined) await keepIfChanged(own, callbacks.version, state);
  else if (own.version !== callbacks.version) {
    own.version = callbacks.version;
    await keepWhole(own, state);
  } else await keepReplaced(own, callbacks, state);
}

/** A newer version was loaded that does not translate the state: what it gives must not be taken for its form. */
function checkForm({ id, version }: Kept, callbacks: Callbacks): void {
  if (callbacks.version > version && callbacks.codeChange === undefined) {
    exit(noCodeChange(id, version, callbacks.version));
  }
}

// ---- keeping ------------------------------------------------------------------------------------

async function keepIfChanged(kept: Kept, version: number, state: unknown): Promise<void> {
  const bytes = storage.bytesOf(state);
  const isKept = kept.bytes !== null && kept.version === version && isSame(kept.bytes, bytes);
  if (isKept) return;
  kept.version = version;
  await keepWhole(kept, state);
  kept.bytes = bytes;
}

/** Most system messages only look: what they leave is compared with what the journal gives. */
async function keepReplaced(kept: Kept, callbacks: Callbacks, state: unknown): Promise<void> {
  const restored = await restore(callbacks, kept.id);
  const isKept =
    !('mismatch' in restored) && isSame(storage.bytesOf(restored.state), storage.bytesOf(state));
  if (!isKept) await keepWhole(kept, state);
}

async function keepChanges(
  kept: Kept,
  version: number,
  changes: readonly unknown[],
  state: unknown,
): Promise<void> {
  const { id, number, whole } = kept;
  const isOther = version !== kept.version;
  kept.version = version;
  const isLong = changes.length > 0 && number - whole + changes.length >= kept.snapshotEvery;
  if (isOther || isLong) {
    await keepWhole(kept, state, number + changes.length);
    return;
  }
  if (changes.length === 0) return;
  await write(kept, (tx) => {
    for (const [index, change] of changes.entries()) {
      tx.put(entries, { id, number: number + index + 1, change });
    }
  });
  kept.number += changes.length;
}

/** The changes up to here are in it, and not needed any more. */
async function keepWhole(kept: Kept, state: unknown, number: number = kept.number): Promise<void> {
  const { id, version, whole } = kept;
  await write(kept, (tx) => {
    tx.put(snapshots, { id, version, number, state });
    // By their keys: looking for them would meet the changes of all other servers.
    for (let each = whole + 1; each <= kept.number; each++) tx.delete(entries, [id, each]);
  });
  kept.number = number;
  kept.whole = number;
}

async function write(kept: Kept, body: (tx: Transaction) => void | Promise<void>): Promise<void> {
  const { id, token, durability } = kept;
  const isOwner = await transaction(
    async (tx) => {
      const owner = await tx.get(owners, id);
      if (owner?.token !== token) return false;
      await body(tx);
      return true;
    },
    { durability, retries: UNLIMITED },
  );
  if (isOwner) return;
  const message = `another server has taken the state ${id}`;
  exit({ kind: 'not_owner', id, pid: null, message } satisfies OwnedElsewhere);
}

// ---- getting it back ----------------------------------------------------------------------------

/** @returns who has it, when that one lives */
async function takeOver(id: string, token: string): Promise<OwnedElsewhere | null> {
  const pid = self();
  for (;;) {
    const found = await dirty.get(owners, id);
    if (found !== undefined && found.pid !== pid && (await isAlive(found.pid))) {
      const message = `the server ${found.pid} has the state ${id}`;
      return { kind: 'already_started', id, pid: found.pid, message };
    }
    const isTaken = await transaction(
      async (tx) => {
        if ((await tx.get(owners, id))?.token !== found?.token) return false;
        tx.put(owners, { id, pid, token });
        return true;
      },
      { durability: 'relaxed', retries: UNLIMITED },
    );
    if (isTaken) return null;
  }
}

type Restored =
  | { readonly mismatch: VersionMismatch }
  | { readonly snapshot: Snapshot | null; readonly behind: number; readonly state: unknown };

async function restore(callbacks: Callbacks, id: string): Promise<Restored> {
  const { version: program, codeChange, apply, upcast } = callbacks;
  const snapshot = await dirty.get(snapshots, id);
  if (snapshot === undefined) return { snapshot: null, behind: 0, state: undefined };
  const { version: stored } = snapshot;
  const mismatch = (kind: VersionMismatch['kind'], what: string): Restored => ({
    mismatch: mismatchOf(kind, id, stored, program, what),
  });
  if (stored > program) {
    return mismatch('newer_state', `this program knows ${program}: run the newer program`);
  }
  let { state } = snapshot;
  if (stored < program) {
    if (codeChange === undefined) return { mismatch: noCodeChange(id, stored, program) };
    state = await translate(codeChange, stored, state, undefined);
  }
  let behind = 0;
  for await (const { change } of dirty.rows(entries, { prefix: [id] })) {
    behind += 1;
    if (apply === undefined) {
      return mismatch('not_a_journal', 'with changes behind it, and this program has no apply');
    }
    if (stored < program && upcast === undefined) {
      return mismatch(
        'no_upcast',
        `with changes behind it, and this program has ${program} and no upcast`,
      );
    }
    state = apply(state, stored < program ? upcast?.(change, stored) : change);
  }
  return { snapshot, behind, state };
}

function noCodeChange(id: string, stored: number, program: number): VersionMismatch {
  const what = `this program has ${program} and no codeChange for it`;
  return mismatchOf('no_code_change', id, stored, program, what);
}

function mismatchOf(
  kind: VersionMismatch['kind'],
  id: string,
  stored: number,
  program: number,
  what: string,
): VersionMismatch {
  const message = `the state ${id} is of version ${stored}, ${what}`;
  return { kind, id, stored, program, message };
}

/** Delete what is kept of a server that does not live. @returns whether there was anything */
export async function remove(id: string): Promise<boolean> {
  const found = await dirty.get(owners, id);
  if (found === undefined) return false;
  if (await isAlive(found.pid)) {
    throw new ProcessError(
      'badarg',
      `forget: the server ${found.pid} has the state ${id}: stop it first`,
    );
  }
  const left = await dirty.range(entries, { prefix: [id] });
  return await transaction(
    async (tx) => {
      const owner = await tx.get(owners, id);
      if (owner?.token !== found.token) return false;
      tx.delete(owners, id);
      tx.delete(snapshots, id);
      for (const { number } of left) tx.delete(entries, [id, number]);
      return true;
    },
    { retries: UNLIMITED },
  );
}

function isGiven(result: unknown): result is Given {
  return typeof result === 'object' && result !== null;
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
