/**
 * Data folder: what a machine keeps on disk, and the proof that it is the only one there.
 *
 * Below the folder, in `run/` (closed to other users):
 *
 *   machine.<n>.json  who runs here: pid, since when, and the path of its control socket
 *   <random>.sock     the control socket
 *
 * Invariants:
 *  1. The claim with the greatest number counts, and its holder lives as long as its socket takes
 *     connections. The operating system closes the socket with the process, however that ends; a
 *     process number alone proves nothing, as it is given again, and differs between containers.
 *  2. A machine listens before it writes its claim: a claim is never young and silent.
 *  3. A claim is never overwritten by another: a dead one is succeeded by creating the next number,
 *     which only one can. The greatest number is never deleted, so none is ever created twice.
 *     Broken, two that find the same dead claim could both take over.
 *
 * A path of a Unix socket has at most about a hundred bytes. Where the folder's is longer, the socket
 * is in the temporary folder, in one that only this user can open, and the claim says where.
 */

import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { chmod, lstat, mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ControlClient } from './control-socket.js';

/** Of `sun_path`: 108 bytes on Linux, 104 on macOS and BSD, the last of them a zero. */
const SOCKET_PATH_MAX: number = process.platform === 'linux' ? 107 : 103;
/** Between the creation of a claim and its content; longer, and its writer is dead. */
const WRITING_MS = 1000;
const RUN = 'run';

/** Who runs in a data folder. */
export interface Claim {
  readonly pid: number;
  /** ISO time. */
  readonly since: string;
  /** Where the machine listens for requests. */
  readonly socket: string;
  /** Version of tsvm. */
  readonly version: string;
}

/** The folder cannot be used, and what to do about it. */
export class DataFolderError extends Error {
  override readonly name = 'DataFolderError';
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** Another machine runs in the folder. */
export class DataFolderInUseError extends DataFolderError {
  readonly holder: Claim;

  constructor(path: string, holder: Claim) {
    super(
      `expected a data folder of its own, but the machine with pid ${holder.pid} runs in ${path} since ${new Date(holder.since).toLocaleString('sv')}`,
      'stop that machine with tsvm stop, or give this one another folder with --data DIR',
    );
    this.holder = holder;
  }
}

export class DataFolder {
  readonly path: string;
  /** Where the machine of this folder is to listen. */
  readonly socket: string;
  #claimed: string | null = null;

  /**
   * Make the folder if there is none.
   *
   * @throws DataFolderError when it cannot be written
   */
  static async open(path: string): Promise<DataFolder> {
    const folder = resolve(path);
    try {
      if ((await mkdir(folder, { recursive: true, mode: 0o700 })) !== undefined) {
        // What is in it is the machine's, and of one computer: nothing to be shared with the sources.
        await writeFile(join(folder, '.gitignore'), '*\n');
      }
      await closedFolder(join(folder, RUN));
      const probe = join(folder, RUN, `.${randomBytes(4).toString('hex')}`);
      await writeFile(probe, '');
      await rm(probe);
    } catch (error) {
      throw unusable(folder, error);
    }
    return new DataFolder(folder, await socketPath(folder));
  }

  private constructor(path: string, socket: string) {
    this.path = path;
    this.socket = socket;
  }

  /**
   * Be the machine of this folder. Call when `socket` takes connections.
   *
   * @throws DataFolderInUseError
   */
  async claim(version: string): Promise<void> {
    const { pid } = process;
    const claim: Claim = { pid, since: new Date().toISOString(), socket: this.socket, version };
    for (;;) {
      const newest = await newestClaim(this.path);
      if (newest.claim !== null && (await isAlive(newest.claim))) {
        throw new DataFolderInUseError(this.path, newest.claim);
      }
      const number = newest.number + 1;
      const file = claimPath(this.path, number);
      if (!(await create(file, JSON.stringify(claim)))) continue;
      const numbers = await claimNumbers(this.path);
      if (Math.max(...numbers) > number) {
        // The number was free because a later machine had tidied up: that one counts.
        await rm(file, { force: true });
        continue;
      }
      this.#claimed = file;
      if (newest.claim !== null && newest.claim.socket !== this.socket)
        await removeSocket(newest.claim.socket);
      for (const old of numbers)
        if (old < number) await rm(claimPath(this.path, old), { force: true });
      return;
    }
  }

  /** Give the folder up. Synchronous: also called when the process ends at once. */
  release(): void {
    if (this.#claimed === null) return;
    const ended = `${JSON.stringify({ ended: new Date().toISOString() })}\n`;
    try {
      writeFileSync(this.#claimed, ended);
      if (process.platform !== 'win32') rmSync(this.socket, { force: true });
    } catch {
      // The folder was taken away. The claim is dead without this too: its socket is closed.
    }
    this.#claimed = null;
  }
}

/** The machine that runs in a data folder, if one does. */
export async function findMachine(path: string): Promise<Claim | null> {
  const { claim } = await newestClaim(resolve(path));
  return claim !== null && (await isAlive(claim)) ? claim : null;
}

async function isAlive({ socket }: Claim): Promise<boolean> {
  try {
    (await ControlClient.connect(socket)).close();
    return true;
  } catch (error) {
    // Nobody listens, or it is no socket; all else (a full queue, another user's) is no proof of death.
    return !['ENOENT', 'ECONNREFUSED', 'ENOTSOCK', 'ENOTDIR'].includes(codeOf(error));
  }
}

function claimPath(folder: string, number: number): string {
  return join(folder, RUN, `machine.${number}.json`);
}

async function claimNumbers(folder: string): Promise<readonly number[]> {
  let names: readonly string[];
  try {
    names = await readdir(join(folder, RUN));
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return [];
    throw unusable(folder, error);
  }
  return names.flatMap((name) => {
    const number = /^machine\.(\d+)\.json$/.exec(name)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
}

/** `claim` is `null` where the last machine has given the folder up. */
async function newestClaim(folder: string): Promise<{ number: number; claim: Claim | null }> {
  const deadline = Date.now() + WRITING_MS;
  for (;;) {
    const number = Math.max(0, ...(await claimNumbers(folder)));
    if (number === 0) return { number, claim: null };
    const text = await readClaim(folder, number);
    // Succeeded between two looks.
    if (text === null) continue;
    const claim = parseClaim(text);
    if (claim !== undefined || Date.now() > deadline) return { number, claim: claim ?? null };
    await delay(20);
  }
}

/** `null` when it is gone. */
async function readClaim(folder: string, number: number): Promise<string | null> {
  try {
    return await readFile(claimPath(folder, number), 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw unusable(folder, error);
  }
}

/** `undefined` for what is not written to its end, `null` for a claim that was given up. */
function parseClaim(text: string): Claim | null | undefined {
  try {
    const claim = JSON.parse(text) as Partial<Claim> | null;
    return typeof claim?.socket === 'string' && typeof claim.pid === 'number'
      ? (claim as Claim)
      : null;
  } catch {
    return undefined;
  }
}

/** @returns whether there was no such file before */
async function create(file: string, text: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx', 0o600);
    await handle.writeFile(`${text}\n`);
    await handle.close();
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw unusable(dirname(dirname(file)), error);
  }
}

async function socketPath(folder: string): Promise<string> {
  const name = randomBytes(4).toString('hex');
  if (process.platform === 'win32') return `\\\\.\\pipe\\tsvm-${name}`;
  const own = join(folder, RUN, `${name}.sock`);
  if (fits(own)) return own;
  const temporary = `tsvm-${process.getuid?.()}`;
  const path = [tmpdir(), '/tmp']
    .map((root) => join(root, temporary, `${name}.sock`))
    .find(fits) as string;
  try {
    await closedFolder(dirname(path));
  } catch (error) {
    throw new DataFolderError(
      `the path of ${folder} is too long for a socket, and ${dirname(path)} cannot hold it: ${(error as Error).message}`,
      'choose a data folder with a shorter path with --data DIR',
    );
  }
  return path;
}

function fits(path: string): boolean {
  return Buffer.byteLength(path) <= SOCKET_PATH_MAX;
}

/** A folder that nobody else can look into, and that nobody else has put there. */
async function closedFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  if (process.platform === 'win32') return;
  const stats = await lstat(path);
  if (!stats.isDirectory()) throw new Error(`${path} is not a folder`);
  if (stats.uid !== process.getuid?.()) throw new Error(`${path} belongs to another user`);
  await chmod(path, 0o700);
}

async function removeSocket(path: string): Promise<void> {
  // Only what looks like ours: the path comes from a file.
  if (process.platform !== 'win32' && path.endsWith('.sock')) await rm(path, { force: true });
}

function unusable(folder: string, error: unknown): DataFolderError {
  return new DataFolderError(
    `cannot use the data folder ${folder}: ${(error as Error).message}`,
    'choose a folder that belongs to this user with --data DIR',
  );
}

function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException | null)?.code);
}
