/**
 * Application: what `tsvm start` runs, as a folder says it.
 *
 * In `tsvm.json`, or under the key `tsvm` in package.json:
 *
 *   modules      the folder of modules, sources or builds
 *   application  the name of the application that is started, with all that it needs; or
 *   entry        `module:function`, the process that the machine begins with
 *   config       a file that configures applications
 *   shutdownMs   how long they may take to stop
 *   env          environment variables for modules, where they are not set already
 *   data         the machine's data folder; `.tsvm` without it
 *   log          the level of the log, levels of modules, and a file for it
 *   redact       names of keys whose values crash reports must not show, beside the usual ones; false: show all
 *
 * Paths are as seen from the folder.
 */

import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { codeFrame } from '../loader/code-frame.js';
import { LogOptionError, type LogOptions, logConfigOf } from '../runtime/vm/log-options.js';
import { isKeyName } from '../runtime/vm/redaction.js';
import { closest } from './closest.js';
import { Failure } from './failure.js';
import { shownPath } from './terminal.js';

export interface Application {
  /** Absolute, as are the other folders. */
  readonly folder: string;
  /** The file that says so. */
  readonly file: string;
  readonly modules: string;
  readonly runs: Runs;
  /** Absolute path of the configuration file. */
  readonly config: string | undefined;
  readonly shutdownMs: number | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly data: string;
  readonly log: LogOptions;
  readonly redact: readonly string[] | false;
}

/** What a machine begins with: a function, or an application by its name. */
export type Runs =
  | { readonly kind: 'entry'; readonly module: string; readonly fn: string }
  | { readonly kind: 'application'; readonly name: string };

/** What is written in the file. */
export interface ApplicationText {
  readonly modules: string;
  readonly entry?: string;
  readonly application?: string;
  readonly config?: string;
  readonly shutdownMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly data?: string;
  readonly log?: LogOptions;
  readonly redact?: readonly string[] | false;
}

export const APPLICATION_FILE = 'tsvm.json';
const PACKAGE_FILE = 'package.json';
const KEYS: readonly string[] = [
  'modules',
  'application',
  'entry',
  'config',
  'shutdownMs',
  'env',
  'data',
  'log',
  'redact',
];
const DATA_FOLDER = '.tsvm';
const ENTRY = /^([^:\s]+):([\p{ID_Start}$_][\p{ID_Continue}$]*)$/u;
const EXAMPLE = '{ "modules": "modules", "entry": "main:start" }';
const OTHER_EXAMPLE = '{ "modules": "modules", "application": "shop" }';
export const SHUTDOWN_MS_MAX: number = 24 * 60 * 60 * 1000;

/** @throws Failure that says all that is wrong */
export function readApplication(dir: string): Application {
  const folder = resolve(dir);
  const { file, value } = findText(folder);
  const problems = [...problemsOf(value)];
  const text = value as ApplicationText;
  const modules = resolve(folder, typeof text?.modules === 'string' ? text.modules : '.');
  if (problems.length === 0) problems.push(...folderProblems(modules));
  if (problems.length > 0) {
    const hint = problems.some((problem) => problem.startsWith('"entry"'))
      ? `for example ${EXAMPLE}, or ${OTHER_EXAMPLE}`
      : undefined;
    throw new Failure(problems.map((problem) => `${shownPath(file)}: ${problem}`).join('\n'), {
      hint,
    });
  }
  return {
    folder,
    file,
    modules,
    runs: runsOf(text),
    config: text.config === undefined ? undefined : resolve(folder, text.config),
    shutdownMs: text.shutdownMs,
    env: text.env ?? {},
    data: resolve(folder, text.data ?? DATA_FOLDER),
    log: withFolder(text.log ?? {}, folder),
    redact: text.redact ?? [],
  };
}

function runsOf({ entry, application }: ApplicationText): Runs {
  if (application !== undefined) return { kind: 'application', name: application };
  const [, module = '', fn = ''] = ENTRY.exec(entry ?? '') ?? [];
  return { kind: 'entry', module, fn };
}

/** `main:start`, or `application shop`. */
export function runsText(runs: Runs): string {
  return runs.kind === 'entry' ? `${runs.module}:${runs.fn}` : `application ${runs.name}`;
}

/**
 * Where a folder's machine keeps its data, also when the file that says so cannot be read just now:
 * a running machine must be reachable while somebody edits it.
 */
export function dataFolderOf(dir: string): string {
  const folder = resolve(dir);
  try {
    const { data } = findText(folder).value as Partial<ApplicationText>;
    return resolve(folder, typeof data === 'string' ? data : DATA_FOLDER);
  } catch (error) {
    if (error instanceof Failure) return resolve(folder, DATA_FOLDER);
    throw error;
  }
}

/** What the sources of an application compiled to, in its data folder. */
export function compileCacheOf(data: string): string {
  return join(data, 'compiled');
}

function findText(folder: string): { file: string; value: unknown } {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new Failure(`there is no folder ${folder}`);
  }
  const own = join(folder, APPLICATION_FILE);
  const shared = join(folder, PACKAGE_FILE);
  const value = readJson(own);
  const inPackage = (readJson(shared) as { tsvm?: unknown } | null | undefined)?.tsvm;
  if (value !== undefined && inPackage !== undefined) {
    throw new Failure(
      `both ${shownPath(own)} and the key "tsvm" in ${shownPath(shared)} say what the application is`,
      {
        hint: 'keep one of them',
      },
    );
  }
  if (value !== undefined) return { file: own, value };
  if (inPackage !== undefined) return { file: `${shared} › tsvm`, value: inPackage };
  throw new Failure(`there is no application in ${folder}`, {
    hint: `put a ${APPLICATION_FILE} there, or a key "tsvm" in its ${PACKAGE_FILE}, such as ${EXAMPLE}`,
  });
}

/** `undefined` if there is no such file. */
function readJson(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new Failure(`cannot read ${shownPath(file)}: ${message}`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw notJson(file, text, (error as Error).message);
  }
}

/** Node 20 names the position, later ones the line too; at the end of the text none does. */
function notJson(file: string, text: string, message: string): Failure {
  const position = Number(/position (\d+)/.exec(message)?.[1] ?? text.trimEnd().length);
  const before = text.slice(0, position).split('\n');
  const line = before.length;
  const column = (before.at(-1)?.length ?? 0) + 1;
  const frame = codeFrame(text, line, column);
  const what = message.replace(
    /,? ?(?:\.\.\.)?".*" is not valid JSON$|( in JSON)? at position \d+.*$/s,
    '',
  );
  return new Failure(`${shownPath(file)} is not valid JSON`, {
    errors: [{ kind: 'syntax', message: what, file, line, column, frame }],
  });
}

function* problemsOf(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    yield `expected an object such as ${EXAMPLE}, got ${JSON.stringify(value)}`;
    return;
  }
  for (const key of Object.keys(value)) {
    if (KEYS.includes(key)) continue;
    const meant = closest(key, KEYS);
    yield `unknown key "${key}"${meant === undefined ? '' : `; did you mean "${meant}"?`} (there are ${KEYS.join(', ')})`;
  }
  const { modules, env, data, log, redact, config, shutdownMs } = value as Readonly<
    Record<string, unknown>
  >;
  if (typeof modules !== 'string' || modules === '') {
    yield `"modules": expected the path of a folder, got ${JSON.stringify(modules) ?? 'nothing'}`;
  }
  yield* runsProblems(value as Readonly<Record<string, unknown>>);
  if (config !== undefined && (typeof config !== 'string' || config === '')) {
    yield `"config": expected the path of a file, got ${JSON.stringify(config)}`;
  }
  if (shutdownMs !== undefined && !isShutdownLimit(shutdownMs)) {
    yield `"shutdownMs": expected milliseconds from 1 to ${SHUTDOWN_MS_MAX}, got ${JSON.stringify(shutdownMs)}`;
  }
  if (data !== undefined && (typeof data !== 'string' || data === '')) {
    yield `"data": expected the path of a folder, got ${JSON.stringify(data)}`;
  }
  yield* redactProblems(redact);
  if (log !== undefined) yield* logProblems(log);
  yield* envProblems(env);
}

function* logProblems(log: unknown): Generator<string> {
  try {
    logConfigOf(log);
  } catch (error) {
    if (!(error instanceof LogOptionError)) throw error;
    yield `"${error.at}": expected ${error.expected}, got ${JSON.stringify(error.came)}`;
  }
}

/** Paths of a file are as seen from its folder. */
function withFolder(log: LogOptions, folder: string): LogOptions {
  if (log.file === undefined) return log;
  const file = typeof log.file === 'string' ? { path: log.file } : log.file;
  return { ...log, file: { ...file, path: resolve(folder, file.path) } };
}

function* runsProblems({
  entry,
  application,
}: Readonly<Record<string, unknown>>): Generator<string> {
  if (application === undefined) {
    if (typeof entry === 'string' && ENTRY.test(entry)) return;
    yield `"entry": expected "module:function", got ${JSON.stringify(entry) ?? 'nothing'}`;
  } else if (entry !== undefined) {
    yield '"application" and "entry" both say what is started: keep one of them';
  } else if (typeof application !== 'string' || application === '') {
    yield `"application": expected the name of one, got ${JSON.stringify(application)}`;
  }
}

export function isShutdownLimit(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= SHUTDOWN_MS_MAX;
}

function* redactProblems(redact: unknown): Generator<string> {
  if (redact === undefined || redact === false) return;
  if (!Array.isArray(redact)) {
    yield `"redact": expected a list of names of keys, or false, got ${JSON.stringify(redact)}`;
    return;
  }
  for (const name of redact) {
    if (!isKeyName(name))
      yield `"redact": expected names of keys, such as "apiKey", got ${JSON.stringify(name)}`;
  }
}

function* envProblems(env: unknown): Generator<string> {
  if (env === undefined) return;
  if (typeof env !== 'object' || env === null || Array.isArray(env)) {
    yield `"env": expected an object of strings, got ${JSON.stringify(env)}`;
    return;
  }
  for (const [key, value] of Object.entries(env)) {
    if (typeof value !== 'string')
      yield `"env": expected a string for ${key}, got ${JSON.stringify(value)}`;
    if (key === '' || key.includes('='))
      yield `"env": ${JSON.stringify(key)} is no name of a variable`;
  }
}

function* folderProblems(modules: string): Generator<string> {
  const found = statSync(modules, { throwIfNoEntry: false });
  if (found === undefined) yield `"modules": there is no folder ${modules}`;
  else if (!found.isDirectory()) yield `"modules": ${modules} is not a folder`;
}
