/**
 * gen-event: a process that hands each event to any number of handlers.
 *
 * This is the side of who uses one; the process itself is `gen-event-manager.ts`.
 *
 * Source: OTP, module `gen_event`; SEMANTICS 12.
 */

import { exit, type Pid, type PlainName, type Ref, self } from 'tsvm';
import { checkModule } from './behaviours.js';
import type { Answer, Callbacks, Named } from './gen-event-manager.js';
import * as manager from './gen-event-manager.js';
import type {
  CallsOf,
  DirectManagerRef,
  EventManager,
  EventManagerName,
  EventManagerVia,
  EventOf,
  Handler,
  HandlerId,
  HandlerModule,
  HandlerName,
  ManagerRef,
} from './gen-event-types.js';
import * as genServer from './gen-server.js';
import type { InitArgument, ReplyTo, RequestOf } from './gen-server-types.js';
import { StartError } from './reasons.js';

export type {
  EventCallResult,
  EventHandlerTypes,
  EventManager,
  EventManagerMessage,
  EventManagerName,
  EventManagerVia,
  EventOf,
  EventResult,
  GenEvent,
  Handler,
  HandlerEnd,
  HandlerExit,
  HandlerId,
  HandlerModule,
  HandlerName,
  ManagerRef,
  Swap,
} from './gen-event-types.js';
export { isStartError, StartError } from './reasons.js';

export type ManagerOptions = genServer.ServerOptions;

const FOR_EVER = Number.POSITIVE_INFINITY;

/** Start a manager without handlers, linked to the caller: `startLink<OrderEvent>()`. `gen_event:start_link/0,1,2`. */
export function startLink<E>(options?: ManagerOptions): Promise<EventManager<E>> {
  return genServer.startLink(manager, undefined, options) as unknown as Promise<EventManager<E>>;
}

/** As `startLink`, without the link. `gen_event:start/0,1,2`. */
export function start<E>(options?: ManagerOptions): Promise<EventManager<E>> {
  return genServer.start(manager, undefined, options) as unknown as Promise<EventManager<E>>;
}

/** As `start`, with a monitor from the first moment. `gen_event:start_monitor/0,1,2`. */
export async function startMonitor<E>(
  options?: ManagerOptions,
): Promise<{ readonly pid: EventManager<E>; readonly ref: Ref }> {
  const { pid, ref } = await genServer.startMonitor(manager, undefined, options);
  return { pid: pid as unknown as EventManager<E>, ref };
}

/** End a manager in order: each handler's `terminate` gets `'stop'`. `gen_event:stop/1,3`. */
export function stop(
  of: ManagerRef | PlainName,
  reason: unknown = 'normal',
  timeoutMs?: number,
): Promise<void> {
  return genServer.stop(of as PlainName, reason, timeoutMs);
}

/** A registered name as a reference that knows its events. */
export function named<E>(name: string): EventManagerName<E> {
  return name as EventManagerName<E>;
}

/**
 * Spread an event, without waiting. Never fails, whoever is there. `gen_event:notify/2`.
 *
 * @returns for a via name a promise: who has it must be asked first
 */
export function notify<D extends EventManagerVia<never>>(to: D, event: EventOf<D>): Promise<void>;
export function notify<D extends DirectManagerRef>(to: D, event: EventOf<D>): void;
export function notify(to: PlainName, event: unknown): void;
export function notify(to: ManagerRef | PlainName, event: unknown): void | Promise<void> {
  return genServer.cast(to as PlainName, { type: 'notify', event });
}

/** Spread an event, and wait until all handlers have had it. `gen_event:sync_notify/2`. */
export async function syncNotify<D extends ManagerRef>(to: D, event: EventOf<D>): Promise<void>;
export async function syncNotify(to: PlainName, event: unknown): Promise<void>;
export async function syncNotify(to: ManagerRef | PlainName, event: unknown): Promise<void> {
  await genServer.call(to as PlainName, { type: 'notify', event }, FOR_EVER);
}

/**
 * Ask one handler, 5 s by default. `gen_event:call/3,4`.
 *
 * @throws exits with `{reason, call: manager}`: `'bad_module'` when there is no such handler, the failure
 *   of the handler, or what ended the manager
 */
export async function call<
  H extends HandlerModule<never>,
  const Q extends RequestOf<Pid<CallsOf<H>>>,
>(
  to: ManagerRef | PlainName,
  handler: Handler<H>,
  request: Q,
  timeoutMs?: number,
): Promise<ReplyTo<Pid<CallsOf<H>>, Q>> {
  const asked = { type: 'ask', handler: namedHandler(handler), request };
  const answer = await genServer.call<Answer>(to as PlainName, asked, timeoutMs);
  if (!answer.ok) exit({ reason: answer.reason, call: to });
  return answer.value as ReplyTo<Pid<CallsOf<H>>, Q>;
}

/**
 * Add a handler; it comes before those that are there. `gen_event:add_handler/3`.
 *
 * @param handler a module, or `[module, id]` to tell several of one module apart
 * @throws StartError: what `init` gave as `error`, or its failure; the manager goes on
 */
export function addHandler<D extends ManagerRef, H extends HandlerModule<EventOf<D>>>(
  to: D,
  handler: Handler<H>,
  ...[argument]: Argument<H>
): Promise<void> {
  return add(to, handler, argument, undefined);
}

/**
 * As `addHandler`, and the caller supervises it: if the handler is gone the caller gets a `HandlerExit`,
 * and if the caller ends the handler is taken out. `gen_event:add_sup_handler/3`.
 */
export function addSupHandler<D extends ManagerRef, H extends HandlerModule<EventOf<D>>>(
  to: D,
  handler: Handler<H>,
  ...[argument]: Argument<H>
): Promise<void> {
  return add(to, handler, argument, self());
}

/** An `init` without a parameter needs no argument. */
type Argument<H> = [InitArgument<FirstOnly<H>>] extends [undefined]
  ? [argument?: undefined]
  : [argument: InitArgument<FirstOnly<H>>];
type FirstOnly<H> = H extends { readonly init: (argument: infer A, ...rest: never[]) => unknown }
  ? { readonly init: (argument: A) => unknown }
  : H;

async function add(
  to: ManagerRef,
  handler: Handler<HandlerModule<never>>,
  argument: unknown,
  owner: Pid | undefined,
): Promise<void> {
  const added = { ...namedHandler(handler), argument, owner };
  started(await genServer.call<Answer>(to as PlainName, { type: 'add', handler: added }, FOR_EVER));
}

function started(answer: Answer): void {
  if (!answer.ok) throw new StartError(answer.reason);
}

/**
 * Take a handler out. `gen_event:delete_handler/3`.
 *
 * @param why what its `terminate` is given
 * @returns what `terminate` gave
 * @throws exits with `'module_not_found'`
 */
export async function deleteHandler<H extends HandlerModule<never>>(
  from: ManagerRef | PlainName,
  handler: Handler<H>,
  why?: unknown,
): Promise<unknown> {
  const request = { type: 'remove', handler: namedHandler(handler), why };
  const answer = await genServer.call<Answer>(from as PlainName, request, FOR_EVER);
  return answer.ok ? answer.value : exit(answer.reason);
}

/** One side of a swap. */
export interface SwapOut {
  readonly handler: Handler<HandlerModule<never>>;
  /** What `terminate` is given. */
  readonly why?: unknown;
}

export interface SwapIn<E> {
  readonly handler: Handler<HandlerModule<E>>;
  /** What `init` is given, with what `terminate` of the other gave as its second argument. */
  readonly argument?: unknown;
}

/** Put one handler in the place of another; no event comes between. `gen_event:swap_handler/3`. @throws StartError */
export function swapHandler<D extends ManagerRef>(
  at: D,
  from: SwapOut,
  to: SwapIn<EventOf<D>>,
): Promise<void> {
  return swap(at, from, to, undefined);
}

/** As `swapHandler`, and the caller supervises the new one. `gen_event:swap_sup_handler/3`. */
export function swapSupHandler<D extends ManagerRef>(
  at: D,
  from: SwapOut,
  to: SwapIn<EventOf<D>>,
): Promise<void> {
  return swap(at, from, to, self());
}

async function swap(
  at: ManagerRef,
  { handler, why }: SwapOut,
  to: SwapIn<never>,
  owner: Pid | undefined,
): Promise<void> {
  const added = { ...namedHandler(to.handler), argument: to.argument, owner };
  const request = { type: 'swap', from: namedHandler(handler), why, to: added };
  started(await genServer.call<Answer>(at as PlainName, request, FOR_EVER));
}

/** The handlers, newest first. `gen_event:which_handlers/1`. */
export function whichHandlers(of: ManagerRef | PlainName): Promise<readonly HandlerName[]> {
  return genServer.call<readonly HandlerName[]>(of as PlainName, { type: 'which' }, FOR_EVER);
}

function namedHandler(handler: Handler<HandlerModule<never>>): Named {
  const [module, id] = (Array.isArray(handler) ? handler : [handler, undefined]) as [
    object,
    HandlerId | undefined,
  ];
  checkModule('gen-event', module);
  return { module: module as Callbacks, id };
}
