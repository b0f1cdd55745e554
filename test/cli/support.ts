/**
 * Runs the built `tsvm` command as its users do, on applications in folders of their own.
 *
 * Every command is ended with its test, and every wait has a bound, so that nothing is left running.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const BIN: string = fileURLToPath(new URL('../../bin/tsvm.mjs', import.meta.url));
const FIXTURES: string = fileURLToPath(new URL('fixtures', import.meta.url));
const WAIT_MS = 15_000;

/** A folder that is gone after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tsvm-cli-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A copy of the greeter that a test may change. */
export async function greeter(): Promise<string> {
  const folder = await temporaryFolder();
  await cp(join(FIXTURES, 'greeter'), folder, { recursive: true });
  return folder;
}

/** An application of these files; `tsvm.json` says `main:start` of `modules` if it is not among them. */
export async function application(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await temporaryFolder();
  const all = { 'tsvm.json': '{ "modules": "modules", "entry": "main:start" }', ...files };
  await writeFiles(folder, all);
  return folder;
}

export async function writeFiles(
  folder: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}

/** How a command ended. */
export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A command that runs. */
export class Command {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  out = '';
  err = '';
  readonly #listeners = new Set<() => void>();

  constructor(args: readonly string[], { cwd, env }: RunOptions = {}) {
    // Node warns where both are set, even to nothing.
    const { NO_COLOR: _, FORCE_COLOR: __, ...inherited } = process.env;
    this.child = spawn(process.execPath, [BIN, ...args], {
      cwd: cwd ?? tmpdir(),
      env: { ...inherited, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.out += text;
      for (const listener of this.#listeners) listener();
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.err += text;
    });
    this.ended = new Promise((resolve) => {
      this.child.once('close', (status, signal) => {
        resolve({ status, signal, out: this.out, err: this.err });
        for (const listener of this.#listeners) listener();
      });
    });
    onTestFinished(async () => {
      this.child.kill('SIGKILL');
      await this.ended;
    });
  }

  /** Wait for a text on standard output. Gives all of that up to the end of its line. */
  async says(text: string | RegExp): Promise<string> {
    const found = (): string | undefined => {
      const at =
        typeof text === 'string' ? this.out.indexOf(text) : (text.exec(this.out)?.index ?? -1);
      const end = at < 0 ? -1 : this.out.indexOf('\n', at);
      return end < 0 ? undefined : this.out.slice(0, end);
    };
    return await new Promise((resolve, reject) => {
      const fail = (why: string): void => {
        done();
        reject(new Error(`${why} ${String(text)}; it said:\n${this.out}${this.err}`));
      };
      const timer = setTimeout(() => fail('waited in vain for'), WAIT_MS);
      const done = (): void => {
        clearTimeout(timer);
        this.#listeners.delete(look);
      };
      const look = (): void => {
        const said = found();
        if (said !== undefined) {
          done();
          resolve(said);
        } else if (this.child.exitCode !== null || this.child.signalCode !== null) {
          fail('it ended without saying');
        }
      };
      this.#listeners.add(look);
      look();
    });
  }

  /** Ask it to stop, and wait until it has. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.child.kill(signal);
    return await this.ended;
  }
}

/** A machine that has started its entry process; with one scheduler if `args` do not say another number. */
export async function start(
  dir: string,
  args: readonly string[] = [],
  options?: RunOptions,
): Promise<Command> {
  const command = new Command(['start', dir, '--schedulers', '1', ...args], options);
  await command.says(/entry .*main:start/);
  return command;
}

/** A command that ends by itself. */
export async function tsvm(args: readonly string[], options?: RunOptions): Promise<Ended> {
  return await new Command(args, options).ended;
}
