/**
 * Source positions: stacks of errors in the user's TypeScript.
 *
 * `Error.prepareStackTrace` maps every frame of every loaded version to file, line, column and
 * function name of the source, and leaves out what the user did not write: the machine's own frames,
 * the wrappers of coroutines, `Generator.next`. A stack without any frame of a module (a bug in the
 * machine) keeps all.
 *
 * With `ses`: call `installStackMapping` after `lockdown()`, which installs a hook of its own. This
 * file must have been imported before, so that it holds the real `Error`; any `errorTaming` will do,
 * as the hook then belongs to the machine. Maps are decoded at the first error of a version.
 *
 * Source: V8, "Stack trace API".
 */

import { fileURLToPath } from 'node:url';
import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping';
import type { Standing } from '../runtime/hosting.js';
import { scriptName, userFunctionName } from './module.js';

export interface UserPosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

interface Script {
  readonly file: string;
  readonly map: string;
  decoded: TraceMap | null;
}

export interface StackMappingOptions {
  /** Keep the machine's own frames: for those who work on tsvm itself. */
  readonly keepInternal?: boolean;
}

/** Coroutines put up to four frames where the source has one call. */
const FRAMES_CAPTURED = 50;
const FRAMES_SHOWN = 20;
/** The functions of `preemption.ts` and `guard.ts` under which the stack is not the process's. */
export const PREEMPTED_BELOW = 'serveOnTop';
const BELOW: ReadonlySet<string | null> = new Set([PREEMPTED_BELOW, 'enterSlices']);

// The constructor as it was when this file was loaded, so that `lockdown` cannot come between.
const NativeError = Error as ErrorConstructor & {
  prepareStackTrace?: ((error: Error, frames: NodeJS.CallSite[]) => unknown) | undefined;
};

const ROOT = fileURLToPath(new URL('..', import.meta.url)).replaceAll('\\', '/');
const INTERNAL = ['runtime/', 'bif/', 'loader/'].map((folder) => ROOT + folder);

export class SourcePositions {
  readonly #scripts: Map<string, Script> = new Map();

  add(module: string, version: string, file: string, map: string): void {
    this.#scripts.set(scriptName(module, version), { file, map, decoded: null });
  }

  remove(module: string, version: string): void {
    this.#scripts.delete(scriptName(module, version));
  }

  has(script: string): boolean {
    return this.#scripts.has(script);
  }

  /**
   * @param line from 1
   * @param column from 1
   * @returns `null` for text that the user did not write
   */
  locate(script: string, line: number, column: number): UserPosition | null {
    const found = this.#scripts.get(script);
    if (found === undefined) return null;
    found.decoded ??= new TraceMap(found.map);
    const at = originalPositionFor(found.decoded, { line, column: column - 1 });
    return at.line === null ? null : { file: found.file, line: at.line, column: at.column + 1 };
  }

  /** The text of a script's source file. */
  source(script: string): string | undefined {
    const found = this.#scripts.get(script);
    if (found === undefined) return undefined;
    found.decoded ??= new TraceMap(found.map);
    return found.decoded.sourcesContent?.[0] ?? undefined;
  }
}

const firstPositions: WeakMap<object, { position: UserPosition; script: string }> = new WeakMap();

/** Where the error was thrown, as far as it was in a module. Formats the stack if nobody has yet. */
export function userPositionOf(
  error: unknown,
): { position: UserPosition; script: string } | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  void (error as { stack?: unknown }).stack;
  return firstPositions.get(error);
}

/** The whole stack of this thread as V8 sees it. Cost: about a microsecond a frame. */
export function callSites(): readonly NodeJS.CallSite[] {
  const Global = globalThis.Error as typeof NativeError;
  const { prepareStackTrace, stackTraceLimit } = NativeError;
  const globalPrepare = Global.prepareStackTrace;
  let sites: readonly NodeJS.CallSite[] = [];
  const take = (_error: Error, given: NodeJS.CallSite[]): string => {
    sites = given;
    return '';
  };
  NativeError.stackTraceLimit = Number.POSITIVE_INFINITY;
  NativeError.prepareStackTrace = take;
  Global.prepareStackTrace = take;
  try {
    void new NativeError('stack').stack;
  } finally {
    NativeError.stackTraceLimit = stackTraceLimit;
    NativeError.prepareStackTrace = prepareStackTrace;
    Global.prepareStackTrace = globalPrepare;
  }
  return sites;
}

let sitesSeen: NodeJS.CallSite[] | null = null;

/** Where the code stands that was interrupted by the inspector to call this. */
export function standing(): Standing {
  sitesSeen = null;
  const { stack = '' } = new NativeError('standing');
  const [, ...lines] = stack.split('\n');
  const sites: NodeJS.CallSite[] = sitesSeen ?? [];
  sitesSeen = null;
  // The innermost evaluation is the interrupt itself: it has neither file nor name.
  const interrupt = sites.findIndex((site) => !site.getFileName() && !site.getFunctionName());
  const innermost = sites.slice(interrupt + 1).find((site) => site.getFileName());
  const file = innermost?.getFileName() ?? '';
  return {
    stack: lines.filter((line) => !INTERRUPT_FRAME.test(line)).join('\n'),
    inMachine: isInternalFile(file),
  };
}

/** Frames without a file that only the inspector makes. */
const INTERRUPT_FRAME: RegExp = /^ +at (?:Object\.<anonymous> \()?<anonymous>:1:\d+\)?$/;

/** Map the stacks of this thread. Calling it again, with the same or another table, is harmless. */
export function installStackMapping(
  positions: SourcePositions,
  options: StackMappingOptions = {},
): void {
  const prepare = (error: Error, frames: NodeJS.CallSite[]): string => {
    sitesSeen = frames;
    return `${headerOf(error)}${formatFrames(error, frames, positions, options.keepInternal === true)}`;
  };
  NativeError.prepareStackTrace = prepare;
  NativeError.stackTraceLimit = FRAMES_CAPTURED;
  // Node asks the global Error, which after lockdown is another function than V8's.
  const Global = globalThis.Error as typeof NativeError;
  if (Global !== NativeError && Global.prepareStackTrace !== prepare)
    Global.prepareStackTrace = prepare;
}

function headerOf(error: Error): string {
  try {
    return String(NativeError.prototype.toString.call(error));
  } catch {
    return '<error>';
  }
}

/**
 * V8 leaves out the constructors of the error's own classes; the `Error` of a hardened realm captures
 * the stack anew and leaves them in.
 */
function isErrorConstructor(error: Error, site: NodeJS.CallSite): boolean {
  if (!site.isConstructor()) return false;
  const name = site.getFunctionName();
  let prototype: unknown = Object.getPrototypeOf(error);
  while (typeof prototype === 'object' && prototype !== null) {
    if ((prototype as { constructor?: { name?: unknown } }).constructor?.name === name) return true;
    prototype = Object.getPrototypeOf(prototype);
  }
  return false;
}

interface Frame {
  readonly text: string;
  readonly kind: 'user' | 'internal' | 'foreign';
}

function formatFrames(
  error: Error,
  sites: NodeJS.CallSite[],
  positions: SourcePositions,
  keepInternal: boolean,
): string {
  const frames: Frame[] = [];
  let user = false;
  const begin = sites.findIndex((site) => !isErrorConstructor(error, site));
  for (const site of begin === -1 ? sites : sites.slice(begin)) {
    if (BELOW.has(site.getFunctionName())) break;
    const frame = formatFrame(error, site, positions, !user);
    if (frame === null) continue;
    user ||= frame.kind === 'user';
    frames.push(frame);
  }
  const shown = user && !keepInternal ? frames.filter(({ kind }) => kind !== 'internal') : frames;
  return shown
    .slice(0, FRAMES_SHOWN)
    .map(({ text }) => `\n    at ${text}`)
    .join('');
}

function formatFrame(
  error: Error,
  site: NodeJS.CallSite,
  positions: SourcePositions,
  first: boolean,
): Frame | null {
  const script = site.getFileName() ?? undefined;
  if (script === undefined) {
    const internal = isGeneratorStep(site);
    return { text: String(site), kind: internal ? 'internal' : 'foreign' };
  }
  if (!positions.has(script)) {
    return { text: String(site), kind: isInternalFile(script) ? 'internal' : 'foreign' };
  }
  const position = positions.locate(script, site.getLineNumber() ?? 1, site.getColumnNumber() ?? 1);
  if (position === null) return null;
  if (first) firstPositions.set(error, { position, script });
  const place = `${position.file}:${position.line}:${position.column}`;
  const name = describeCall(site);
  return { text: name === '' ? place : `${name} (${place})`, kind: 'user' };
}

/** The native frame between the machine and the body of a coroutine. */
function isGeneratorStep(site: NodeJS.CallSite): boolean {
  const name = site.getFunctionName();
  return name === 'next' || name === 'throw' || name === 'return';
}

function isInternalFile(script: string): boolean {
  const path = script.startsWith('file:') ? fileURLToPath(script) : script;
  const plain = path.replaceAll('\\', '/');
  return plain.startsWith('node:internal/') || INTERNAL.some((folder) => plain.startsWith(folder));
}

/** As V8 writes it: `fn`, `Type.fn`, `new Type`. */
function describeCall(site: NodeJS.CallSite): string {
  const given = site.getFunctionName();
  const name = given === null ? '' : userFunctionName(given);
  if (site.isConstructor()) return `new ${name || '<anonymous>'}`;
  if (site.isToplevel() || name === '') return name;
  const type = site.getTypeName();
  return type === null || type === 'Object' || name.startsWith(`${type}.`)
    ? name
    : `${type}.${name}`;
}
