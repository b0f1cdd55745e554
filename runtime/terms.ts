/**
 * Terms: the types of what processes name and of what the machine sends them.
 *
 * Pids, references and names are strings at run time: they compare with `===`, survive structured
 * clone, JSON and logs, and name their home. In types they are branded and carry the type of the
 * messages that may be sent to them. The parameter is contravariant: who accepts more stands
 * where who accepts less is asked for, and `Pid<never>` is any process at all.
 *
 * Source: OTP Reference Manual, "Data Types" › "Pid", "Reference"; "Processes".
 */

declare const accepts: unique symbol;
declare const pidBrand: unique symbol;
declare const refBrand: unique symbol;

/** Anything that messages of type `M` can be sent to. Only the compiler knows. */
export interface Addressed<M> {
  readonly [accepts]: (message: M) => void;
}

/** A process: `<node.scheduler.serial>`. `M` is what it receives. */
export type Pid<M = unknown> = string & Addressed<M> & { readonly [pidBrand]: true };

/** A value unique over all schedulers and restarts: `#Ref<node.scheduler.serial>`. */
export type Ref = string & { readonly [refBrand]: true };

/** A reference that stands for its creator: a message sent to it reaches that process. */
export type Alias<M = unknown> = Ref & Addressed<M>;

/** A registered name that says what its process receives; a plain string says nothing. */
export type Name<M = unknown> = string & Addressed<M>;

/** A name in any string: neither a pid nor a reference, whose types say more. */
export type PlainName = string & {
  readonly [pidBrand]?: never;
  readonly [refBrand]?: never;
};

/** Where a message can be sent. */
export type Destination = Pid<never> | Alias<never> | PlainName;

/** What a destination accepts; `unknown` for a plain name. */
export type MessageOf<D> = D extends Addressed<infer M> ? M : unknown;

/** What a process that traps exits receives for an exit signal. `erlang:process_flag(trap_exit, true)`. */
export interface Exit {
  readonly type: 'EXIT';
  readonly from: Pid;
  readonly reason: unknown;
}

/** How a monitor by name shows its target. */
export interface NamedTarget {
  readonly name: string;
  readonly node: string;
}

/** What a monitor sends when its target ends. A `tag` given to `monitor` replaces `'DOWN'`. */
export interface Down<Tag extends string = 'DOWN'> {
  readonly type: Tag;
  readonly ref: Ref;
  readonly target: Pid | NamedTarget;
  readonly reason: unknown;
}

/** What `startTimer` sends. */
export interface Timeout<M = unknown> {
  readonly type: 'timeout';
  readonly ref: Ref;
  readonly message: M;
}

/** The exit reason of a process that ended by an uncaught error or throw. Plain data. */
export type CrashReason = ErrorReason | NocatchReason;

/** An uncaught `Error`. `{e, stack}` in OTP. */
export interface ErrorReason {
  readonly kind: 'error';
  readonly name: string;
  readonly message: string;
  /** Frames in the user's own TypeScript lines. */
  readonly stack: string;
  /** `error.code` where there is one, as Node's own errors have. */
  readonly code?: string;
  /** What a built-in function objects to: `'badarg'`, `'noproc'`, `'undef'`, … */
  readonly reason?: string;
  readonly cause?: CrashReason;
}

/** An uncaught throw of something that is no `Error`. `{{nocatch, value}, stack}` in OTP. */
export interface NocatchReason {
  readonly kind: 'nocatch';
  readonly value: unknown;
  /** Empty as a rule: JavaScript records a place for errors only. */
  readonly stack: string;
}

/** The exit reason of every process of a scheduler thread that died. */
export interface SchedulerDownReason {
  readonly kind: 'scheduler_down';
  readonly scheduler: number;
  readonly cause: string;
}

export type Priority = 'low' | 'normal' | 'high';

/** What a process does when its mailbox is full: end with reason `mailbox_limit`, or drop and count. */
export interface MailboxLimit {
  readonly limit: number;
  readonly onFull: 'kill' | 'drop';
}
