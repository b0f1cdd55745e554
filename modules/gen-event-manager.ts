/**
 * The event manager process: a gen-server whose state is the handlers.
 *
 * Invariants:
 *  1. Handlers are kept newest first, and run in that order, one after the other, inside the manager.
 *  2. A handler that fails is taken out alone; the manager and the others go on.
 *  3. The manager is linked to each process that supervises a handler, as long as it does.
 *
 * Source: OTP, module `gen_event`; SEMANTICS 12.
 */

import {
  type Exit,
  exitReason,
  link,
  log,
  type Pid,
  self,
  send,
  trapExit,
  unlink,
  upgrading,
} from 'tsvm';
import { isFailure, moduleName } from './behaviours.js';
import { type AnyCodeChange, translate } from './code-change.js';
import type { HandlerEnd, HandlerExit, HandlerId, HandlerName, Swap } from './gen-event-types.js';
import type { CallResult, InitResult, Result } from './gen-server-types.js';
import { inWords, presentable } from './reasons.js';

type Callback = (first: unknown, state: unknown) => unknown;

/** A handler module as the manager calls it. */
export interface Callbacks {
  readonly init: (argument: unknown, before?: unknown) => unknown;
  readonly handleEvent: Callback;
  readonly handleCall?: Readonly<Record<string, Callback>>;
  readonly handleInfo?: Callback;
  readonly terminate?: (why: unknown, state: unknown) => unknown;
  readonly codeChange?: AnyCodeChange;
  readonly formatStatus?: (state: unknown) => unknown;
}

interface Installed {
  readonly module: Callbacks;
  readonly id: HandlerId | undefined;
  /** The process that supervises it. */
  readonly owner: Pid | undefined;
  state: unknown;
}

/** Lives within the process; changed in place. Newest first. */
interface State {
  handlers: Installed[];
  /** The manager's own, as gen-server wants to know it after each message. */
  hibernate: boolean;
}

/** A handler as requests name it. */
export interface Named {
  readonly module: Callbacks;
  readonly id: HandlerId | undefined;
}

/** What a request about handlers is answered. */
export type Answer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: unknown };

type Addition = Named & { readonly argument: unknown; readonly owner: Pid | undefined };

interface AnyResult {
  readonly state?: unknown;
  readonly reply?: unknown;
  readonly remove?: unknown;
  readonly swap?: Swap;
  readonly hibernate?: unknown;
}

export function init(): InitResult<State> {
  trapExit(true);
  return { state: { handlers: [], hibernate: false } };
}

// ---- requests -----------------------------------------------------------------------------------

export const handleCall = {
  async notify({ event }: { readonly event: unknown }, state: State): Given<'ok'> {
    await spread(state, 'handleEvent', event);
    return answered('ok', state);
  },

  async ask(
    { handler, request }: { readonly handler: Named; readonly request: unknown },
    state: State,
  ): Given<Answer> {
    const found = find(state, handler);
    if (found === undefined) return answered({ ok: false, reason: 'bad_module' }, state);
    return answered(await ask(state, found, request), state);
  },

  async add({ handler }: { readonly handler: Addition }, state: State): Given<Answer> {
    return answered(await install(state, handler), state);
  },

  async remove(
    { handler, why }: { readonly handler: Named; readonly why: unknown },
    state: State,
  ): Given<Answer> {
    const found = find(state, handler);
    if (found === undefined) return answered({ ok: false, reason: 'module_not_found' }, state);
    const value = await uninstall(state, found, why, 'normal');
    return answered({ ok: true, value }, state);
  },

  async swap(
    { from, why, to }: { readonly from: Named; readonly why: unknown; readonly to: Addition },
    state: State,
  ): Given<Answer> {
    const found = find(state, from);
    const reason = { kind: 'swapped', to: nameOf(to), supervisor: to.owner };
    const before = found === undefined ? 'error' : await uninstall(state, found, why, reason);
    return answered(await install(state, to, before), state);
  },

  which(_: unknown, state: State): CallResult<readonly HandlerName[], State> {
    return { reply: state.handlers.map(nameOf), state };
  },
};

export const handleCast = {
  async notify({ event }: { readonly event: unknown }, state: State): Promise<Result<State>> {
    await spread(state, 'handleEvent', event);
    return next(state);
  },
};

type Given<R> = Promise<CallResult<R, State>>;

function answered<R>(reply: R, state: State): CallResult<R, State> {
  return sleepy(state) ? { reply, state, hibernate: true } : { reply, state };
}

function next(state: State): Result<State> {
  return sleepy(state) ? { state, hibernate: true } : { state };
}

/** Has a handler asked to hibernate? */
function sleepy(state: State): boolean {
  const { hibernate } = state;
  state.hibernate = false;
  return hibernate;
}

export async function handleInfo(message: unknown, state: State): Promise<Result<State>> {
  const { type, from, reason } = (message ?? {}) as Partial<Exit>;
  if (type === 'EXIT') {
    for (const each of state.handlers.filter(({ owner }) => owner === from)) {
      // Nobody is left to be told.
      drop(state, each);
      const why: HandlerEnd = { kind: 'stop', reason };
      await terminated(each, why);
    }
  }
  await spread(state, 'handleInfo', message);
  return next(state);
}

export async function terminate(_reason: unknown, state: State): Promise<void> {
  for (const each of [...state.handlers]) await uninstall(state, each, 'stop', 'shutdown');
}

/** The handlers of one module translate their states. */
export async function codeChangeOf(
  version: unknown,
  state: State,
  extra: unknown,
  module: object,
): Promise<State> {
  const changed = state.handlers.filter((each) => each.module === module);
  // All or none: a failure leaves every state as it was.
  const states: unknown[] = [];
  for (const each of changed) {
    states.push(await translate(each.module.codeChange, version, each.state, extra));
  }
  for (const [at, each] of changed.entries()) each.state = states[at];
  return state;
}

export function formatStatus({ handlers }: State): unknown {
  return handlers.map((each) => ({ ...nameOf(each), owner: each.owner, state: formatted(each) }));
}

function formatted({ module, state }: Installed): unknown {
  try {
    return module.formatStatus === undefined ? state : module.formatStatus(state);
  } catch {
    // Whoever looks must not hurt the manager.
    return '(formatStatus failed)';
  }
}

// ---- events -------------------------------------------------------------------------------------

async function spread(
  state: State,
  callback: 'handleEvent' | 'handleInfo',
  event: unknown,
): Promise<void> {
  // A copy: handlers that are added by a swap have not seen the event, and see the next.
  for (const each of [...state.handlers]) {
    const { module } = each;
    if (callback === 'handleInfo' && module.handleInfo === undefined) {
      const { type } = (event ?? {}) as Partial<Exit>;
      if (type !== 'EXIT') unhandled(each, event);
      continue;
    }
    const result = await run(state, each, event, () =>
      callback === 'handleEvent'
        ? module.handleEvent(event, each.state)
        : module.handleInfo?.(event, each.state),
    );
    if (result !== null) await carryOut(state, each, result);
  }
}

function unhandled({ module }: Installed, message: unknown): void {
  log.warning(`${moduleName(module)}: a message that nobody handles`, {
    domain: ['otp'],
    message: presentable(message),
  });
}

async function ask(state: State, one: Installed, request: unknown): Promise<Answer> {
  const type = String((request as { readonly type?: unknown } | null | undefined)?.type);
  const { handleCall: calls } = one.module;
  let failure: unknown = null;
  const result = await run(
    state,
    one,
    request,
    () => {
      if (calls === undefined || !Object.hasOwn(calls, type)) {
        throw new TypeError(`handleCall has nothing for a request of type ${type}`);
      }
      return (calls[type] as Callback)(request, one.state);
    },
    (reason) => {
      failure = reason;
    },
  );
  if (result === null) return { ok: false, reason: failure };
  if (!('reply' in result)) {
    await failed(state, one, presentable(result), request);
    return { ok: false, reason: presentable(result) };
  }
  await carryOut(state, one, result);
  return { ok: true, value: result.reply };
}

/** Run a callback of a handler. @returns its result; null when it failed and the handler is gone */
async function run(
  state: State,
  one: Installed,
  event: unknown,
  callback: () => unknown,
  tell?: (reason: unknown) => void,
): Promise<AnyResult | null> {
  let given: unknown;
  try {
    given = await callback();
  } catch (thrown) {
    if (isFailure(thrown)) {
      const reason = exitReason(thrown);
      tell?.(reason);
      await failed(state, one, reason, event);
      return null;
    }
    given = thrown;
  }
  if (isResult(given)) return given;
  const reason = presentable(given);
  tell?.(reason);
  await failed(state, one, reason, event);
  return null;
}

function isResult(given: unknown): given is AnyResult {
  if (typeof given !== 'object' || given === null) return false;
  return 'state' in given || (given as AnyResult).remove === true;
}

async function failed(
  state: State,
  one: Installed,
  reason: unknown,
  event: unknown,
): Promise<void> {
  const { module, id } = nameOf(one);
  log.error(`gen-event: handler ${module} failed and is taken out: ${inWords(reason)}`, {
    domain: ['otp'],
    label: 'gen_event',
    handler: { module, id },
    reason: presentable(reason),
    lastEvent: presentable(event),
    state: presentable(formatted(one)),
  });
  const why: HandlerEnd = { kind: 'error', reason };
  await uninstall(state, one, why, reason);
}

/** What a handler wants after a callback. */
async function carryOut(state: State, one: Installed, result: AnyResult): Promise<void> {
  if (result.remove === true) {
    await uninstall(state, one, 'remove_handler' satisfies HandlerEnd, 'normal');
    return;
  }
  one.state = result.state;
  if (result.hibernate === true) state.hibernate = true;
  if (result.swap === undefined) return;
  const { why, to, id, argument } = result.swap;
  const { owner } = one;
  const next = { module: to as unknown as Callbacks, id, argument, owner };
  const reason = { kind: 'swapped', to: nameOf(next), supervisor: owner };
  const before = await uninstall(state, one, why, reason);
  await install(state, next, before);
}

// ---- handlers come and go -----------------------------------------------------------------------

async function install(state: State, added: Addition, before?: unknown): Promise<Answer> {
  const { module, id, argument, owner } = added;
  const replaced = upgrading.use(module);
  if (replaced !== undefined) await replaced;
  let given: unknown;
  try {
    given = await module.init(argument, before);
  } catch (thrown) {
    if (isFailure(thrown)) return refused(state, module, exitReason(thrown));
    given = thrown;
  }
  const isObject = typeof given === 'object' && given !== null;
  if (isObject && 'error' in (given as object)) {
    return refused(state, module, (given as { readonly error: unknown }).error);
  }
  if (!isObject || !('state' in (given as object))) {
    return refused(state, module, { kind: 'bad_return_value', value: presentable(given) });
  }
  if (owner !== undefined) link(owner);
  const { state: own, hibernate } = given as AnyResult;
  state.handlers.unshift({ module, id, owner, state: own });
  if (hibernate === true) state.hibernate = true;
  return { ok: true, value: undefined };
}

/** @returns what `terminate` gave */
async function uninstall(
  state: State,
  one: Installed,
  why: unknown,
  reason: unknown,
): Promise<unknown> {
  drop(state, one);
  const result = await terminated(one, why);
  const { owner } = one;
  if (owner === undefined) return result;
  const told: HandlerExit = {
    type: 'gen_event_EXIT',
    manager: self(),
    handler: nameOf(one),
    reason,
  };
  send(owner, told);
  if (!state.handlers.some((each) => each.owner === owner)) unlink(owner);
  return result;
}

function drop(state: State, one: Installed): void {
  state.handlers = state.handlers.filter((each) => each !== one);
  release(state, one.module);
}

/** A module that no handler is of any more does not concern the manager. */
function release({ handlers }: State, module: Callbacks): void {
  if (!handlers.some((each) => each.module === module)) upgrading.disuse(module);
}

function refused(state: State, module: Callbacks, reason: unknown): Answer {
  release(state, module);
  return { ok: false, reason };
}

async function terminated(one: Installed, why: unknown): Promise<unknown> {
  try {
    return await one.module.terminate?.(why, one.state);
  } catch (thrown) {
    // It is gone in any case; the manager and the others go on.
    return isFailure(thrown) ? exitReason(thrown) : thrown;
  }
}

function find({ handlers }: State, { module, id }: Named): Installed | undefined {
  return handlers.find((each) => each.module === module && each.id === id);
}

function nameOf({ module, id }: Named): HandlerName {
  return { module: moduleName(module), id };
}
