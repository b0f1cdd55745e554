/**
 * The types of stable-server: those of gen-server, with what is kept.
 *
 * A server with `change` among its types is kept as a journal of changes, one without as a whole.
 */

import type { From, Pid } from 'tsvm';
import type { AnyCodeChange, CodeChange } from './code-change.js';
import type { ServerOptions } from './gen-server.js';
import type {
  ArgumentOf,
  CallbackModule,
  GenServer,
  Get,
  InitResult,
  Next,
  Request,
  ResultOf,
  ServerTypes,
} from './gen-server-types.js';

type MaybePromise<T> = T | Promise<T>;
type AnyFunction = (...args: never[]) => unknown;

/** What an acknowledged change of the state survives; see `tsvm/db`. */
export type Durability = 'durable' | 'relaxed';

export interface StableOptions extends ServerOptions {
  /** `'durable'` (as without it): a power cut too. `'relaxed'`: `kill -9` of the machine. */
  readonly durability?: Durability;
  /** The state is kept as a whole after so many changes; 1000 without it. Bounds the time of a restart. */
  readonly snapshotEvery?: number;
}

/** What `StableServer` is given: what `GenServer` is, and the changes of a journal. */
export interface StableTypes extends ServerTypes {
  /** Makes the server one whose state changes by these alone: they are kept, and `apply` makes the state. */
  readonly change?: unknown;
}

type ContinueOf<T> = Get<T, 'continue', never>;

/** What callbacks of a server with a journal give in the place of a state. */
interface Changes<D> {
  /** What has happened, in order. Kept, then applied, before the reply goes out. */
  readonly changes?: readonly D[];
  readonly state?: never;
}
type JournalStop<D> = Changes<D> & { readonly stop: unknown };

export type JournalCallResult<R, D, C = never> =
  | (Changes<D> & { readonly reply: R; readonly noReply?: never } & Next<C>)
  | (Changes<D> & { readonly noReply: true; readonly reply?: never } & Next<C>)
  | (JournalStop<D> & { readonly reply?: R; readonly noReply?: never });

export type JournalResult<D, C = never> =
  | (Changes<D> & { readonly reply?: never; readonly noReply?: never } & Next<C>)
  | (JournalStop<D> & { readonly reply?: never; readonly noReply?: never });

interface Stable<T extends StableTypes> {
  /** Of the state's shape, from 1. Raise it when that changes, and give `codeChange`. */
  readonly version: number;
  /** @param kept the state that was kept; `undefined` the first time */
  readonly init: (
    argument: Get<T, 'init', undefined>,
    kept: T['state'] | undefined,
  ) => MaybePromise<InitResult<T['state'], ContinueOf<T>>>;
  /** Makes a state of an older version into one of this one: of the running server, and of what was kept. */
  readonly codeChange: CodeChange<T['state']>;
}

interface Journalled<T extends StableTypes> extends Stable<T> {
  /** The state after a change. Called again at each restart: it must depend on nothing else. */
  readonly apply: (state: T['state'], change: Get<T, 'change', never>) => T['state'];
  /** Makes a change that an older version has kept into one of this one. */
  readonly upcast: (change: never, version: number) => Get<T, 'change', never>;
  readonly handleCall: {
    readonly [K in keyof Get<T, 'calls', unknown>]: (
      request: Request<K, ArgumentOf<Get<T, 'calls', unknown>[K]>>,
      state: T['state'],
      from: From<ResultOf<Get<T, 'calls', unknown>[K]>>,
    ) => MaybePromise<
      JournalCallResult<
        ResultOf<Get<T, 'calls', unknown>[K]>,
        Get<T, 'change', never>,
        ContinueOf<T>
      >
    >;
  };
  readonly handleCast: {
    readonly [K in keyof Get<T, 'casts', unknown>]: (
      request: Request<K, ArgumentOf<Get<T, 'casts', unknown>[K]>>,
      state: T['state'],
    ) => MaybePromise<JournalResult<Get<T, 'change', never>, ContinueOf<T>>>;
  };
  readonly handleInfo: (
    message: Get<T, 'info', never> | 'timeout',
    state: T['state'],
  ) => MaybePromise<JournalResult<Get<T, 'change', never>, ContinueOf<T>>>;
  readonly handleContinue: (
    argument: ContinueOf<T>,
    state: T['state'],
  ) => MaybePromise<JournalResult<Get<T, 'change', never>, ContinueOf<T>>>;
}

/** The callbacks of a server whose state is kept, from what it is; as `GenServer` gives those of another. */
export type StableServer<T extends StableTypes> = T extends { readonly change: unknown }
  ? Journalled<T> & Pick<GenServer<T>, 'terminate' | 'formatStatus'>
  : Stable<T> & Omit<GenServer<T>, 'init' | 'codeChange'>;

/** A module that can be such a server. */
export interface StableModule extends Omit<CallbackModule, 'init'> {
  readonly version: number;
  readonly init: AnyFunction;
  readonly apply?: AnyFunction;
  readonly upcast?: AnyFunction;
  readonly codeChange?: AnyCodeChange;
}

/** What `init` of a module is given first. */
export type StableArgument<G> = G extends { readonly init: (...args: infer P) => unknown }
  ? P extends readonly [infer A, ...unknown[]]
    ? A
    : undefined
  : never;

/** Another server has the state: it lives, or has taken it. */
export interface OwnedElsewhere {
  readonly kind: 'already_started' | 'not_owner';
  readonly id: string;
  readonly pid: Pid | null;
  readonly message: string;
}

/** What is kept and the program do not fit each other. */
export interface VersionMismatch {
  readonly kind: 'newer_state' | 'no_code_change' | 'no_upcast' | 'not_a_journal';
  readonly id: string;
  /** The version of what is kept. */
  readonly stored: number;
  /** What the program knows. */
  readonly program: number;
  readonly message: string;
}
