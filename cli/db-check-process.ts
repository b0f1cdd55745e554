/**
 * A process that verifies a store, and says what it found as one line of JSON: what damage does to the native
 * library, which trusts its file, must not end who asked.
 *
 * Arguments: `store FOLDER`, or `data FOLDER` for a data folder that no machine uses.
 */

import { logFolder, storeFolder } from '../runtime/db/embedded-engine.js';
import { readLog } from '../runtime/db/recovery.js';
import { databaseFolder, readEpoch } from '../runtime/db/storage-files.js';
import { Store } from '../runtime/db/store.js';
import { headerProblem, lengthProblem, type Verified, verifyStore } from '../runtime/db/verify.js';

/** What `check` found. */
export interface Checked extends Verified {
  /** Commits in the log that are not in the store yet. */
  readonly commits: number;
  /** Bytes at the end of the log that are no whole commit: cut off at the next start. */
  readonly torn: number;
}

const [what, folder = ''] = process.argv.slice(2);
const checked: Checked = what === 'store' ? checkStore(folder) : checkData(databaseFolder(folder));
process.stdout.write(`${JSON.stringify(checked)}\n`, () => process.exit());

function checkStore(path: string): Checked {
  const { verified } = openedStore(path);
  return { ...verified, commits: 0, torn: 0 };
}

function openedStore(path: string): { readonly verified: Verified; readonly store: Store | null } {
  try {
    const overwritten = headerProblem(path);
    if (overwritten !== null) return { verified: failed(overwritten), store: null };
    const store = new Store(path, true);
    const problem = lengthProblem(store, path);
    if (problem !== null) return { verified: failed(problem), store: null };
    return { verified: verifyStore(store, true), store };
  } catch (error) {
    return { verified: failed(`the store cannot be opened: ${messageOf(error)}`), store: null };
  }
}

function checkData(path: string): Checked {
  let epoch: number | undefined;
  try {
    epoch = readEpoch(path);
  } catch (error) {
    return { ...failed(messageOf(error)), commits: 0, torn: 0 };
  }
  if (epoch === undefined) return { rows: 0, tables: 0, problems: [], commits: 0, torn: 0 };
  const { verified, store } = openedStore(storeFolder(path, epoch));
  const problems = [...verified.problems];
  let commits = 0;
  let torn = 0;
  try {
    for (const step of readLog(logFolder(path), store?.position()?.place)) {
      if ('records' in step) {
        commits = step.records;
        torn = step.torn?.bytes.length ?? 0;
      }
    }
  } catch (error) {
    problems.push(messageOf(error));
  }
  return { ...verified, problems, commits, torn };
}

function failed(problem: string): Verified {
  return { rows: 0, tables: 0, problems: [problem] };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
