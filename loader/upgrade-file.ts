/**
 * Upgrade file: what is to be done when a set of builds takes the place of what runs.
 *
 * `tsvm.upgrade.json` stands beside the manifest of the set. It is JSON, as the manifest is: it is read
 * before any code of the set is loaded, and by whoever deploys it.
 *
 * Invariants:
 *  1. All that is wrong with a file is found before anything is touched, and told at once.
 *  2. Whatever modules the steps name: the whole set of the manifest becomes current, as one.
 *
 * Source: OTP, "appup", "relup"; System Principles, "Upgrade and Downgrade".
 */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CompiledModule } from './module.js';

export const UPGRADE_FILE = 'tsvm.upgrade.json';

/** A version as modules say it (their export `version`), or the hash of their content. */
export type VersionName = string | number;

export interface CheckStep {
  readonly kind: 'check';
  readonly module: string;
  readonly fn: string;
}

export interface ModuleStep {
  readonly kind: 'add' | 'load' | 'update' | 'remove';
  readonly module: string;
  /** It must be of one of these versions before. */
  readonly from: readonly VersionName[] | undefined;
  /** It must be of this version afterwards. */
  readonly to: VersionName | undefined;
  /** For `codeChange`. */
  readonly extra: unknown;
  /** Modules whose states are translated first. */
  readonly after: readonly string[];
}

export interface RestartStep {
  readonly kind: 'restart';
  readonly application: string;
}

export type UpgradeStep = CheckStep | ModuleStep | RestartStep;

export interface UpgradeFile {
  readonly path: string;
  readonly text: string;
  readonly limits: {
    readonly restMs?: number;
    readonly codeChangeMs?: number;
    readonly checkMs?: number;
  };
  readonly steps: readonly UpgradeStep[];
}

/** An upgrade that was refused: nothing was touched. */
export class UpgradeRefusedError extends Error {
  override readonly name = 'UpgradeRefusedError';
  /** Each by itself. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[], where: string) {
    const [first = ''] = problems;
    const what =
      problems.length === 1 ? first : `${problems.length} problems: ${problems.join('; ')}`;
    super(`${where}: ${what}`);
    this.problems = problems;
  }
}

/** By which a manifest names the upgrade file of its set. */
export function upgradeDigest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, DIGEST_LENGTH);
}

const DIGEST_LENGTH = 16;

/** The upgrade file of a folder of builds; undefined where it has none. @throws UpgradeRefusedError */
export async function readUpgradeFile(folder: string): Promise<UpgradeFile | undefined> {
  const path = join(folder, UPGRADE_FILE);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new UpgradeRefusedError([`cannot be read: ${(error as Error).message}`], path);
  }
  return parseUpgradeFile(text, path);
}

/** @throws UpgradeRefusedError with all that is wrong with it */
export function parseUpgradeFile(text: string, path: string): UpgradeFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UpgradeRefusedError([`is not valid JSON: ${(error as Error).message}`], path);
  }
  const problems: string[] = [];
  const file = { ...readFileValue(value, path, problems), text };
  if (problems.length > 0) throw new UpgradeRefusedError(problems, path);
  return file;
}

const KEYS = ['steps', 'limits'];
const LIMITS = ['restMs', 'codeChangeMs', 'checkMs'];
const KINDS = ['check', 'add', 'load', 'update', 'remove', 'restart'] as const;
/** What else a step of each kind may say. */
const MORE: Readonly<Record<(typeof KINDS)[number], readonly string[]>> = {
  check: [],
  add: ['to'],
  load: ['from', 'to'],
  update: ['from', 'to', 'extra', 'after'],
  remove: ['from'],
  restart: [],
};
/** An hour. */
const LIMIT_MAX = 3_600_000;
const CHECK = /^([^\s:]+):([A-Za-z_$][\w$]*)$/;

function readFileValue(
  value: unknown,
  path: string,
  problems: string[],
): Omit<UpgradeFile, 'text'> {
  if (!isObject(value)) {
    problems.push(
      `expected an object such as { "steps": [{ "update": "room" }] }, got ${json(value)}`,
    );
    return { path, limits: {}, steps: [] };
  }
  unknownKeys('', value, KEYS, problems);
  const { steps, limits = {} } = value;
  if (!isObject(limits)) problems.push(`"limits": expected an object, got ${json(limits)}`);
  else {
    unknownKeys('"limits": ', limits, LIMITS, problems);
    for (const [key, ms] of Object.entries(limits)) {
      const isTime = typeof ms === 'number' && Number.isInteger(ms) && ms >= 1 && ms <= LIMIT_MAX;
      if (LIMITS.includes(key) && !isTime)
        problems.push(`"limits": "${key}": expected 1 to ${LIMIT_MAX} ms, got ${json(ms)}`);
    }
  }
  if (!Array.isArray(steps)) {
    problems.push(`"steps": expected a list, got ${json(steps)}`);
    return { path, limits: {}, steps: [] };
  }
  const read = steps.map((step: unknown, at) => stepOf(step, `step ${at + 1}`, problems));
  const known = read.filter((step) => step !== null);
  twiceNamed(known, problems);
  return { path, limits: limits as UpgradeFile['limits'], steps: known };
}

function stepOf(step: unknown, where: string, problems: string[]): UpgradeStep | null {
  if (!isObject(step)) {
    problems.push(`${where}: expected an object such as { "update": "room" }, got ${json(step)}`);
    return null;
  }
  const kinds = KINDS.filter((kind) => Object.hasOwn(step, kind));
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1) {
    problems.push(
      `${where}: expected one of ${KINDS.join(', ')}, got ${Object.keys(step).join(', ') || 'nothing'}`,
    );
    return null;
  }
  unknownKeys(`${where}: `, step, [kind, ...MORE[kind]], problems);
  const subject = step[kind];
  if (typeof subject !== 'string' || subject === '') {
    problems.push(`${where}: "${kind}": expected a name, got ${json(subject)}`);
    return null;
  }
  if (kind === 'restart') return { kind, application: subject };
  if (kind === 'check') {
    const [, module, fn] = CHECK.exec(subject) ?? [];
    if (module !== undefined && fn !== undefined) return { kind, module, fn };
    problems.push(`${where}: "check": expected "module:function", got ${json(subject)}`);
    return null;
  }
  return moduleStep(kind, subject, step, where, problems);
}

function moduleStep(
  kind: ModuleStep['kind'],
  module: string,
  { from, to, extra, after = [] }: Readonly<Record<string, unknown>>,
  where: string,
  problems: string[],
): ModuleStep {
  const sources =
    from === undefined ? undefined : Array.isArray(from) ? (from as unknown[]) : [from];
  if (sources !== undefined && (sources.length === 0 || !sources.every(isVersion)))
    problems.push(`${where}: "from": expected a version or a list of them, got ${json(from)}`);
  if (to !== undefined && !isVersion(to))
    problems.push(`${where}: "to": expected a version, got ${json(to)}`);
  const isNames = Array.isArray(after) && after.every((name) => typeof name === 'string');
  if (!isNames) problems.push(`${where}: "after": expected a list of modules, got ${json(after)}`);
  return {
    kind,
    module,
    from: sources as readonly VersionName[] | undefined,
    to: to as VersionName | undefined,
    extra,
    after: isNames ? (after as readonly string[]) : [],
  };
}

function twiceNamed(steps: readonly UpgradeStep[], problems: string[]): void {
  const seen = new Set<string>();
  for (const step of steps) {
    if (!('from' in step)) continue;
    if (seen.has(step.module)) problems.push(`module "${step.module}" has two steps`);
    seen.add(step.module);
  }
}

/**
 * In which order states are translated: 0 first. A module comes behind all that its step names as
 * `after`.
 *
 * @throws UpgradeRefusedError for a circle
 */
export function translationOrder(
  steps: readonly ModuleStep[],
  path: string,
): ReadonlyMap<string, number> {
  const byName = new Map(steps.map((step) => [step.module, step]));
  const order = new Map<string, number>();
  const place = (name: string, above: readonly string[]): number => {
    const known = order.get(name);
    if (known !== undefined) return known;
    if (above.includes(name)) {
      const circle = [...above.slice(above.indexOf(name)), name].join(' after ');
      throw new UpgradeRefusedError([`"after" goes round in a circle: ${circle}`], path);
    }
    const before = (byName.get(name)?.after ?? []).map((each) => place(each, [...above, name]));
    const own = before.length === 0 ? 0 : Math.max(...before) + 1;
    order.set(name, own);
    return own;
  };
  for (const { module } of steps) place(module, []);
  return order;
}

/** What the steps of a file must find, as far as that can be told without loading anything. */
export interface UpgradeGround {
  /** The builds of the set, by name. */
  readonly builds: ReadonlyMap<string, CompiledModule>;
  readonly current: ReadonlyMap<string, CompiledModule>;
  /** The running applications. */
  readonly applications: readonly string[];
}

/** Names that do not exist, and steps that contradict what there is. */
export function stepProblems(steps: readonly UpgradeStep[], ground: UpgradeGround): string[] {
  const problems: string[] = [];
  const named = new Set(steps.flatMap((step) => ('from' in step ? [step.module] : [])));
  for (const [at, step] of steps.entries()) {
    const problem = problemOf(step, ground);
    if (problem !== null) problems.push(`step ${at + 1}: ${problem}`);
    if (!('from' in step)) continue;
    for (const name of step.after) {
      if (!named.has(name))
        problems.push(`step ${at + 1}: "after": no step is for module "${name}"`);
    }
  }
  return problems;
}

function problemOf(
  step: UpgradeStep,
  { builds, current, applications }: UpgradeGround,
): string | null {
  if (step.kind === 'restart') {
    if (applications.includes(step.application)) return null;
    const there = applications.length === 0 ? 'none runs' : `there are ${applications.join(', ')}`;
    return `application "${step.application}" does not run (${there})`;
  }
  const { module } = step;
  const build = builds.get(module);
  const loaded = current.get(module);
  if (step.kind === 'check') {
    const found = build ?? loaded;
    if (found === undefined) return `check: there is no module "${module}"`;
    if ((build ?? found).exports.includes(step.fn) || loaded?.exports.includes(step.fn))
      return null;
    return `check: module "${module}" exports no "${step.fn}"`;
  }
  if (step.kind === 'remove') {
    if (loaded === undefined) return `remove: module "${module}" is not loaded`;
    return build === undefined ? null : `remove: module "${module}" is in the set of builds`;
  }
  if (build === undefined) return `${step.kind}: there is no build of module "${module}"`;
  if (step.kind === 'add') {
    const isOther = loaded !== undefined && loaded.version !== build.version;
    return isOther ? `add: module "${module}" is loaded already, in another version` : null;
  }
  return loaded === undefined ? `${step.kind}: module "${module}" is not loaded; add it` : null;
}

function isVersion(value: unknown): value is VersionName {
  return (typeof value === 'string' && value !== '') || typeof value === 'number';
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unknownKeys(
  where: string,
  value: object,
  known: readonly string[],
  problems: string[],
): void {
  for (const key of Object.keys(value)) {
    if (!known.includes(key))
      problems.push(`${where}unknown key "${key}" (there are ${known.join(', ')})`);
  }
}

function json(value: unknown): string {
  return JSON.stringify(value) ?? 'nothing';
}
