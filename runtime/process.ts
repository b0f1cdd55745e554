/**
 * Process: what the scheduler keeps of one process.
 *
 * An idle process is this object, its coroutine and one task, about 500 bytes. What few processes
 * need (names, dictionary, aliases, timers, owned resources) is in `extra`, made on first use.
 *
 * Status, one of:
 *   FRESH    spawned, never run; on a run queue
 *   WAITING  parked, on no queue; whoever makes it runnable enqueues it
 *   QUEUED   runnable, on exactly one run queue (or held back by a channel: `BLOCKED`)
 *   RUNNING  executing now: `context.process`
 *   DEAD     ended; nothing of it runs again. Set before any link or monitor hears of it.
 * Only the owning scheduler's thread changes it.
 *
 * Source: OTP Reference Manual, "Processes".
 */

import { context } from './context.js';
import type { Task } from './coroutine.js';
import type { FunctionName } from './hosting.js';
import type { LogMetadata } from './log-config.js';
import type { Mailbox, Match } from './mailbox.js';
import type { Monitor } from './monitors.js';
import type { Scheduler } from './scheduler.js';
import type { Standing } from './standstill.js';
import type { MailboxLimit, Pid, Ref } from './terms.js';
import type { Timer } from './timers.js';
import { SHORT_CALLS_MAX } from './twins.js';

export const FRESH = 0;
export const WAITING = 1;
export const QUEUED = 2;
export const RUNNING = 3;
export const DEAD = 4;

export const LOW = 0;
export const NORMAL = 1;
export const HIGH = 2;

/** A coroutine that waits in `receive`, and for what. */
export interface Receiver {
  readonly task: Task;
  readonly match: Match | null;
  readonly timer: Timer | null;
}

/** Something native that is closed when the process dies. */
export interface Owned {
  readonly resource: object;
  readonly close: (resource: never) => unknown;
}

/** What only some processes have. */
export class ProcessExtra {
  name: string | null = null;
  label: unknown = undefined;
  dictionary: Map<unknown, unknown> | null = null;
  /** Aliases that are not those of a monitor. */
  aliases: Set<Ref> | null = null;
  owned: Owned[] | null = null;
  /** Head of the list of timers that end with this process. */
  timers: Timer | null = null;
  /** Tables that it has fixed, by reference, and how often. */
  fixes: Map<string, number> | null = null;
  limit: MailboxLimit | null = null;
  dropped = 0;
  /** Part of the report should the process crash. */
  crashDetails: Readonly<Record<string, unknown>> | null = null;
  /** The modules that its behaviour calls, as their tables; see `standstill.ts`. */
  uses: readonly object[] | null = null;
  /** It is to stand still, or does, while some of them are replaced. */
  standing: Standing | null = null;
  /** The state that it had before an upgrade that may still be undone. */
  before: { readonly upgrade: number; readonly state: unknown } | null = null;
  /** What the events that it logs carry. */
  logMetadata: LogMetadata | null = null;
  /** Filters and handlers of an event that it logs are running. */
  logging = false;
  /** What the main thread wants to know when the process has ended. */
  onExit: ((reason: unknown) => void)[] = [];
  /** Further coroutines of this process that wait in `receive`, in the order they began. */
  receivers: Receiver[] = [];
  /**
   * Where the process goes on when it is woken from `hibernate`: an exported function by its name, so
   * that the newest version of it is called.
   */
  hibernating: {
    readonly entry: (...args: never[]) => unknown;
    readonly name: FunctionName | undefined;
    readonly args: unknown[];
  } | null = null;
}

/** Fields in the order of their use: what each message touches lies together, in two cache lines. */
export class Process {
  status: number = FRESH;
  priority: number = NORMAL;
  /** Link of the run queue. */
  next: Process | null = null;
  mailbox: Mailbox | null = null;
  /** The coroutine that waits in `receive`; `null` when none does. Its match is in `match`. */
  receiver: Task | null = null;
  match: Match | null = null;
  receiveTimer: Timer | null = null;
  /** Coroutines that can go on, oldest first, linked by `Task.link`. */
  ready: Task | null = null;
  extra: ProcessExtra | null = null;
  reductions = 0;
  /** How many calls of twins may still be short until its calls are plain; see `twins.ts`. */
  shortCallsLeft: number = SHORT_CALLS_MAX;
  /** The local process that this one last sent to: most send to the same one again. */
  peer: Process | null = null;
  peerPid: Pid | null = null;
  /** The pid's text, made when somebody first asks: most of many short-lived processes are never named. */
  #pid: Pid | null;
  readonly creator: number;
  readonly counter: number;
  readonly parent: Pid | null;
  /** The leader of its group, inherited from who started it; see `groups.ts`. */
  group: Pid | null;
  /** What it was started with; once that has run it is kept for its name only, see `Instances.releaseEntry`. */
  entry: (...args: never[]) => unknown;
  args: unknown[] | null;
  trapExit = false;
  /** Tasks that something outside of its mailbox will finish: a native promise, a timer, an answer. */
  outside: Task | Set<Task> | null = null;
  /** Peers and the state of each link: 0 active, else the id of the unlink under way. */
  links: Map<Pid, number> | null = null;
  /** Head of the list of monitors that this process holds. */
  monitors: Monitor | null = null;
  /** Head of the list of monitors that watch this process. */
  watchers: Monitor | null = null;

  constructor(
    pid: Pid | null,
    creator: number,
    counter: number,
    parent: Pid | null,
    group: Pid | null,
    entry: (...args: never[]) => unknown,
    args: unknown[],
  ) {
    this.#pid = pid;
    this.creator = creator;
    this.counter = counter;
    this.parent = parent;
    this.group = group;
    this.entry = entry;
    this.args = args;
  }

  get isDead(): boolean {
    return this.status === DEAD;
  }

  get pid(): Pid {
    this.#pid ??= (context.scheduler as Scheduler).pidOf(this.creator, this.counter);
    return this.#pid;
  }

  /** Is `pid`, whose serial is this process's, its pid? `prefix` is that of its scheduler. */
  isNamed(pid: string, prefix: string): boolean {
    return this.#pid === pid || pid.startsWith(prefix);
  }

  /** The rarely used part, made now if there is none. */
  more(): ProcessExtra {
    this.extra ??= new ProcessExtra();
    return this.extra;
  }
}
