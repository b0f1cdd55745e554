/** Options of `startVm`, checked before anything is started. */

import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { UPGRADE_LIMITS, type UpgradeLimits } from '../../loader/state-change.js';
import { CREATORS } from '../address.js';
import { describe } from '../errors.js';
import type { LogConfig } from '../log-config.js';
import { GUARD_MS, GUARD_MS_MAX, GUARD_MS_MIN } from './guard-limits.js';
import { LogOptionError, type LogOptions, logConfigOf } from './log-options.js';
import { defaultLogger, type VmLogger } from './logging.js';
import { isKeyName, SECRET_KEYS } from './redaction.js';

export interface VmOptions {
  /** Folder of modules, sources or builds. Without one, modules come by `vm.load` only. */
  readonly modules?: string;
  /**
   * Folder for what sources compiled to, so that the next start compiles only what has changed. Without
   * one nothing is kept.
   */
  readonly cache?: string;
  /** While the modules are compiled: so many of so many are done. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Scheduler threads; one per core by default. */
  readonly schedulers?: number;
  /** Load what changes in the modules folder; off by default. */
  readonly watch?: boolean;
  /** Look at files again and again instead of waiting for events: for containers and network drives. */
  readonly poll?: boolean;
  /** Heap limit of each scheduler thread, in MB; Node's default without one. */
  readonly schedulerHeapMb?: number;
  /** Threads of the dirty pool; one per core by default. */
  readonly dirtyThreads?: number;
  /**
   * How long a process may run code that has no place where it could give way (a regular expression, a
   * package, native code), in milliseconds; then it is ended. 50 by default, 0: for ever.
   */
  readonly guardMs?: number;
  /** How long processes may take when they are upgraded with their state; see docs/upgrades.md. */
  readonly upgrade?: Partial<UpgradeLimits>;
  /** Folder for what the machine keeps for ever: its crash reports. Without one nothing is kept. */
  readonly data?: string;
  /**
   * Names of keys whose values crash reports must not show, beside the usual ones (`password`, `token`, …);
   * `false`: show everything.
   */
  readonly redact?: readonly string[] | false;
  /** Levels of the log, and a file for it; see docs/logging.md. */
  readonly log?: LogOptions;
  /** A pino logger for what the machine says; `false` for none. Warnings go to standard error by default. */
  readonly logger?: VmLogger | false;
}

export interface CheckedOptions {
  readonly modules: string | undefined;
  readonly cache: string | undefined;
  readonly onProgress: ((done: number, total: number) => void) | undefined;
  readonly schedulers: number;
  readonly watch: boolean;
  readonly poll: boolean;
  readonly schedulerHeapMb: number | undefined;
  readonly dirtyThreads: number;
  readonly guardMs: number;
  readonly upgrade: UpgradeLimits;
  readonly data: string | undefined;
  /** All of them. */
  readonly redact: readonly string[];
  readonly log: LogConfig;
  readonly logger: VmLogger | false;
}

/** A wrong option, and what it should have been. */
export class VmOptionError extends TypeError {
  override readonly name = 'VmOptionError';
}

const NAMES = [
  'modules',
  'cache',
  'onProgress',
  'schedulers',
  'watch',
  'poll',
  'schedulerHeapMb',
  'dirtyThreads',
  'guardMs',
  'upgrade',
  'data',
  'redact',
  'log',
  'logger',
];
/** The last of the slots that pids can name; slot 0 is nobody's. */
/** An hour. */
const UPGRADE_MS_MAX = 3_600_000;
const SCHEDULERS_MAX: number = CREATORS - 1;

export function checkOptions(options: VmOptions): CheckedOptions {
  if (typeof options !== 'object' || options === null) throw wrong('options', 'an object', options);
  for (const key of Object.keys(options)) {
    if (!NAMES.includes(key)) throw wrong('options', `only ${NAMES.join(', ')}`, key);
  }
  const cores = availableParallelism();
  const {
    modules,
    schedulers = Math.min(cores, SCHEDULERS_MAX),
    watch = false,
    poll = false,
  } = options;
  const { schedulerHeapMb, dirtyThreads = cores, guardMs = GUARD_MS, cache, onProgress } = options;
  const { data, redact = [], upgrade = {} } = options;
  checkLimits(upgrade);
  if (modules !== undefined) checkFolder(modules);
  if (cache !== undefined && typeof cache !== 'string')
    throw wrong('cache', 'the path of a folder', cache);
  if (data !== undefined && typeof data !== 'string')
    throw wrong('data', 'the path of a folder', data);
  if (redact !== false) checkKeys(redact);
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw wrong('onProgress', 'a function', onProgress);
  checkInteger('schedulers', schedulers, 1, SCHEDULERS_MAX);
  checkInteger('dirtyThreads', dirtyThreads, 1, 256);
  if (guardMs !== 0) checkInteger('guardMs', guardMs, GUARD_MS_MIN, GUARD_MS_MAX);
  if (schedulerHeapMb !== undefined)
    checkInteger('schedulerHeapMb', schedulerHeapMb, 16, 1024 * 1024);
  if (typeof watch !== 'boolean') throw wrong('watch', 'a boolean', watch);
  if (typeof poll !== 'boolean') throw wrong('poll', 'a boolean', poll);
  if (
    options.logger !== undefined &&
    options.logger !== false &&
    typeof options.logger?.error !== 'function'
  ) {
    throw wrong('logger', 'a pino logger or false', options.logger);
  }
  if (watch && modules === undefined) throw wrong('watch', 'a modules folder to watch', 'none');
  return {
    modules: modules === undefined ? undefined : resolve(modules),
    cache: cache === undefined ? undefined : resolve(cache),
    onProgress,
    schedulers,
    watch,
    poll,
    schedulerHeapMb,
    dirtyThreads,
    guardMs,
    upgrade: { ...UPGRADE_LIMITS, ...upgrade },
    data: data === undefined ? undefined : resolve(data),
    redact: redact === false ? [] : [...SECRET_KEYS, ...redact],
    log: checkLog(options.log),
    logger: options.logger ?? defaultLogger(),
  };
}

function checkLog(log: LogOptions | undefined): LogConfig {
  try {
    return logConfigOf(log ?? {});
  } catch (error) {
    if (!(error instanceof LogOptionError)) throw error;
    throw wrong(error.at, error.expected, error.came);
  }
}

function checkInteger(name: string, value: unknown, least: number, most: number): void {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
    throw wrong(name, `a whole number from ${least} to ${most}`, value);
  }
}

function checkLimits(upgrade: unknown): void {
  if (typeof upgrade !== 'object' || upgrade === null)
    throw wrong('upgrade', 'an object such as { codeChangeMs: 2000 }', upgrade);
  for (const [key, value] of Object.entries(upgrade)) {
    if (!Object.hasOwn(UPGRADE_LIMITS, key))
      throw wrong('upgrade', `only ${Object.keys(UPGRADE_LIMITS).join(', ')}`, key);
    checkInteger(`upgrade.${key}`, value, 1, UPGRADE_MS_MAX);
  }
}

function checkKeys(redact: unknown): void {
  if (!Array.isArray(redact)) throw wrong('redact', 'a list of names of keys, or false', redact);
  for (const name of redact) {
    if (!isKeyName(name)) throw wrong('redact', 'names of keys, such as "apiKey"', name);
  }
}

function checkFolder(folder: unknown): void {
  if (typeof folder !== 'string') throw wrong('modules', 'the path of a folder', folder);
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found === undefined) throw wrong('modules', 'a folder that exists', folder);
  if (!found.isDirectory()) throw wrong('modules', 'a folder', folder);
}

function wrong(name: string, expected: string, came: unknown): VmOptionError {
  return new VmOptionError(`startVm: ${name}: expected ${expected}, got ${describe(came)}`);
}
