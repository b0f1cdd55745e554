/**
 * gen-server: a process that keeps a state and answers requests, one at a time.
 *
 * The callbacks are the exports of a module, given as its namespace, so that each of them is looked up
 * when it is called and a new version of the module counts from the next message on.
 *
 * Invariants:
 *  1. The state changes only by what a callback returns; one that fails ends the server.
 *  2. `terminate` runs at most once, and before anybody learns of the end.
 *  3. A caller that gave up never gets the late reply: it goes through an alias that is gone by then.
 *
 * Source: OTP, module `gen_server`; SEMANTICS 10.
 */

import {
  reply as answer,
  call as askAndWait,
  type Call,
  crashDetails,
  exit,
  exitReason,
  type From,
  hibernate,
  log,
  type Pid,
  ProcessError,
  type Ref,
  receive,
  self,
  TIMEOUT,
  upgrading,
} from 'tsvm';
import { checkModule, isFailure, moduleName } from './behaviours.js';
import { type AnyCodeChange, translate } from './code-change.js';
import * as genServer from './gen-server.js';
import { castTo } from './gen-server-requests.js';
import type {
  CallbackModule,
  CastOf,
  Complete,
  DirectRef,
  InitArgument,
  PlainName,
  ReplyTo,
  RequestOf,
  Server,
  ServerName,
  ServerRef,
} from './gen-server-types.js';
import * as procLib from './proc-lib.js';
import { type BadReturnValue, isOrderly, presentable } from './reasons.js';
import {
  type Debug,
  type DebugOptions,
  debugOptions,
  handleDebug,
  handleSystemMessage,
  isExitOf,
  isSystemMessage,
  type Systemic,
} from './sys.js';
import { resolved, type Via, whereis } from './via.js';

export {
  type Answered,
  abcast,
  checkResponse,
  type MultiCallResult,
  multiCall,
  RequestCollection,
  type RequestId,
  receiveResponse,
  sendRequest,
  waitResponse,
} from './gen-server-requests.js';
export type {
  CallbackModule,
  CallResult,
  Cast,
  CastOf,
  GenServer,
  InitResult,
  ReplyTo,
  RequestOf,
  Result,
  Server,
  ServerMessage,
  ServerName,
  ServerTypes,
} from './gen-server-types.js';
export { isStartError, StartError, shutdown } from './reasons.js';
export type { From };

/** How a server is started. */
export interface ServerOptions extends procLib.StartOptions {
  /** Give up the stack after so long without a message. */
  readonly hibernateAfterMs?: number;
  readonly debug?: DebugOptions;
}

// ---- start and stop -----------------------------------------------------------------------------

/**
 * Start a server that is linked to the caller, and wait until its `init` has returned.
 * `gen_server:start_link/3,4`.
 *
 * @param module the callbacks, as `import * as counter from './counter.js'` gives them
 * @throws StartError with the reason: what `init` gave as `stop`, `'ignore'`, its failure, `timeout`,
 *   `{kind: 'already_started', pid}` (then `init` has not run)
 */
export function startLink<G extends CallbackModule>(
  module: G & Complete<G>,
  ...[argument, options]: StartArguments<G>
): Promise<Server<G>> {
  return procLib.startLink(...startOf(module, argument, options)) as Promise<Server<G>>;
}

/** As `startLink`, without the link. The server has no parent then. `gen_server:start/3,4`. */
export function start<G extends CallbackModule>(
  module: G & Complete<G>,
  ...[argument, options]: StartArguments<G>
): Promise<Server<G>> {
  return procLib.start(...startOf(module, argument, options)) as Promise<Server<G>>;
}

/** As `start`, with a monitor from the first moment. `gen_server:start_monitor/3,4`. */
export async function startMonitor<G extends CallbackModule>(
  module: G & Complete<G>,
  ...[argument, options]: StartArguments<G>
): Promise<{ readonly pid: Server<G>; readonly ref: Ref }> {
  const { value, ref } = await procLib.startMonitor(...startOf(module, argument, options));
  return { pid: value as Server<G>, ref };
}

/** An `init` without a parameter needs no argument. */
type StartArguments<G> = [InitArgument<G>] extends [undefined]
  ? [argument?: undefined, options?: ServerOptions]
  : [argument: InitArgument<G>, options?: ServerOptions];

type Entry = [procLib.StartOptions, typeof enter, object, unknown, ServerTraits];

function startOf(module: CallbackModule, argument: unknown, options: ServerOptions = {}): Entry {
  checkModule('gen-server', module);
  const { hibernateAfterMs, debug, ...rest } = options;
  return [rest, genServer.enter, module, argument, { hibernateAfterMs, debug }];
}

/** End a server in order, and wait until it is gone. `gen_server:stop/3`. */
export function stop(
  server: ServerRef | PlainName,
  reason: unknown = 'normal',
  timeoutMs?: number,
): Promise<void> {
  return procLib.stop(server, reason, timeoutMs);
}

/** A registered name as a reference that knows what its server takes. */
export function named<G>(name: string): ServerName<G> {
  return name as ServerName<G>;
}

// ---- asking -------------------------------------------------------------------------------------

interface CallFunction {
  <D extends ServerRef, const Q extends RequestOf<D>>(
    server: D,
    request: Q,
    timeoutMs?: number,
  ): Promise<ReplyTo<D, Q>>;
  <R = unknown>(server: PlainName | Via, request: unknown, timeoutMs?: number): Promise<R>;
}

/**
 * Ask and wait, 5 s by default. `gen_server:call/2,3`.
 *
 * @returns the reply that the type of the request decides
 * @throws exits with `{reason, call: server}`: `noproc`, `timeout`, `calling_self` or what the server
 *   ended with. The server is not told of a time-out; its late reply is dropped
 */
export const call: CallFunction = ((
  server: string | Via<never>,
  request: unknown,
  timeoutMs?: number,
) =>
  typeof server === 'string'
    ? askAndWait(server, request, timeoutMs)
    : callVia(server, request, timeoutMs)) as CallFunction;

async function callVia(server: Via<never>, request: unknown, timeoutMs?: number): Promise<unknown> {
  return await askAndWait(await resolved(server), request, timeoutMs);
}

/**
 * Send a request that is not answered. Never fails, whoever is there. `gen_server:cast/2`.
 *
 * @returns for a via name a promise: who has it must be asked first, and only then it is sent
 */
export function cast<D extends Via<never>, const Q extends CastOf<D>>(
  server: D,
  request: Q,
): Promise<void>;
export function cast<D extends DirectRef, const Q extends CastOf<D>>(server: D, request: Q): void;
export function cast(server: Via, request: unknown): Promise<void>;
export function cast(server: PlainName, request: unknown): void;
export function cast(server: string | Via<never>, request: unknown): void | Promise<void> {
  return typeof server === 'string' ? castTo(server, request) : castVia(server, request);
}

async function castVia(server: Via<never>, request: unknown): Promise<void> {
  const pid = await whereis(server);
  if (pid !== undefined) castTo(pid, request);
}

/** Answer a call, from any process. `gen_server:reply/2`. */
export function reply<R>(from: From<R>, value: NoInfer<R>): void {
  answer(from, value);
}

// ---- the server ---------------------------------------------------------------------------------

export interface ServerTraits {
  readonly hibernateAfterMs: number | undefined;
  readonly debug: DebugOptions | undefined;
  /** A module with the functions of `Keeper`. */
  readonly keeper?: object;
}

/** A behaviour on top of this one that keeps the state elsewhere too, before anybody learns of it. */
export interface Keeper {
  /** In the place of `init`. @param kept is given back with each call */
  begin(
    module: object,
    argument: unknown,
  ): Promise<{ readonly result: unknown; readonly kept: unknown }>;
  /** @returns the result of a callback that the server goes on with */
  keep(kept: unknown, module: object, result: unknown, state: unknown): Promise<unknown>;
  /** The state was changed by a system message: another version, or by hand. */
  replaced(kept: unknown, module: object, state: unknown): Promise<void>;
}

const FOR_EVER: number = Number.POSITIVE_INFINITY;

type Handler = (first: unknown, state: unknown, from?: From<unknown>) => unknown;
type Handlers = Readonly<Record<string, Handler>>;

/** A callback module as the server calls it: what it really takes is known to the compiler only. */
interface Callbacks {
  readonly init: (argument: unknown) => unknown;
  readonly handleCall?: Handlers;
  readonly handleCast?: Handlers;
  readonly handleInfo?: Handler;
  readonly handleContinue?: Handler;
  readonly terminate?: (reason: unknown, state: unknown) => unknown;
  readonly codeChange?: AnyCodeChange;
  /** Of a behaviour on top of this one: translate what belongs to a module of its own. */
  readonly codeChangeOf?: (
    version: unknown,
    state: unknown,
    extra: unknown,
    module: object,
  ) => unknown;
  readonly formatStatus?: (state: unknown) => unknown;
}

/** What any callback may have given; which of it is allowed is checked where it is used. */
interface AnyResult {
  readonly state?: unknown;
  readonly reply?: unknown;
  readonly noReply?: unknown;
  readonly stop?: unknown;
  readonly ignore?: unknown;
  readonly timeoutMs?: unknown;
  readonly hibernate?: unknown;
  readonly continue?: unknown;
}

/** All there is of a server. It stays within its process. */
interface Running {
  readonly module: Callbacks;
  readonly parent: Pid | undefined;
  readonly debug: Debug;
  readonly hibernateAfterMs: number;
  readonly keeper: Keeper | null;
  kept: unknown;
  state: unknown;
  /** Milliseconds of silence after which `'timeout'` comes; Infinity: never. */
  timeoutMs: number;
  hibernate: boolean;
  /** What the callback that runs now works on. */
  message: unknown;
}

/** What a server process runs first. */
export async function enter(
  module: object,
  argument: unknown,
  { hibernateAfterMs, debug, keeper }: ServerTraits,
): Promise<void> {
  const server: Running = {
    module: module as Callbacks,
    parent: procLib.parent(),
    debug: debugOptions(debug),
    hibernateAfterMs: hibernateAfterMs ?? FOR_EVER,
    keeper: (keeper as Keeper | undefined) ?? null,
    kept: undefined,
    state: undefined,
    timeoutMs: FOR_EVER,
    hibernate: false,
    message: undefined,
  };
  procLib.setInitialCall(`${moduleName(module)}.init`);
  const replaced = upgrading.use(module);
  if (replaced !== undefined) await replaced;
  await initialise(server, argument);
  await genServer.serve(server);
}

async function initialise(server: Running, argument: unknown): Promise<void> {
  let result: AnyResult;
  try {
    result = (await begun(server, argument)) as AnyResult;
  } catch (thrown) {
    if (!isFailure(thrown)) result = thrown as AnyResult;
    else {
      procLib.initFailed(exitReason(thrown));
      throw thrown;
    }
  }
  const isObject = typeof result === 'object' && result !== null;
  if (isObject && 'stop' in result) procLib.initFail(result.stop);
  if (isObject && result.ignore === true) procLib.initFail('ignore', 'normal');
  if (!isObject || !('state' in result)) procLib.initFail(badReturn(result));
  server.state = result.state;
  if (server.debug.active) handleDebug(server.debug, { type: 'state', state: server.state });
  procLib.initAck(self());
  await proceed(server, result);
}

async function begun(server: Running, argument: unknown): Promise<unknown> {
  const { keeper, module } = server;
  if (keeper === null) return await module.init(argument);
  const { result, kept } = await keeper.begin(module, argument);
  server.kept = kept;
  return result;
}

/** What a callback gave, when the keeper has it. */
async function keptResult(server: Running, keeper: Keeper, result: unknown): Promise<unknown> {
  try {
    return await keeper.keep(server.kept, server.module, result, server.state);
  } catch (thrown) {
    return await fail(server, thrown);
  }
}

/**
 * The loop of a server. Entered anew after each hibernation, and to move to a new version of this
 * module.
 */
export async function serve(server: Running): Promise<void> {
  for (;;) {
    const { timeoutMs } = server;
    if (server.hibernate || (genServer.serve !== serve && timeoutMs === FOR_EVER)) {
      server.hibernate = false;
      return await hibernate(genServer.serve, server);
    }
    const limit = timeoutMs === FOR_EVER ? server.hibernateAfterMs : timeoutMs;
    const message = limit === FOR_EVER ? await receive() : await receive(undefined, limit);
    if (message === TIMEOUT && timeoutMs === FOR_EVER) {
      server.hibernate = true;
      continue;
    }
    if (isSystemMessage(message)) {
      // As in OTP the time-out, if there is one, begins anew.
      server.state = await handleSystemMessage(message, server.state, systemic(server));
      await server.keeper?.replaced(server.kept, server.module, server.state);
      continue;
    }
    server.timeoutMs = FOR_EVER;
    const received = message === TIMEOUT ? 'timeout' : message;
    server.message = received;
    if (server.debug.active) handleDebug(server.debug, { type: 'in', message: received });
    let result: unknown;
    try {
      result = await handle(server, received);
    } catch (thrown) {
      // What is thrown but is no error counts as returned.
      if (isFailure(thrown)) await fail(server, thrown);
      result = thrown;
    }
    if (server.keeper !== null) result = await keptResult(server, server.keeper, result);
    settle(server, result) || (await settleLater(server, result));
  }
}

/** Call what the message is for. */
function handle(server: Running, message: unknown): unknown {
  const { module, state } = server;
  const { type, from, request } = (message ?? {}) as Partial<Call<unknown, unknown>>;
  if (type === 'call' && typeof from?.alias === 'string') {
    return handlerOf(module.handleCall, 'handleCall', request)(request, state, from);
  }
  if ((type as string) === '$cast') {
    return handlerOf(module.handleCast, 'handleCast', request)(request, state);
  }
  const { parent } = server;
  if (parent !== undefined && isExitOf(message, parent)) return { stop: message.reason, state };
  if (module.handleInfo !== undefined) return module.handleInfo(message, state);
  log.warning(`${moduleName(module)}: a message that nobody handles`, {
    domain: ['otp'],
    message: presentable(message),
  });
  return { state };
}

function handlerOf(handlers: Handlers | undefined, callback: string, request: unknown): Handler {
  const type = (request as { readonly type?: unknown } | null | undefined)?.type;
  if (typeof type === 'string' && handlers !== undefined && Object.hasOwn(handlers, type)) {
    return handlers[type] as Handler;
  }
  throw new ProcessError('undef', `${callback} has nothing for a request of type ${String(type)}`);
}

/** The common results, done at once. @returns false when there is more to do */
function settle(server: Running, result: unknown): boolean {
  if (typeof result !== 'object' || result === null || !('state' in result)) return false;
  const given: AnyResult = result;
  if ('stop' in given || given.continue !== undefined) return false;
  const from = callerOf(server.message);
  if (from !== undefined) {
    if ('reply' in given) respond(server, from, given.reply);
    else if (given.noReply !== true) return false;
  } else if ('reply' in given || 'noReply' in given) return false;
  note(server, given);
  return true;
}

async function settleLater(server: Running, result: unknown): Promise<void> {
  const given = (typeof result === 'object' && result !== null ? result : {}) as AnyResult;
  const from = callerOf(server.message);
  if ('stop' in given && 'state' in given) {
    server.state = given.state;
    const respondAfter = from !== undefined && 'reply' in given;
    return await end(server, given.stop, null, () => {
      if (respondAfter) respond(server, from, given.reply);
    });
  }
  const isAllowed =
    'state' in given &&
    given.continue !== undefined &&
    (from === undefined
      ? !('reply' in given || 'noReply' in given)
      : 'reply' in given || given.noReply === true);
  if (!isAllowed) return await end(server, badReturn(result), null);
  if (from !== undefined && 'reply' in given) respond(server, from, given.reply);
  await proceed(server, given);
}

/** Take the new state, and let `handleContinue` run before the next message is received. */
async function proceed(server: Running, given: AnyResult): Promise<void> {
  note(server, given);
  let argument = given.continue;
  while (argument !== undefined) {
    server.message = { continue: argument };
    let result: unknown;
    try {
      const { handleContinue } = server.module;
      if (handleContinue === undefined) {
        throw new ProcessError('undef', `${moduleName(server.module)} has no handleContinue`);
      }
      result = await handleContinue(argument, server.state);
    } catch (thrown) {
      if (isFailure(thrown)) await fail(server, thrown);
      result = thrown;
    }
    if (server.keeper !== null) result = await keptResult(server, server.keeper, result);
    if (settle(server, result)) return;
    argument = (result as AnyResult | null)?.continue;
    const isAllowed =
      typeof result === 'object' && result !== null && 'state' in result && !('stop' in result);
    if (argument === undefined || !isAllowed) return await settleLater(server, result);
    note(server, result as AnyResult);
  }
}

function note(server: Running, { state, timeoutMs, hibernate }: AnyResult): void {
  server.state = state;
  if (timeoutMs !== undefined) server.timeoutMs = timeoutMs as number;
  if (hibernate === true) server.hibernate = true;
  if (server.debug.active) handleDebug(server.debug, { type: 'state', state });
}

function callerOf(message: unknown): From<unknown> | undefined {
  const { type, from } = (message ?? {}) as Partial<Call<unknown, unknown>>;
  return type === 'call' && typeof from?.alias === 'string' ? from : undefined;
}

function respond(server: Running, from: From<unknown>, value: unknown): void {
  answer(from, value);
  if (server.debug.active) handleDebug(server.debug, { type: 'out', message: value, to: from.pid });
}

// ---- the end ------------------------------------------------------------------------------------

/** A callback has failed: an error or an exit, not a thrown result. */
function fail(server: Running, thrown: unknown): Promise<never> {
  return end(server, exitReason(thrown), { thrown });
}

/** @param cause what was thrown, to be thrown again once `terminate` has run */
async function end(
  server: Running,
  reason: unknown,
  cause: { readonly thrown: unknown } | null,
  afterTerminate?: () => void,
): Promise<never> {
  let last = cause;
  try {
    await server.module.terminate?.(reason, server.state);
  } catch (thrown) {
    // A terminate that fails gives the server its own reason to end.
    if (isFailure(thrown)) last = { thrown };
  }
  afterTerminate?.();
  if (last !== null || !isOrderly(reason)) {
    const client = callerOf(server.message)?.pid;
    crashDetails({
      module: moduleName(server.module),
      state: formatted(server),
      lastMessage: server.message,
      client,
    });
  }
  if (last !== null) throw last.thrown;
  return exit(reason);
}

function badReturn(value: unknown): BadReturnValue {
  return { kind: 'bad_return_value', value: presentable(value) };
}

function formatted({ module, state }: Running): unknown {
  try {
    return module.formatStatus === undefined ? state : module.formatStatus(state);
  } catch {
    // The report is about another failure, which this one must not hide.
    return '(formatStatus failed)';
  }
}

function systemic(server: Running): Systemic<unknown> {
  const { module, parent, debug } = server;
  return {
    behaviour: 'tsvm/gen-server',
    module,
    parent,
    debug,
    userState: (state) => state,
    withUserState: (_state, user) => user,
    formatState: (state) => formatted({ ...server, state }),
    codeChange: (state, version, extra, changed) => {
      const { codeChange, codeChangeOf } = module;
      return codeChangeOf === undefined
        ? translate(codeChange, version, state, extra)
        : codeChangeOf(version, state, extra, changed);
    },
    terminate(state, reason) {
      server.state = state;
      server.message = undefined;
      return end(server, reason, null);
    },
  };
}
