/**
 * The types of gen-event: what a handler module is, and what a reference to a manager accepts.
 *
 * A manager's type says which events it spreads: `EventManager<OrderEvent>`. A handler can be added
 * where its `handleEvent` takes all of them, and nothing else can be notified.
 *
 * Source: OTP, module `gen_event`; SEMANTICS 12.
 */

import type { Call, MessageOf, Name, Pid } from 'tsvm';
import type { AnyCodeChange, CodeChange } from './code-change.js';
import type {
  ArgumentOf,
  Cast,
  Get,
  Request,
  ResultOf,
  ServerMessage,
} from './gen-server-types.js';
import type { Via } from './via.js';

type MaybePromise<T> = T | Promise<T>;
// A callback of any type: only functions of the very least promise are assignable from all others.
type AnyFunction = (...args: never[]) => unknown;

// ---- what callbacks give ------------------------------------------------------------------------

/** Give way to another handler, which is told what `terminate` gave. `{swap_handler, …}`. */
export interface Swap {
  /** What `terminate` of this handler is given. */
  readonly why?: unknown;
  readonly to: HandlerModule<never>;
  readonly id?: HandlerId;
  readonly argument?: unknown;
}

interface GoOn<S> {
  readonly state: S;
  readonly hibernate?: boolean;
  readonly remove?: never;
  readonly swap?: never;
}

interface Remove {
  readonly remove: true;
  readonly state?: never;
  readonly swap?: never;
}

interface SwapNow<S> {
  readonly swap: Swap;
  /** What `terminate` works on. */
  readonly state: S;
  readonly remove?: never;
}

/** What `handleEvent` and `handleInfo` give. */
export type EventResult<S> = After<S> & { readonly reply?: never };

type After<S> = GoOn<S> | Remove | SwapNow<S>;

/** What a call is answered. */
export type EventCallResult<R, S> = After<S> & { readonly reply: R };

/** Why a handler ends, besides what `deleteHandler` or a swap says. */
export type HandlerEnd =
  /** The manager ends. */
  | 'stop'
  /** It asked for that itself. */
  | 'remove_handler'
  /** The process that supervises it has ended. */
  | { readonly kind: 'stop'; readonly reason: unknown }
  /** It failed, or gave what is no result. */
  | { readonly kind: 'error'; readonly reason: unknown };

// ---- what a handler is, said once ---------------------------------------------------------------

/** What `GenEvent` is given. `calls` are written as the functions they stand for. */
export interface EventHandlerTypes {
  readonly state: unknown;
  readonly event: unknown;
  /** What `init` is given; nothing without it. */
  readonly init?: unknown;
  readonly calls?: object;
  /** Other messages. */
  readonly info?: unknown;
}

/** The callbacks of a handler, from what it is: `type Counting = GenEvent<{ state: number, … }>`. */
export interface GenEvent<T extends EventHandlerTypes> {
  /** @param before what `terminate` of a handler gave that this one follows; `'error'` if there was none */
  readonly init: (
    argument: Get<T, 'init', undefined>,
    before?: unknown,
  ) => MaybePromise<{ readonly state: T['state'] } | { readonly error: unknown }>;
  readonly handleEvent: (
    event: T['event'],
    state: T['state'],
  ) => MaybePromise<EventResult<T['state']>>;
  readonly handleCall: {
    readonly [K in keyof Get<T, 'calls', unknown>]: (
      request: Request<K, ArgumentOf<Get<T, 'calls', unknown>[K]>>,
      state: T['state'],
    ) => MaybePromise<EventCallResult<ResultOf<Get<T, 'calls', unknown>[K]>, T['state']>>;
  };
  readonly handleInfo: (
    message: Get<T, 'info', unknown>,
    state: T['state'],
  ) => MaybePromise<EventResult<T['state']>>;
  readonly terminate: (why: unknown, state: T['state']) => unknown;
  readonly codeChange: CodeChange<T['state']>;
  readonly formatStatus: (state: T['state']) => unknown;
}

// ---- a module as it is --------------------------------------------------------------------------

/** A module that can handle these events. */
export interface HandlerModule<E> {
  readonly init: AnyFunction;
  readonly handleEvent: (event: E, state: never) => unknown;
  readonly handleCall?: Readonly<Record<string, AnyFunction>>;
  readonly handleInfo?: AnyFunction;
  readonly terminate?: AnyFunction;
  readonly codeChange?: AnyCodeChange;
  readonly formatStatus?: AnyFunction;
}

/** Tells handlers of one module apart. */
export type HandlerId = string | number;

/** A handler of a manager: its module, or that and the id it was added under. `{Module, Id}`. */
export type Handler<H> = H | readonly [module: H, id: HandlerId];

/** How a handler is shown: whoever sees it need not load its module. */
export interface HandlerName {
  readonly module: string;
  readonly id: HandlerId | undefined;
}

/** What the process that supervises a handler is told when the handler is gone. `gen_event_EXIT`. */
export interface HandlerExit {
  readonly type: 'gen_event_EXIT';
  readonly manager: Pid;
  readonly handler: HandlerName;
  /** `'normal'`: removed; `'shutdown'`: the manager ended; another handler took over; or its failure. */
  readonly reason:
    | unknown
    | { readonly kind: 'swapped'; readonly to: HandlerName; readonly supervisor: Pid | undefined };
}

// ---- the manager --------------------------------------------------------------------------------

export interface Notification<E> {
  readonly type: 'notify';
  readonly event: E;
}

/** What a manager of events of this type takes. */
export type EventManagerMessage<E> = Cast<Notification<E>> | Call<Notification<E>, 'ok'>;

/** A running manager of events of this type. */
export type EventManager<E> = Pid<EventManagerMessage<E>>;

/** The name of one. */
export type EventManagerName<E> = Name<EventManagerMessage<E>>;

/** The name of one that a module keeps. */
export type EventManagerVia<E> = Via<EventManagerMessage<E>>;

/** A manager by its pid or a name of the machine. */
export type DirectManagerRef = EventManager<never> | EventManagerName<never>;

export type ManagerRef = DirectManagerRef | EventManagerVia<never>;

/** The events that a manager spreads. */
export type EventOf<D> = EventIn<MessageOf<D>>;
type EventIn<M> = M extends Cast<Notification<infer E>> ? E : never;

/** The requests of a handler, as those of a gen-server. */
export type CallsOf<H> = ServerMessage<Pick<H, 'handleCall' & keyof H>>;
