/**
 * Scheduler: the run loop of one thread, and everything its processes share.
 *
 * A *turn* runs slices from the run queue, and between groups of slices receives signals from
 * other schedulers, fires timers and sends what was written. After about a millisecond it gives
 * Node's event loop its turn, so sockets and files are served however much there is to run. What it
 * does with nothing to run is in `idling.ts`.
 *
 * Invariants:
 *  1. Processes of this scheduler run on this thread only; one slice at a time is the innermost.
 *  2. Everything written to a channel is flushed before the thread sleeps.
 *
 * Source: OTP, ERTS internal documentation, "Scheduling".
 */

import { CREATORS, homeOf } from './address.js';
import { AliasTable } from './aliases.js';
import { CallLimits } from './call-limits.js';
import { BACKLOG_MAX, type Channel } from './channel.js';
import type { CodeInbox } from './code-inbox.js';
import { context } from './context.js';
import { AWAITED, FAILED, makeReady, resumeReady, runRoot, type Task } from './coroutine.js';
import { GuardError, invariant, ProcessError } from './errors.js';
import type { Guard } from './guard.js';
import type { CodeLookup, Host, TamperCheck } from './hosting.js';
import { Idling } from './idling.js';
import type { LogLevel } from './log-level.js';
import { Logger } from './logger.js';
import { MonitorIndex } from './monitors.js';
import { PersistentTerms } from './persistent-terms.js';
import { Placement, SAMPLE_EVERY } from './placement.js';
import { PortTable } from './ports.js';
import { DEAD, FRESH, type Process, QUEUED, RUNNING, WAITING } from './process.js';
import { ProcessTable } from './process-table.js';
import type { Pending } from './requests.js';
import { RunQueue } from './run-queue.js';
import { SerialTable } from './serial-table.js';
import type { SharedCounters } from './shared-counters.js';
import type { SharedNames } from './shared-names.js';
import * as shared from './shared-state.js';
import { COUNTER_BLOCK, type SharedState } from './shared-state.js';
import type { HeldSignal } from './signals.js';
import { OwnedTables } from './tables/owned-tables.js';
import type { Tables } from './tables/tables.js';
import type { Pid, Ref } from './terms.js';
import { TIMEOUT } from './timeout.js';
import { type Timer, TimerQueue } from './timers.js';
import { NO_TWINS, TWINS_MAX } from './twins.js';

/** Work a slice may do: about as many built-in calls and awaits. */
export const REDUCTIONS_MAX = 4000;
/** Slices between two looks at the rings and the clock. */
const SLICES_PER_POLL = 32;
/** Slices between two looks at the clock, on top of a preempted process. */
const SLICES_PER_LOOK = 4;
/** Frames taken from one ring at a time. */
const FRAMES_PER_POLL = 1024;
const TIMERS_PER_POLL = 1024;
/** How long a process that is not to run on top of another one waits until it does. */
const ASIDE_MS = 100;
/** How long a turn keeps Node's event loop waiting. */
const TURN_MS = 1;
/** The same while a process awaits a native promise: promises settle only between turns. */
const TURN_WITH_PROMISES_MS = 0.1;
/** Remembered answers of `channelTo`; a power of two. */
const ROUTES = 16;

export interface SchedulerOptions {
  readonly node: string;
  readonly slot: number;
  readonly slots: number;
  readonly life: number;
  readonly state: SharedState;
  readonly names: SharedNames;
  readonly counters: SharedCounters;
  readonly tables: Tables;
  readonly code: CodeLookup;
  /** Where the code server's commands come; none in a machine without one. */
  readonly codeInbox?: CodeInbox;
  readonly host: Host;
  /** Asked after each slice. */
  readonly tamperCheck: TamperCheck;
  /** Null where code is never ended from outside. */
  readonly guard: Guard | null;
}

/** What the rest of the engine does for the loop; joined in `engine.ts`, so that imports have no cycle. */
export interface Engine {
  /** Handle one frame from a peer. */
  receive(
    scheduler: Scheduler,
    channel: Channel,
    op: number,
    to: unknown,
    a: unknown,
    b: unknown,
    payload: unknown,
  ): void;
  /** Give the receiver of a process its message, if there is one. @returns whether anything ran */
  resumeReceiver(scheduler: Scheduler, proc: Process): boolean;
  /** End a process. */
  terminate(scheduler: Scheduler, proc: Process, reason: unknown): void;
  /** Put in order what code that was ended from outside has left half done. */
  recover(scheduler: Scheduler): void;
  /** The entry function of a process is through. */
  rootFinished(scheduler: Scheduler, proc: Process, value: unknown, failed: boolean): void;
}

export class Scheduler {
  readonly node: string;
  readonly slot: number;
  readonly slots: number;
  readonly life: number;
  /** What every pid, and every reference, of this scheduler begins with. */
  readonly pidPrefix: string;
  readonly refPrefix: string;
  readonly state: SharedState;
  readonly names: SharedNames;
  readonly counters: SharedCounters;
  readonly tables: Tables;
  readonly code: CodeLookup;
  readonly codeInbox: CodeInbox | null;
  readonly host: Host;
  readonly logger: Logger;
  readonly processes: ProcessTable;
  readonly monitors: MonitorIndex;
  readonly aliases: AliasTable;
  readonly ports: PortTable;
  readonly ownedTables: OwnedTables;
  readonly persistentTerms: PersistentTerms;
  readonly timers: TimerQueue = new TimerQueue();
  /** Of calls that have no timer yet. */
  readonly callLimits: CallLimits = new CallLimits(this.timers);
  /** By references made here, and those made elsewhere. */
  readonly timersByRef: SerialTable<Timer>;
  readonly foreignTimers: Map<Ref, Timer> = new Map();
  readonly runQueue: RunQueue = new RunQueue();
  readonly placement: Placement;
  /** By life of the peer. */
  readonly channels: Map<number, Channel> = new Map();
  /** Questions to other schedulers that are not answered yet. */
  readonly requests: Map<number, Pending> = new Map();
  /** Signals for processes whose spawn is still on its way, by pid. */
  readonly held: Map<Pid, HeldSignal[]> = new Map();
  /** Groups that were ended, newest last: what is spawned into one of them elsewhere still arrives. */
  readonly endedGroups: Set<Pid> = new Set();
  /** Greatest pid counter seen from each creator's slot. */
  readonly spawned: number[] = new Array<number>(64).fill(-1);
  /** Processes whose plain code did not give way in their last slice, twins or not, and in which slice. */
  readonly preempted: Map<Process, number> = new Map();
  /** While something looks at all processes in parts: told of each that runs or is new meanwhile. */
  ran: { add(proc: Process): void } | null = null;
  /** While states are translated for new code: which processes see that code. */
  standstill: { look(proc: Process | null): void } | null = null;
  /** Number of the slice that runs, for placement. */
  slice: number = 0;
  /** The last reference's serial; its low 32 bits are the epoch of messages. */
  refSerial: number = 0;
  /** The last reference itself: most that is asked of references is asked of the newest. */
  lastRef: Ref | null = null;

  /** Whose slice is the innermost. */
  running: Process | null = null;
  /** Null where code is never ended from outside. */
  readonly guard: Guard | null;

  readonly #idling: Idling;
  readonly #beatAt: number;
  #beats = 1;
  readonly #engine: Engine;
  readonly #tamperCheck: TamperCheck;
  readonly #clockOffset: number;
  readonly #clock = performance;
  #channelList: Channel[] = [];
  readonly #routePids: string[] = new Array<string>(ROUTES).fill('');
  readonly #routeChannels: (Channel | undefined)[] = new Array<Channel | undefined>(ROUTES);
  #nextCounter = 0;
  #lastCounter = -1;
  #nativeWaits = 0;
  #failures: Task[] = [];
  /** Runnable processes that are not started on top of a preempted one; see `preemption.ts`. */
  #aside: Process[] = [];
  #asideSince = 0;
  #inTurn = false;
  #scheduled = false;
  #stopped = false;
  #busyMs = 0;
  #turns = 0;
  #reductions = 0;
  #startedAt: number;

  constructor(options: SchedulerOptions, engine: Engine) {
    this.node = options.node;
    this.slot = options.slot;
    this.slots = options.slots;
    this.life = options.life;
    this.pidPrefix = `<${options.node}.${options.life}.`;
    this.refPrefix = `#Ref<${options.node}.${options.life}.`;
    this.state = options.state;
    this.names = options.names;
    this.counters = options.counters;
    this.tables = options.tables;
    this.code = options.code;
    this.host = options.host;
    this.logger = new Logger(options.host, options.code, () => this.isHeard(shared.HEARD_LOGS));
    this.#tamperCheck = options.tamperCheck;
    this.codeInbox = options.codeInbox ?? null;
    this.codeInbox?.listen(() => this.ensureTurn());
    this.processes = new ProcessTable(this.pidPrefix);
    this.monitors = new MonitorIndex(this.refPrefix);
    this.aliases = new AliasTable(this.refPrefix);
    this.timersByRef = new SerialTable(this.refPrefix);
    this.ports = new PortTable(this);
    this.persistentTerms = new PersistentTerms(options.tables);
    this.ownedTables = new OwnedTables(options.tables, options.life);
    this.placement = new Placement(options.state, options.slot, options.slots);
    this.#engine = engine;
    this.#idling = new Idling(this, options.state, options.slot, () => this.#turn());
    this.#clockOffset = clockOffset(this.#clock);
    this.#startedAt = this.now();
    this.#beatAt = options.state.at(options.slot, shared.BEAT);
    this.guard = options.guard;
    invariant(context.scheduler === null, 'one scheduler a thread');
    context.scheduler = this;
  }

  /**
   * From now on other schedulers may place processes here. The first turn ends by announcing the sleep:
   * before that, no peer would think of waking this thread.
   */
  open(): void {
    this.state.set(this.slot, shared.LIFE, this.life);
    this.ensureTurn();
  }

  /** Does anybody listen to what is logged, or to crash reports? `what` is a bit of HEARD. */
  isHeard(what: number): boolean {
    const { cells } = this.state;
    return ((cells[this.state.at(0, shared.HEARD)] as number) & what) !== 0;
  }

  get nextDue(): number {
    return this.timers.nextDue;
  }

  get hasPeers(): boolean {
    return this.#channelList.length > 0;
  }

  /** Monotonic milliseconds, the same on every thread of the machine. Cost: 45 ns. */
  now(): number {
    return this.#clock.now() + this.#clockOffset;
  }

  // ---- identities -------------------------------------------------------------------------------

  /** A pid counter that no life of this slot has used. */
  nextCounter(): number {
    if (this.#nextCounter > this.#lastCounter) {
      const block = this.state.add(this.slot, shared.SPAWN_BLOCK, 1) - 1;
      this.#nextCounter = block * COUNTER_BLOCK + 1;
      this.#lastCounter = (block + 1) * COUNTER_BLOCK;
    }
    return this.#nextCounter++;
  }

  /** The pid of a process of this scheduler. */
  pidOf(creator: number, counter: number): Pid {
    return joined(this.pidPrefix, counter * CREATORS + creator) as Pid;
  }

  makeRef(): Ref {
    this.lastRef = joined(this.refPrefix, ++this.refSerial) as Ref;
    return this.lastRef;
  }

  /** The reference that a scheduler life has made with this serial. */
  refOf(life: number, serial: number): Ref {
    if (life !== this.#prefixedLife) {
      this.#prefixedLife = life;
      this.#prefixOfLife = `#Ref<${this.node}.${life}.`;
    }
    return joined(this.#prefixOfLife, serial) as Ref;
  }

  #prefixedLife = -1;
  #prefixOfLife = '';

  /** The scheduler life that an address names, -1 if it names none of this node. */
  homeOf(address: string): number {
    return homeOf(address, this.node);
  }

  /** The channel to the scheduler that an address names as its home, if that is another one. */
  channelTo(address: string): Channel | undefined {
    // The last digit of the serial picks a line of the memory of recent answers.
    const line = address.charCodeAt(address.length - 2) & (ROUTES - 1);
    if (this.#routePids[line] === address) return this.#routeChannels[line];
    const channel = this.channels.get(homeOf(address, this.node));
    if (channel !== undefined) {
      this.#routePids[line] = address;
      this.#routeChannels[line] = channel;
    }
    return channel;
  }

  /**
   * Something was done that a turn has to follow up: a timer was started, a channel written. Inside a
   * turn that goes without saying; in a callback of the event loop the turn must be asked for.
   */
  followUp(): void {
    if (!this.#inTurn) this.ensureTurn();
  }

  /** What the machine itself has to say, of a process or of none. */
  log(level: LogLevel, text: string, pid: Pid | null): void {
    this.logger.say(level, { text }, { pid, domain: ['otp'] });
  }

  // ---- run queue --------------------------------------------------------------------------------

  /** Make a parked process runnable. Does nothing to one that is queued, running or dead. */
  wake(proc: Process): void {
    if (proc.status !== WAITING) return;
    proc.status = QUEUED;
    this.runQueue.push(proc);
    this.followUp();
  }

  /** A receive that waits behind another one has timed out. */
  timeOut(task: Task): void {
    makeReady(task, TIMEOUT, false);
  }

  /** Put a new process on the run queue. */
  enqueueFresh(proc: Process): void {
    if (this.ran !== null) this.ran.add(proc);
    this.runQueue.push(proc);
    this.followUp();
  }

  /** A coroutine of a process failed and nobody waits for it: looked at again once promises have settled. */
  taskFailed(task: Task): void {
    this.#failures.push(task);
    this.followUp();
  }

  terminate(proc: Process, reason: unknown): void {
    this.#engine.terminate(this, proc, reason);
  }

  rootFinished(proc: Process, value: unknown, failed: boolean): void {
    this.#engine.rootFinished(this, proc, value, failed);
  }

  nativeWaitBegins(): void {
    this.#nativeWaits += 1;
  }

  nativeWaitEnds(): void {
    this.#nativeWaits -= 1;
  }

  // ---- channels ---------------------------------------------------------------------------------

  attach(channel: Channel): void {
    this.channels.set(channel.life, channel);
    this.#channelList = [...this.channels.values()];
    // Counters of earlier lives of that slot are behind: their spawns will not come any more.
    this.spawned[channel.slot] = this.state.get(channel.slot, shared.SPAWN_BLOCK) * COUNTER_BLOCK;
    channel.handle = (op, to, a, b, payload) =>
      this.#engine.receive(this, channel, op, to, a, b, payload);
    channel.reader.onPublished = () => this.#commitFirst();
    channel.lane.onWake(() => this.ensureTurn());
  }

  detach(channel: Channel): void {
    this.channels.delete(channel.life);
    this.#routePids.fill('');
    this.#channelList = [...this.channels.values()];
    for (const proc of channel.releaseAll()) this.#requeue(proc);
  }

  /** Read what a peer has published. */
  drain(channel: Channel, framesMax: number): number {
    if (!channel.reader.available) return 0;
    return channel.reader.read(channel.handle, framesMax);
  }

  /**
   * After writing for a process: where the peer lags behind, the process is held back at its next
   * scheduling point. One that never reaches one waits here for room; meanwhile this scheduler
   * receives, so that two that flood each other both go on.
   */
  checkRoom(channel: Channel): void {
    if (!channel.congested) return;
    if (this.#congestedFor !== channel) {
      this.#congestedFor = channel;
      context.budget = 0;
    }
    if (channel.writer.backlogBytes <= BACKLOG_MAX) return;
    while (
      channel.writer.backlogBytes > BACKLOG_MAX / 2 &&
      this.channels.get(channel.life) === channel &&
      this.state.get(channel.slot, shared.LIFE) === channel.life
    ) {
      this.#flush();
      if (!this.#poll(true)) this.nap(0.05);
    }
  }

  /** @param inCode called by a process in the middle of its code, that no module may be evaluated on */
  #poll(inCode: boolean): boolean {
    let received = 0;
    if (this.codeInbox?.pending) this.#serveCode(inCode);
    for (const channel of this.#channelList) received += this.drain(channel, FRAMES_PER_POLL);
    return received > 0;
  }

  /** What a peer wrote after a commit must find it done here. */
  #commitFirst(): void {
    if (this.codeInbox?.pending) this.#serveCode(true);
  }

  #serveCode(commitsOnly: boolean): void {
    const { process, task, budget, twins } = context;
    this.standstill?.look(null);
    context.process = commitsOnly ? process : null;
    context.task = null;
    context.budget = REDUCTIONS_MAX;
    // The twins of a module are there when all of it has been evaluated.
    context.twins = NO_TWINS;
    try {
      this.codeInbox?.serve(commitsOnly);
    } finally {
      context.process = process;
      context.task = task;
      context.budget = process?.isDead ? 0 : budget;
      context.twins = twins;
      this.standstill?.look(process);
    }
  }

  /** Has a peer or the code server published something that is not read yet? */
  inboundAvailable(): boolean {
    if (this.codeInbox?.pending) return true;
    for (const channel of this.#channelList) if (channel.reader.available) return true;
    return false;
  }

  #flush(): void {
    for (const channel of this.#channelList) {
      const released = channel.flush();
      if (released !== null) for (const proc of released) this.#requeue(proc);
    }
  }

  #outboundPending(): boolean {
    for (const channel of this.#channelList) if (channel.pending) return true;
    return false;
  }

  #requeue(proc: Process): void {
    if (proc.status !== QUEUED) return;
    this.runQueue.push(proc);
    this.followUp();
  }

  // ---- the loop ---------------------------------------------------------------------------------

  /** See to it that a turn runs soon. For callbacks of the event loop. */
  ensureTurn(): void {
    if (this.#scheduled || this.#inTurn || this.#stopped) return;
    this.#scheduled = true;
    this.state.set(this.slot, shared.SLEEP, shared.AWAKE);
    setImmediate(this.#turn);
  }

  /** Stop for good: no process runs again. */
  stop(): void {
    this.#stopped = true;
    this.#idling.stopSleeping();
    // Not from inside of a catch point.
    setImmediate(() => this.guard?.close());
    context.scheduler = null;
  }

  readonly #turn = (): void => {
    this.#scheduled = false;
    if (this.#stopped) return;
    this.#idling.stopSleeping();
    this.#inTurn = true;
    try {
      if (this.#failures.length > 0) this.#checkFailures();
      this.#runTurn();
    } finally {
      this.#inTurn = false;
    }
  };

  #runTurn(): void {
    const { runQueue, timers, guard } = this;
    const begun = this.now();
    this.#turnBegan = begun;
    this.#deadline = begun + (this.#nativeWaits > 0 ? TURN_WITH_PROMISES_MS : TURN_MS);
    this.#worked = false;
    if (guard === null) this.#loop();
    else if (runQueue.length > 0 || timers.nextDue <= begun || this.#waitForWork(begun)) {
      if (!guard.run(this.#loop)) this.endStuck(guard);
    }
    const worked = this.#worked;
    const tampered = this.#tamperCheck(true);
    if (tampered !== null)
      this.log('error', `${tampered} was changed by a process; it is put back`, null);
    const ended = this.now();
    // Of calls made outside of slices, or in one that was ended.
    if (this.callLimits.count > 0) this.callLimits.start(ended);
    this.#account(begun, ended, worked);
    if (this.#stopped) return;
    if (runQueue.length > 0 || this.#failures.length > 0 || this.inboundAvailable())
      this.ensureTurnSoon();
    else if (this.#outboundPending() || this.#idling.rest()) this.ensureTurnSoon();
  }

  #turnBegan = 0;
  #deadline = 0;
  #worked = false;

  /** @returns false when the event loop should have its turn first */
  #waitForWork(begun: number): boolean {
    if (this.#poll(false)) this.#worked = true;
    this.#flush();
    return this.runQueue.length > 0 || this.#idling.waitForPeers(begun, this.#deadline);
  }

  readonly #loop = (): void => {
    const { runQueue, timers, callLimits } = this;
    const deadline = this.#deadline;
    let now = 0;
    for (;;) {
      let worked = this.#worked;
      for (let slices = 0; slices < SLICES_PER_POLL; slices++) {
        const proc = runQueue.shift();
        if (proc === null) break;
        if (proc.status === DEAD) continue;
        worked = true;
        this.#slice(proc, false);
        // It has run as long as it may: look at the rings and the clock before the next one.
        if (context.budget <= 0) break;
      }
      this.#endSlices();
      if (this.#aside.length > 0) this.#takeBackAside();
      if (this.#poll(false)) worked = true;
      if (callLimits.count > 0 || timers.nextDue < Number.POSITIVE_INFINITY) {
        now = this.now();
        if (callLimits.count > 0) callLimits.start(now);
        if (timers.nextDue <= now && timers.expire(now, TIMERS_PER_POLL) > 0) worked = true;
      }
      this.#worked = worked;
      this.#flush();
      if (runQueue.length === 0) {
        now = this.now();
        if (worked) this.#idling.idleSince = now;
        if (now >= deadline || this.#hasFailures() || !this.#idling.waitForPeers(now, deadline))
          return;
      } else {
        now = this.now();
        if (now >= deadline || this.#hasFailures()) return;
      }
    }
  };

  #endSlices(): void {
    this.standstill?.look(null);
    context.process = null;
    context.task = null;
    context.twins = NO_TWINS;
    this.running = null;
    this.state.cells[this.#beatAt] = 0;
  }

  /** The code that runs makes progress: the watchdog sees it by the cell. */
  beat(): void {
    this.#beats = (this.#beats + 2) | 0;
    this.state.cells[this.#beatAt] = this.#beats;
  }

  /** What ran inside of `guard.run` was ended: so is the process that it was. */
  endStuck(guard: Guard): void {
    const proc = this.running;
    const stack = guard.takeVerdict();
    this.#endSlices();
    context.sealed = false;
    context.awaited = false;
    context.yields = false;
    this.#worked = true;
    this.#engine.recover(this);
    if (proc === null) return;
    const error = new GuardError(guard.limitMs, stack);
    this.inProcess(proc, () => this.rootFinished(proc, error, true));
  }

  /** From inside a turn: go on after the event loop had its turn. */
  ensureTurnSoon(): void {
    this.#scheduled = true;
    setImmediate(this.#turn);
  }

  // ---- on top of a preempted process; see preemption.ts -------------------------------------------

  /** Is there anything to do besides the slice that runs? */
  hasWork(): boolean {
    if (this.runQueue.length > 0 || this.inboundAvailable() || this.#outboundPending()) return true;
    if (this.callLimits.count > 0) this.callLimits.start(this.now());
    const { nextDue } = this.timers;
    const due = this.#aside.length === 0 ? nextDue : Math.min(nextDue, this.#asideSince + ASIDE_MS);
    return due < Number.POSITIVE_INFINITY && due <= this.now();
  }

  /** Sleep where the stack does not let the event loop have its turn. */
  nap(ms: number): void {
    Atomics.wait(this.state.cells, this.state.at(0, shared.SLEEP), 0, ms);
  }

  /** Is the running process to be held back, as the receiver of what it sends lags behind? */
  get heldBack(): boolean {
    return this.#congestedFor?.congested === true;
  }

  /** Give the running process, whose code goes on, a new budget. */
  charge(proc: Process): void {
    this.beat();
    const used = REDUCTIONS_MAX - context.budget;
    proc.reductions += used;
    this.#reductions += used;
    context.budget = REDUCTIONS_MAX;
  }

  /**
   * Signals, timers and one round of the run queue, for about `sliceMs` milliseconds; 0: no slices.
   * The caller puts the context back.
   *
   * @param holdsStack a process that had better not run on top of another one: it waits
   */
  serve(sliceMs: number, holdsStack: (scheduler: Scheduler, proc: Process) => boolean): void {
    const { runQueue, timers } = this;
    const congested = this.#congestedFor;
    this.#congestedFor = null;
    this.#poll(sliceMs === 0);
    const begun = this.now();
    if (this.callLimits.count > 0) this.callLimits.start(begun);
    if (timers.nextDue <= begun) timers.expire(begun, TIMERS_PER_POLL);
    let left = sliceMs > 0 ? runQueue.length : 0;
    if (sliceMs > 0) this.#admitAside(begun);
    while (left > 0) {
      for (let slices = 0; slices < SLICES_PER_LOOK && left > 0; slices++) {
        left -= 1;
        const proc = runQueue.shift();
        if (proc === null) break;
        if (proc.status === DEAD) continue;
        if (holdsStack(this, proc)) this.#putAside(proc, begun);
        else this.#runSlice(proc);
      }
      if (this.now() - begun >= sliceMs) break;
    }
    this.#flush();
    this.#congestedFor = congested;
    this.state.set(this.slot, shared.RUN_QUEUE, runQueue.length + this.#aside.length);
  }

  #putAside(proc: Process, now: number): void {
    if (this.#aside.length === 0) this.#asideSince = now;
    this.#aside.push(proc);
  }

  /** What lies below may never end: now and then one that had better wait for it runs all the same. */
  #admitAside(now: number): void {
    if (this.#aside.length === 0 || now - this.#asideSince < ASIDE_MS) return;
    this.#asideSince = now;
    const proc = this.#aside.shift() as Process;
    if (proc.status !== DEAD) this.#runSlice(proc);
  }

  #takeBackAside(): void {
    const waiting = this.#aside;
    this.#aside = [];
    for (const proc of waiting) if (proc.status !== DEAD) this.runQueue.push(proc);
  }

  /** Run one slice of a process on top of whatever runs now. */
  #runSlice(proc: Process): void {
    const outerProcess = context.process;
    const outerTask = context.task;
    const outerBudget = context.budget;
    const outerRunning = this.running;
    this.#slice(proc, true);
    this.running = outerRunning;
    this.beat();
    context.process = outerProcess;
    context.task = outerTask;
    context.budget = outerBudget;
    context.yields = false;
  }

  /** One slice; leaves the context to the caller. @param onTop of a preempted process */
  #slice(proc: Process, onTop: boolean): void {
    const slice = (this.slice + 1) | 0;
    this.slice = slice;
    this.running = proc;
    this.beat();
    if (this.standstill !== null) this.standstill.look(proc);
    if (this.ran !== null) this.ran.add(proc);
    context.process = proc;
    context.task = null;
    context.budget = REDUCTIONS_MAX;
    context.yields = false;
    context.preemptions = 0;
    context.owesPause = false;
    context.onTop = onTop;
    context.twins = onTop || proc.shortCallsLeft > 0 ? TWINS_MAX : NO_TWINS;
    if (proc.status === FRESH) {
      proc.status = RUNNING;
      const args = proc.args as unknown[];
      proc.args = null;
      if (this.placement.matters && this.slice % SAMPLE_EVERY === 0) this.#runTimed(proc, args);
      else runRoot(proc, proc.entry, args);
    } else {
      proc.status = RUNNING;
      context.entry = null;
      do {
        if (proc.ready !== null) resumeReady(proc);
        else this.#engine.resumeReceiver(this, proc);
      } while (
        (proc.status as number) === RUNNING &&
        this.#isRunnable(proc) &&
        context.budget > 0 &&
        !context.yields
      );
    }
    const used = REDUCTIONS_MAX - context.budget;
    proc.reductions += used;
    this.#reductions += used;
    if (this.preempted.size > 0) this.#forgive(proc, slice);
    const tampered = this.#tamperCheck(false);
    if (tampered !== null) this.#tampered(proc, tampered);
    if ((proc.status as number) === RUNNING) this.#park(proc);
  }

  /** A process has changed what all of them share: it ends, with a reason that says so. */
  #tampered(proc: Process, what: string): void {
    const error = new ProcessError('badarg', `${what} was changed: it belongs to all processes`);
    this.inProcess(proc, () => this.rootFinished(proc, error, true));
  }

  /** A slice that came to its end by itself: the process does not hold the stack any more. */
  #forgive(proc: Process, slice: number): void {
    const last = this.preempted.get(proc);
    if (last !== undefined && ((last - slice) | 0) < 0) this.preempted.delete(proc);
  }

  #runTimed(proc: Process, args: unknown[]): void {
    const begun = this.now();
    runRoot(proc, proc.entry, args);
    this.placement.learn(proc.entry, this.now() - begun);
  }

  #park(proc: Process): void {
    const congested = this.#congestedFor;
    if (congested !== null) {
      this.#congestedFor = null;
      if (this.channels.get(congested.life) === congested && congested.congested) {
        if (this.#isRunnable(proc)) {
          proc.status = QUEUED;
          congested.hold(proc);
          return;
        }
      }
    }
    if (this.#isRunnable(proc)) {
      proc.status = QUEUED;
      if (context.budget > 0) this.runQueue.push(proc);
      else this.runQueue.pushSpent(proc);
    } else {
      proc.status = WAITING;
    }
  }

  /** The channel that the slice in progress has overrun. */
  #congestedFor: Channel | null = null;

  #isRunnable(proc: Process): boolean {
    if (proc.ready !== null) return true;
    const { mailbox, receiveTimer } = proc;
    if (receiveTimer !== null && receiveTimer.index < 0) return true;
    if (mailbox === null) return false;
    if (proc.receiver !== null) return mailbox.hasUnseen;
    return proc.extra !== null && proc.extra.hibernating !== null && mailbox.length > 0;
  }

  /**
   * Is there a failure that nobody has taken? The entry function of a process that fails at once is noted,
   * too, but taken right after: no turn has to end for it.
   */
  #hasFailures(): boolean {
    const failures = this.#failures;
    for (let last = failures.at(-1); last !== undefined; last = failures.at(-1)) {
      if (last.state === FAILED && last.process?.status !== DEAD) return true;
      failures.pop();
    }
    return false;
  }

  #checkFailures(): void {
    const failures = this.#failures;
    this.#failures = [];
    for (const task of failures) {
      const proc = task.process as Process;
      if (task.state !== FAILED || proc.status === DEAD) continue;
      task.state = AWAITED;
      this.inProcess(proc, () => this.rootFinished(proc, task.value, true));
    }
  }

  /** Run `body` as if `proc` had called it, outside of a slice. */
  inProcess(proc: Process, body: () => void): void {
    const outer = context.process;
    context.process = proc;
    body();
    context.process = outer;
  }

  #account(begun: number, ended: number, worked: boolean): void {
    this.#turns += 1;
    if (worked) {
      const { idleSince } = this.#idling;
      this.#busyMs += Math.max(0, (idleSince > begun ? idleSince : ended) - begun);
    }
    this.#publish(ended, this.#busyMs);
  }

  /** What is to be done for the host program in a turn that plain code does not let come to its end. */
  set whileHeld(serve: () => void) {
    this.#whileHeld = serve;
  }

  /** The turn goes on and on: show what it has done so far, and do what the host program has asked. */
  serveHost(): void {
    const now = this.now();
    this.#publish(now, this.#busyMs + now - this.#turnBegan);
    this.#whileHeld();
  }

  #whileHeld: () => void = () => {};

  #publish(now: number, busyMs: number): void {
    const { state, slot } = this;
    state.set(slot, shared.RUN_QUEUE, this.runQueue.length + this.#aside.length);
    state.set(slot, shared.PROCESSES, this.processes.count);
    state.set(slot, shared.TIMERS, this.timers.length);
    state.setFigure(slot, shared.REDUCTIONS, this.#reductions);
    state.setFigure(slot, shared.BUSY_MS, busyMs);
    state.setFigure(slot, shared.TOTAL_MS, now - this.#startedAt);
    state.setFigure(slot, shared.TURNS, this.#turns);
  }
}

/**
 * An address. In this order V8 keeps two strings of it, the short end in one piece, instead of the three
 * that a template would leave: a third of the memory of a reference that waits in a mailbox.
 */
function joined(prefix: string, serial: number): string {
  const end = serial + '>';
  return prefix + end;
}

/** Looks at the two clocks: enough to catch a moment without an interruption between them. */
const CLOCK_LOOKS = 100;

/**
 * Milliseconds from this thread's clock, which is quick to read, to `hrtime`, which is one for all threads.
 * What passes between the two looks makes the difference too small, so the greatest one is the truest.
 * One look alone was off by some microseconds: the clock went back between two schedulers.
 */
function clockOffset(clock: typeof performance): number {
  let offset = Number.NEGATIVE_INFINITY;
  for (let look = 0; look < CLOCK_LOOKS; look++) {
    const [seconds, nanoseconds] = process.hrtime();
    offset = Math.max(offset, seconds * 1000 + nanoseconds / 1e6 - clock.now());
  }
  return offset;
}
