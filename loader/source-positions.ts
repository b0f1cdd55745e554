/**
 * Source positions: stacks of errors in the user's TypeScript.
 *
 * `Error.prepareStackTrace` maps every frame of every loaded version to file, line, column and
 * function name of the source, and leaves out what the user did not write: the machine's own frames,
 * the wrappers of coroutines, `Generator.next`. A stack without any frame of a module (a bug in the
 * machine) keeps all.
 *
 * With `ses`: call `installStackMapping` after `lockdown()`, which installs a hook of its own; any
 * `errorTaming` will do, as the hook then belongs to the machine.
 *
 * An error that ends a process is formatted each time, so what is found out about a place or a file is
 * kept: maps are decoded at the first error of a version, a place is looked up once, and of frames
 * that are not shown no text is made.
 *
 * Source: V8, "Stack trace API".
 */

import { fileURLToPath } from 'node:url';
import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping';
import { type AsyncFrame, asyncFramesOf } from '../runtime/async-frames.js';
import type { Standing } from '../runtime/hosting.js';
import type { LogOrigin } from '../runtime/log-config.js';
import { NativeError } from '../runtime/native-error.js';
import { scriptName, userFunctionName } from './module.js';
import { FRAMES_CAPTURED, StackStorm } from './stack-storm.js';

export interface UserPosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

interface Script {
  readonly file: string;
  readonly map: string;
  decoded: TraceMap | null;
  /** What was looked up, by V8's position in the script: bounded by the places that can throw. */
  readonly places: Map<number, Place | null>;
}

/** A place in the user's source, and its text in a stack. */
interface Place {
  readonly position: UserPosition;
  readonly text: string;
}

export interface StackMappingOptions {
  /** Keep the machine's own frames: for those who work on tsvm itself. */
  readonly keepInternal?: boolean;
}

const FRAMES_SHOWN = 20;
/** The functions of `preemption.ts` and `guard.ts` under which the stack is not the process's. */
export const PREEMPTED_BELOW = 'serveOnTop';
/** The function of `scheduler.ts` that runs a slice. */
const SLICE = '#slice';
const BELOW: ReadonlySet<string | null> = new Set([PREEMPTED_BELOW, 'enterSlices']);

const ROOT = fileURLToPath(new URL('..', import.meta.url)).replaceAll('\\', '/');
const INTERNAL = ['runtime/', 'bif/', 'loader/', 'threads/'].map((folder) => ROOT + folder);

export class SourcePositions {
  readonly #scripts: Map<string, Script> = new Map();

  add(module: string, version: string, file: string, map: string): void {
    this.#scripts.set(scriptName(module, version), { file, map, decoded: null, places: new Map() });
  }

  remove(module: string, version: string): void {
    this.#scripts.delete(scriptName(module, version));
  }

  has(script: string): boolean {
    return this.#scripts.has(script);
  }

  /** The source file of a script. */
  file(script: string): string | undefined {
    return this.#scripts.get(script)?.file;
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

  /**
   * Where a frame is.
   *
   * @returns `null` for text that the user did not write; undefined for a script that is no module
   */
  place(name: string, site: NodeJS.CallSite): Place | null | undefined {
    const script = this.#scripts.get(name);
    if (script === undefined) return undefined;
    const offset = site.getPosition();
    const known = script.places.get(offset);
    if (known !== undefined) return known;
    const position = this.locate(name, site.getLineNumber() ?? 1, site.getColumnNumber() ?? 1);
    const place =
      position === null
        ? null
        : { position, text: `${position.file}:${position.line}:${position.column}` };
    script.places.set(offset, place);
    return place;
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

/** The stack of this thread as V8 sees it, innermost first. Cost: about a microsecond a frame. */
export function callSites(most: number = Number.POSITIVE_INFINITY): readonly NodeJS.CallSite[] {
  const { prepareStackTrace, stackTraceLimit } = NativeError;
  let sites: readonly NodeJS.CallSite[] = [];
  const take = (_error: Error, given: NodeJS.CallSite[]): string => {
    sites = given;
    return '';
  };
  NativeError.stackTraceLimit = most;
  NativeError.prepareStackTrace = take;
  try {
    void new NativeError('stack').stack;
  } finally {
    NativeError.stackTraceLimit = stackTraceLimit;
    NativeError.prepareStackTrace = prepareStackTrace;
  }
  return sites;
}

/** Frames of the machine between a built-in function and who called it. */
const CALLER_FRAMES = 12;

/** The innermost place in a module of the stack of this moment. Cost: some 5 microseconds. */
export function callerIn(positions: SourcePositions): LogOrigin | undefined {
  for (const site of callSites(CALLER_FRAMES)) {
    const script = site.getFileName() ?? '';
    const module = MODULE_SCRIPT.exec(script)?.[1];
    if (module === undefined) continue;
    const place = positions.place(script, site);
    if (!place) continue;
    const { file, line } = place.position;
    return { module, function: userFunctionName(site.getFunctionName() ?? ''), file, line };
  }
  return undefined;
}

/** See `scriptName`. */
const MODULE_SCRIPT: RegExp = /^tsvm:(.+)@[^@]+$/;

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
  const storm = new StackStorm();
  const prepare = (error: Error, frames: NodeJS.CallSite[]): string => {
    sitesSeen = frames;
    storm.formatted();
    return `${headerOf(error)}${formatFrames(error, frames, positions, options.keepInternal === true)}`;
  };
  NativeError.prepareStackTrace = prepare;
  NativeError.stackTraceLimit = FRAMES_CAPTURED;
}

function headerOf(error: Error): string {
  try {
    return String(NativeError.prototype.toString.call(error));
  } catch {
    return '<error>';
  }
}

const HARDENED: RegExp = /[\\/]ses[\\/].*tame-error-constructor/;

/**
 * V8 leaves out the constructors of the error's own classes. Where the `Error` of a hardened realm takes
 * the stack anew it leaves them in; and called without `new` it is itself a frame.
 */
function isErrorConstructor(error: Error, site: NodeJS.CallSite): boolean {
  const name = site.getFunctionName();
  if (!site.isConstructor()) return name === 'Error' && HARDENED.test(site.getFileName() ?? '');
  let prototype: unknown = Object.getPrototypeOf(error);
  while (typeof prototype === 'object' && prototype !== null) {
    if ((prototype as { constructor?: { name?: unknown } }).constructor?.name === name) return true;
    prototype = Object.getPrototypeOf(prototype);
  }
  return false;
}

interface Frame {
  readonly site: NodeJS.CallSite;
  /** Where it is, if it is the user's. */
  readonly place: Place | null;
  readonly internal: boolean;
}

function formatFrames(
  error: Error,
  sites: NodeJS.CallSite[],
  positions: SourcePositions,
  keepInternal: boolean,
): string {
  const frames: Frame[] = [];
  const callers = asyncFramesOf(error);
  let user = false;
  const begin = Math.max(
    0,
    sites.findIndex((site) => !isErrorConstructor(error, site)),
  );
  for (let index = begin; index < sites.length; index++) {
    const site = sites[index] as NodeJS.CallSite;
    const script = site.getFileName() ?? undefined;
    const place = script === undefined ? undefined : positions.place(script, site);
    if (place === null) continue;
    if (place !== undefined) {
      if (!user) firstPositions.set(error, { position: place.position, script: script as string });
      user = true;
      frames.push({ site, place, internal: false });
      continue;
    }
    const name = site.getFunctionName();
    if (BELOW.has(name)) break;
    const internal = script === undefined ? isGeneratorStep(name) : isInternalFile(script);
    // Below a slice there is nothing of its process.
    if (user && !keepInternal && internal && name === SLICE) break;
    frames.push({ site, place: null, internal });
  }
  let text = '';
  let shown = 0;
  for (const { site, place, internal } of frames) {
    if (internal && user && !keepInternal) continue;
    text += `\n    at ${place === null ? site : frameText(site, place)}`;
    shown += 1;
    if (shown === FRAMES_SHOWN) return text;
  }
  // Of a stack that V8 has cut off, the callers would stand in the wrong place.
  if (sites.length >= NativeError.stackTraceLimit) return text;
  return text + callersText(error, callers, positions, FRAMES_SHOWN - shown, !user);
}

/** Those that waited for what failed, as V8 writes them: `at async main (chat.ts:3:3)`. */
function callersText(
  error: Error,
  callers: readonly AsyncFrame[],
  positions: SourcePositions,
  most: number,
  withPosition: boolean,
): string {
  let text = '';
  let isFirst = withPosition;
  let shown = 0;
  for (const { site, line, column } of callers) {
    const script = site.getFileName() ?? '';
    const file = positions.file(script);
    if (file === undefined || shown === most) continue;
    const position = { file, line, column };
    if (isFirst) firstPositions.set(error, { position, script });
    isFirst = false;
    text += `\n    at async ${frameText(site, { position, text: `${file}:${line}:${column}` })}`;
    shown += 1;
  }
  return text;
}

function frameText(site: NodeJS.CallSite, { text }: Place): string {
  const name = describeCall(site);
  return name === '' ? text : `${name} (${text})`;
}

/** The native frame between the machine and the body of a coroutine. */
function isGeneratorStep(name: string | null): boolean {
  return name === 'next' || name === 'throw' || name === 'return';
}

/** Names of scripts are few; those that code makes up while it runs are not let grow for ever. */
const FILES_KEPT = 4096;
const internalFiles: Map<string, boolean> = new Map();

function isInternalFile(script: string): boolean {
  let internal = internalFiles.get(script);
  if (internal === undefined) {
    const path = script.startsWith('file:') ? fileURLToPath(script) : script;
    const plain = path.replaceAll('\\', '/');
    internal =
      plain.startsWith('node:internal/') || INTERNAL.some((folder) => plain.startsWith(folder));
    if (internalFiles.size >= FILES_KEPT) internalFiles.clear();
    internalFiles.set(script, internal);
  }
  return internal;
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
