/**
 * The types of gen-server: what a callback module is, and what a reference to its server accepts.
 *
 * A server's protocol is a union of message types, one for each request: so the reference is an
 * ordinary `Pid<…>`, and the type of a request decides the type of its reply. The protocol is read off
 * the callbacks: off `GenServer<…>` where a module declares it, else off what its functions take and
 * give.
 *
 * Source: OTP, module `gen_server`; SEMANTICS 10.
 */

import type { Call, From, MessageOf, Name, Pid, PlainName } from 'tsvm';
import type { AnyCodeChange, CodeChange } from './code-change.js';
import type { Via } from './via.js';

type MaybePromise<T> = T | Promise<T>;
// A callback of any type: only functions of the very least promise are assignable from all others.
type AnyFunction = (...args: never[]) => unknown;

// ---- what callbacks give ------------------------------------------------------------------------

/** What is to happen after a callback, besides waiting for the next message. */
export type Next<C = never> =
  | { readonly timeoutMs?: number; readonly hibernate?: never; readonly continue?: never }
  | { readonly hibernate: true; readonly timeoutMs?: never; readonly continue?: never }
  | Continue<C>;

type Continue<C> = [C] extends [never]
  ? never
  : { readonly continue: C; readonly timeoutMs?: never; readonly hibernate?: never };

/** `{stop, Reason, State}`: the server ends, after `terminate`. */
export interface Stop<S> {
  readonly stop: unknown;
  readonly state: S;
}

export type InitResult<S, C = never> =
  | ({ readonly state: S } & Next<C>)
  | { readonly stop: unknown }
  | { readonly ignore: true };

/** What a call is answered; `noReply` when `reply(from, …)` answers it, now or later, here or elsewhere. */
export type CallResult<R, S, C = never> =
  | ({ readonly reply: R; readonly state: S; readonly noReply?: never } & Next<C>)
  | ({ readonly noReply: true; readonly state: S; readonly reply?: never } & Next<C>)
  | (Stop<S> & { readonly reply?: R; readonly noReply?: never });

/** What a cast, another message or `handleContinue` gives. */
export type Result<S, C = never> =
  | ({ readonly state: S; readonly reply?: never; readonly noReply?: never } & Next<C>)
  | (Stop<S> & { readonly reply?: never; readonly noReply?: never });

// ---- what a server is, said once ----------------------------------------------------------------

/** What `GenServer` is given. `calls` and `casts` are written as the functions they stand for. */
export interface ServerTypes {
  readonly state: unknown;
  /** What `init` is given; nothing without it. */
  readonly init?: unknown;
  readonly calls?: object;
  readonly casts?: object;
  /** Other messages. */
  readonly info?: unknown;
  /** What `handleContinue` is given. */
  readonly continue?: unknown;
}

export type Get<T, K extends string, D> = K extends keyof T ? T[K] : D;
export type ArgumentOf<F> = F extends () => unknown
  ? unknown
  : F extends (request: infer Q) => unknown
    ? Q
    : never;
export type ResultOf<F> = F extends (...args: never[]) => infer R ? R : never;

/** A request as it is sent: `{type: 'add', by: 2}`. */
export type Request<K, Q> = unknown extends Q ? { readonly type: K } : { readonly type: K } & Q;

/**
 * The callbacks of a server, from what it is: `type Counter = GenServer<{ state: number, … }>`, and then
 * `export const handleCall: Counter['handleCall'] = …`.
 */
export interface GenServer<T extends ServerTypes> {
  readonly init: (
    arg: Get<T, 'init', undefined>,
  ) => MaybePromise<InitResult<T['state'], ContinueOf<T>>>;
  readonly handleCall: {
    readonly [K in keyof Get<T, 'calls', unknown>]: (
      request: Request<K, ArgumentOf<Get<T, 'calls', unknown>[K]>>,
      state: T['state'],
      from: From<ResultOf<Get<T, 'calls', unknown>[K]>>,
    ) => MaybePromise<CallResult<ResultOf<Get<T, 'calls', unknown>[K]>, T['state'], ContinueOf<T>>>;
  };
  readonly handleCast: {
    readonly [K in keyof Get<T, 'casts', unknown>]: (
      request: Request<K, ArgumentOf<Get<T, 'casts', unknown>[K]>>,
      state: T['state'],
    ) => MaybePromise<Result<T['state'], ContinueOf<T>>>;
  };
  /** Gets `'timeout'` when a `timeoutMs` has passed. */
  readonly handleInfo: (
    message: Get<T, 'info', never> | 'timeout',
    state: T['state'],
  ) => MaybePromise<Result<T['state'], ContinueOf<T>>>;
  readonly handleContinue: (
    argument: ContinueOf<T>,
    state: T['state'],
  ) => MaybePromise<Result<T['state'], ContinueOf<T>>>;
  readonly terminate: (reason: unknown, state: T['state']) => MaybePromise<unknown>;
  /** Translates the state of another version: a function, or `{ up, down }` for both directions. */
  readonly codeChange: CodeChange<T['state']>;
  readonly formatStatus: (state: T['state']) => unknown;
}

type ContinueOf<T> = Get<T, 'continue', never>;

// ---- a module as it is --------------------------------------------------------------------------

/** A module that can be a server: what `import * as counter from './counter.js'` must have. */
export interface CallbackModule {
  readonly init: AnyFunction;
  readonly handleCall?: Readonly<Record<string, AnyFunction>>;
  readonly handleCast?: Readonly<Record<string, AnyFunction>>;
  readonly handleInfo?: AnyFunction;
  readonly handleContinue?: AnyFunction;
  readonly terminate?: AnyFunction;
  readonly codeChange?: AnyCodeChange;
  readonly formatStatus?: AnyFunction;
}

/** What `init` of a module is given. */
export type InitArgument<G> = G extends { readonly init: () => unknown }
  ? undefined
  : G extends { readonly init: (arg: infer A) => unknown }
    ? A
    : never;

/** Everything that the callbacks of a module may give. */
type Given<G> =
  | GivenBy<Property<G, 'init'>>
  | GivenBy<Values<Property<G, 'handleCall'>>>
  | GivenBy<Values<Property<G, 'handleCast'>>>
  | GivenBy<Property<G, 'handleInfo'>>;
type GivenBy<F> = F extends (...args: never[]) => infer R ? Awaited<R> : never;
type Property<G, K extends string> = K extends keyof G ? G[K] : never;
type Values<H> = [H] extends [never] ? never : H[keyof H];

/** What a module must have because of what its other callbacks give. */
export type Complete<G> =
  Extract<Given<G>, { readonly continue: unknown }> extends never
    ? unknown
    : { readonly handleContinue: AnyFunction };

/** `{type: K}` alone where the handler does not say more. */
type RequestTo<K, H> = H extends () => unknown
  ? { readonly type: K }
  : H extends (request: infer Q, ...rest: never[]) => unknown
    ? Request<K, Q>
    : never;

/** By the parameter `from` where the handler has one, else by what it replies. */
type ReplyOf<H> = H extends (...args: infer A) => infer R
  ? A extends readonly [unknown, unknown, From<infer F>]
    ? F
    : Extract<Awaited<R>, { readonly reply: unknown }>['reply']
  : never;

type CallsOf<H> = [H] extends [never]
  ? never
  : { readonly [K in keyof H]: Call<RequestTo<K, H[K]>, ReplyOf<H[K]>> }[keyof H];

type CastsOf<H> = [H] extends [never]
  ? never
  : { readonly [K in keyof H]: Cast<RequestTo<K, H[K]>> }[keyof H];

type InfoOf<F> = F extends () => unknown
  ? never
  : F extends (message: infer M, ...rest: never[]) => unknown
    ? // A union with `unknown` would forget the requests.
      unknown extends M
      ? never
      : Exclude<M, 'timeout'>
    : never;

/** What a cast sends. */
export interface Cast<Q = unknown> {
  readonly type: '$cast';
  readonly request: Q;
}

/** All that a server of this module takes. */
export type ServerMessage<G> =
  | CallsOf<Property<G, 'handleCall'>>
  | CastsOf<Property<G, 'handleCast'>>
  | InfoOf<Property<G, 'handleInfo'>>;

/** A running server of a callback module: `Server<typeof counter>`. */
export type Server<G> = Pid<ServerMessage<G>>;

/** The name of such a server. */
export type ServerName<G> = Name<ServerMessage<G>>;

/** A server that is known to take certain messages, by its pid or a name of the machine. */
export type DirectRef = Pid<never> | Name<never>;

/** The same, or a name that another module keeps. */
export type ServerRef = DirectRef | Via<never>;

/** The requests that a server answers. */
export type RequestOf<D> = RequestIn<MessageOf<D>>;
type RequestIn<M> = M extends Call<infer Q, infer _R> ? Q : never;

/** The requests that a server takes without an answer. */
export type CastOf<D> = CastIn<MessageOf<D>>;
type CastIn<M> = M extends Cast<infer Q> ? Q : never;

/** What a server answers this request. */
export type ReplyTo<D, Q> = ReplyIn<MessageOf<D>, Q>;
type ReplyIn<M, Q> = M extends Call<infer Asked, infer R> ? (Q extends Asked ? R : never) : never;

export type { PlainName };
