/**
 * The types of gen-statem: what a machine is, what its callbacks give, what a reference to it accepts.
 *
 * A machine is said once, as `GenStatem<{ … }>`. With `states`, a map from the names of the states to
 * their data, the state that a handler belongs to decides the type of the data it gets, and the state
 * that it names next decides the data it must give.
 *
 * Source: OTP, module `gen_statem`; SEMANTICS 11.
 */

import type { Call, From, Name, Pid } from 'tsvm';
import type { AnyCodeChange, CodeChange } from './code-change.js';
import type {
  ArgumentOf,
  Cast,
  Get,
  Request,
  ResultOf,
  ServerMessage,
} from './gen-server-types.js';

type MaybePromise<T> = T | Promise<T>;
// A callback of any type: only functions of the very least promise are assignable from all others.
type AnyFunction = (...args: never[]) => unknown;
type OneOrMany<A> = A | readonly A[];

/** What `GenStatem` is given: either `states`, or `state` and `data`. */
export interface StatemTypes {
  /** A callback for each state: the data of each, by its name. */
  readonly states?: object;
  /** One callback for all states: what a state is. Any plain data. */
  readonly state?: unknown;
  readonly data?: unknown;
  /** What `init` is given; nothing without it. */
  readonly init?: unknown;
  readonly calls?: object;
  readonly casts?: object;
  /** Other messages. */
  readonly info?: unknown;
  /** What is inserted as `{type: 'internal', content}`. */
  readonly internal?: unknown;
  /** What the time-outs carry; the generic ones by their names. Without it there is no such time-out. */
  readonly stateTimeout?: unknown;
  readonly eventTimeout?: unknown;
  readonly timeouts?: object;
  /** Calls, casts and generic time-outs that `common` handles, so that the states need not. */
  readonly common?: string;
}

// ---- actions ------------------------------------------------------------------------------------

declare const checked: unique symbol;

/** An answer to a call. Made by `replyTo`, which knows that it is the right one. */
export interface ReplyAction {
  readonly to: From<unknown>;
  readonly reply: unknown;
  readonly [checked]: true;
}

/** Handle this event again when the state has changed. */
export interface PostponeAction {
  readonly postpone: boolean;
}

/** Give up the stack if there is nothing to do. */
export interface HibernateAction {
  readonly hibernate: boolean;
}

/** Handle this event before those that wait. */
export interface NextEventAction<T> {
  readonly nextEvent: Inserted<T>;
}

type Inserted<T> =
  | { readonly type: 'internal'; readonly content: Get<T, 'internal', never> }
  | { readonly type: 'info'; readonly message: Get<T, 'info', unknown> }
  | { readonly type: 'cast'; readonly request: CastIn<T> }
  | CallIn<T>;

type CastIn<T> = {
  readonly [K in keyof Casts<T>]: Request<K, ArgumentOf<Casts<T>[K]>>;
}[keyof Casts<T>];

type CallIn<T> = {
  readonly [K in keyof Calls<T>]: {
    readonly type: 'call';
    readonly request: Request<K, ArgumentOf<Calls<T>[K]>>;
    readonly from: From<ResultOf<Calls<T>[K]>>;
  };
}[keyof Calls<T>];

/** Start a time-out, give a running one something else to carry, or stop it. */
type Timed<K extends string, C, Named = unknown> = [C] extends [never]
  ? never
  :
      | ({ readonly [P in K]: number } & Named &
          Content<C> & {
            /** The time is a point of `monotonicTime()`. */
            readonly absolute?: boolean;
          })
      | ({ readonly [P in K]: 'update' } & Named & Content<C>)
      | ({ readonly [P in K]: 'cancel' } & Named);

type Content<C> = undefined extends C ? { readonly content?: C } : { readonly content: C };

type NamedTimeouts<T> = {
  readonly [N in keyof Timeouts<T>]: Timed<'ms', Timeouts<T>[N], { readonly timeout: N }>;
}[keyof Timeouts<T>];

/** What an enter call may ask for. */
export type EnterAction<T> =
  | ReplyAction
  | HibernateAction
  | Timed<'stateTimeoutMs', Get<T, 'stateTimeout', never>>
  | Timed<'eventTimeoutMs', Get<T, 'eventTimeout', never>>
  | NamedTimeouts<T>;

/** What is done after a callback, in the order of the list. */
export type Action<T> = EnterAction<T> | PostponeAction | NextEventAction<T>;

// ---- results ------------------------------------------------------------------------------------

interface Keep<D> {
  readonly keep: true;
  readonly data?: D;
  readonly next?: never;
  readonly repeat?: never;
  readonly stop?: never;
}

interface Repeat<D> {
  readonly repeat: true;
  readonly data?: D;
  readonly next?: never;
  readonly keep?: never;
  readonly stop?: never;
}

interface Stop<D> {
  readonly stop: unknown;
  readonly data?: D;
  /** Sent before `terminate` runs. */
  readonly actions?: OneOrMany<ReplyAction>;
  readonly next?: never;
  readonly keep?: never;
  readonly repeat?: never;
}

interface Go {
  readonly keep?: never;
  readonly repeat?: never;
  readonly stop?: never;
}

/** Data may be left out where what there is also fits the next state. */
type Next<M, Current> = {
  [K in keyof M]: { readonly next: K } & Go &
    ([Current] extends [M[K]] ? { readonly data?: M[K] } : { readonly data: M[K] });
}[keyof M];

interface Acting<A> {
  readonly actions?: OneOrMany<A>;
}

/** A call may be answered by `reply`, before the actions; or by `replyTo`, now or later. */
type Replying<R> = [R] extends [never] ? { readonly reply?: never } : { readonly reply?: R };

type Given<T, D, N, R> =
  | ((Keep<D> | Repeat<D> | N) & Acting<Action<T>> & Replying<R>)
  | (Stop<D> & Replying<R>);

type EnterGiven<T, D, N> = ((Keep<D> | Repeat<D> | N) & Acting<EnterAction<T>>) | Stop<D>;

type InitGiven<T, S> =
  | (S & Acting<Exclude<Action<T>, PostponeAction>>)
  | { readonly stop: unknown }
  | { readonly ignore: true };

// ---- a callback for each state ------------------------------------------------------------------

type Calls<T> = Get<T, 'calls', unknown>;
type Casts<T> = Get<T, 'casts', unknown>;
type Timeouts<T> = Get<T, 'timeouts', unknown>;
type States<T> = Get<T, 'states', unknown>;
type Common<T> = Get<T, 'common', never>;
type AllData<M> = M[keyof M];
/** What fits every state. */
type SharedData<M> = (
  AllData<M> extends infer D
    ? D extends D
      ? (d: D) => void
      : never
    : never
) extends (d: infer I) => void
  ? I
  : never;

/** `Rest` is what handlers get besides the event: the data; the state too where one serves all. */
interface Handlers<T, D, N, Rest extends readonly unknown[]> {
  readonly call: {
    readonly [K in keyof Calls<T>]: (
      request: Request<K, ArgumentOf<Calls<T>[K]>>,
      data: D,
      from: From<ResultOf<Calls<T>[K]>>,
      ...rest: Rest
    ) => MaybePromise<Given<T, D, N, ResultOf<Calls<T>[K]>>>;
  };
  readonly cast: {
    readonly [K in keyof Casts<T>]: (
      request: Request<K, ArgumentOf<Casts<T>[K]>>,
      data: D,
      ...rest: Rest
    ) => MaybePromise<Given<T, D, N, never>>;
  };
  readonly timeout: {
    readonly [K in keyof Timeouts<T>]: Plain<T, Timeouts<T>[K], D, N, Rest>;
  };
  readonly info: Plain<T, Get<T, 'info', unknown>, D, N, Rest>;
  readonly internal: Plain<T, Get<T, 'internal', never>, D, N, Rest>;
  readonly stateTimeout: Plain<T, Get<T, 'stateTimeout', never>, D, N, Rest>;
  readonly eventTimeout: Plain<T, Get<T, 'eventTimeout', never>, D, N, Rest>;
}

type Plain<T, C, D, N, Rest extends readonly unknown[]> = (
  content: C,
  data: D,
  ...rest: Rest
) => MaybePromise<Given<T, D, N, never>>;

type Tables = 'call' | 'cast' | 'timeout';

/** What a state must handle: all of the table but what is common. A table of nothing may be left out. */
type Table<H, K extends keyof H, C> = [Exclude<keyof H[K], C>] extends [never]
  ? { readonly [P in K]?: Partial<H[K]> }
  : { readonly [P in K]: Omit<H[K], C & string> & Partial<H[K]> };

type StateHandlers<T, H> = Table<H, 'call' & keyof H, Common<T>> &
  Table<H, 'cast' & keyof H, Common<T>> &
  Table<H, 'timeout' & keyof H, Common<T>> &
  Partial<Omit<H, Tables>>;

/** What is common must be there, and may handle anything else that a state does not. */
type CommonHandlers<H, C> = CommonTable<H, 'call' & keyof H, C> &
  CommonTable<H, 'cast' & keyof H, C> &
  CommonTable<H, 'timeout' & keyof H, C> &
  Partial<Omit<H, Tables>>;

type CommonTable<H, K extends keyof H, C> = [Extract<keyof H[K], C>] extends [never]
  ? { readonly [P in K]?: Partial<H[K]> }
  : { readonly [P in K]: Pick<H[K], Extract<keyof H[K], C>> & Partial<H[K]> };

// ---- one callback for all states ----------------------------------------------------------------

/** What happens to a machine, as `handleEvent` sees it. */
export type StatemEvent<T> =
  | {
      readonly [K in keyof Calls<T>]: {
        readonly type: 'call';
        readonly name: K;
        readonly request: Request<K, ArgumentOf<Calls<T>[K]>>;
        readonly from: From<ResultOf<Calls<T>[K]>>;
      };
    }[keyof Calls<T>]
  | {
      readonly [K in keyof Casts<T>]: {
        readonly type: 'cast';
        readonly name: K;
        readonly request: Request<K, ArgumentOf<Casts<T>[K]>>;
      };
    }[keyof Casts<T>]
  | {
      readonly [K in keyof Timeouts<T>]: {
        readonly type: 'timeout';
        readonly name: K;
        readonly content: Timeouts<T>[K];
      };
    }[keyof Timeouts<T>]
  | { readonly type: 'info'; readonly message: Get<T, 'info', unknown> }
  | Carrying<'internal', Get<T, 'internal', never>>
  | Carrying<'state_timeout', Get<T, 'stateTimeout', never>>
  | Carrying<'event_timeout', Get<T, 'eventTimeout', never>>;

type Carrying<K, C> = [C] extends [never] ? never : { readonly type: K; readonly content: C };

/** As `Next`, where states are any data and all have the same data. */
interface NextState<S, D> extends Go {
  readonly next: S;
  readonly data?: D;
}

// ---- what a machine is, said once ---------------------------------------------------------------

/** State and data: what `sys.getState` gives, and `codeChange` translates. */
export type Whole<T> = T extends { readonly states: infer M }
  ? { readonly [K in keyof M]: { readonly state: K; readonly data: M[K] } }[keyof M]
  : { readonly state: Get<T, 'state', never>; readonly data: Get<T, 'data', undefined> };

/**
 * The callbacks of a machine, from what it is: `type Door = GenStatem<{ states: { … }, … }>`, and then
 * `export const states: Door['states'] = …`.
 */
export type GenStatem<T extends StatemTypes> = AnyGenStatem<T> &
  (T extends { readonly states: object } ? StateFunctions<T> : EventFunction<T>);

interface AnyGenStatem<T> {
  readonly init: (arg: Get<T, 'init', undefined>) => MaybePromise<InitGiven<T, Whole<T>>>;
  readonly terminate: (reason: unknown, whole: Whole<T>) => MaybePromise<unknown>;
  readonly codeChange: CodeChange<Whole<T>>;
  readonly formatStatus: (whole: Whole<T>) => unknown;
}

interface StateFunctions<T> {
  readonly states: {
    readonly [K in keyof States<T>]: StateHandlers<
      T,
      Handlers<T, States<T>[K], Next<States<T>, States<T>[K]>, readonly []>
    > & {
      /** The enter call: the state begins. `from` is the state before; at the start, this one. */
      readonly enter?: (
        from: keyof States<T>,
        data: States<T>[K],
      ) => MaybePromise<
        EnterGiven<T, States<T>[K], { readonly next: K; readonly data?: States<T>[K] } & Go>
      >;
    };
  };
  /** Handles what a state does not. */
  readonly common: CommonHandlers<
    Handlers<
      T,
      SharedData<States<T>>,
      Next<States<T>, SharedData<States<T>>>,
      readonly [state: keyof States<T>]
    >,
    Common<T>
  >;
}

interface EventFunction<T> {
  readonly handleEvent: (
    event: StatemEvent<T>,
    state: Get<T, 'state', never>,
    data: Get<T, 'data', undefined>,
  ) => MaybePromise<EventGiven<T>>;
  readonly handleEnter: (
    from: Get<T, 'state', never>,
    state: Get<T, 'state', never>,
    data: Get<T, 'data', undefined>,
  ) => MaybePromise<
    EnterGiven<
      T,
      Get<T, 'data', undefined>,
      NextState<Get<T, 'state', never>, Get<T, 'data', undefined>>
    >
  >;
}

/** What `handleEvent` gives: `reply` is not known to be the right one, so calls are answered with `replyTo`. */
export type EventGiven<T> = Given<
  T,
  Get<T, 'data', undefined>,
  NextState<Get<T, 'state', never>, Get<T, 'data', undefined>>,
  never
>;

// ---- a module as it is --------------------------------------------------------------------------

interface AnyHandlers {
  readonly enter?: AnyFunction;
  readonly call?: Readonly<Record<string, AnyFunction | undefined>>;
  readonly cast?: Readonly<Record<string, AnyFunction | undefined>>;
  readonly timeout?: Readonly<Record<string, AnyFunction | undefined>>;
  readonly info?: AnyFunction;
  readonly internal?: AnyFunction;
  readonly stateTimeout?: AnyFunction;
  readonly eventTimeout?: AnyFunction;
}

interface AnyStatemModule {
  readonly init: AnyFunction;
  readonly terminate?: AnyFunction;
  readonly codeChange?: AnyCodeChange;
  readonly formatStatus?: AnyFunction;
}

/** A module that can be a machine: it has `states` or `handleEvent`, not both. */
export type StatemModule = AnyStatemModule &
  (
    | {
        readonly states: Readonly<Record<string, AnyHandlers>>;
        readonly common?: AnyHandlers;
        readonly handleEvent?: never;
        readonly handleEnter?: never;
      }
    | {
        readonly handleEvent: AnyFunction;
        readonly handleEnter?: AnyFunction;
        readonly states?: never;
        readonly common?: never;
      }
  );

/** Handlers as the callbacks of a gen-server: the protocol is read off them in the same way. */
type AsServer<H> = {
  readonly handleCall: Defined<H, 'call'>;
  readonly handleCast: Defined<H, 'cast'>;
  readonly handleInfo: 'info' extends keyof H ? NonNullable<H['info']> : never;
};
type Defined<H, K> = K extends keyof H
  ? { readonly [P in keyof NonNullable<H[K]>]-?: NonNullable<NonNullable<H[K]>[P]> }
  : never;
type MessagesOf<H> = H extends H ? ServerMessage<AsServer<H>> : never;

type MessageIn<E> = E extends {
  readonly type: 'call';
  readonly request: infer Q;
  readonly from: From<infer R>;
}
  ? Call<Q, R>
  : E extends { readonly type: 'cast'; readonly request: infer Q }
    ? Cast<Q>
    : E extends { readonly type: 'info'; readonly message: infer M }
      ? // A union with `unknown` would forget the requests.
        unknown extends M
        ? never
        : M
      : never;

/** All that a machine of this module takes. */
export type StatemMessage<G> = G extends { readonly states: infer M }
  ? MessagesOf<M[keyof M]> | (G extends { readonly common: infer C } ? MessagesOf<C> : never)
  : G extends { readonly handleEvent: (event: infer E, ...rest: never[]) => unknown }
    ? MessageIn<E>
    : never;

/** A running machine of a callback module: `Statem<typeof door>`. */
export type Statem<G> = Pid<StatemMessage<G>>;

/** The name of such a machine. */
export type StatemName<G> = Name<StatemMessage<G>>;
