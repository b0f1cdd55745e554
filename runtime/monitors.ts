/**
 * Monitors: one-way, stackable, one-shot.
 *
 * A monitor is one object in two intrusive lists: the holder's (`held`) and the target's
 * (`watch`). Where holder and target live on different schedulers each side has an object of its
 * own, in one list, and the reference joins them. The target's object says by its `alias` that it was made
 * by a call: then the answer ends it there, without a word from the holder.
 *
 * The monitor of a call is all that there is of it: it also knows the task that waits for the answer, and
 * the timer that ends the wait. Neither the answer nor the end of the server goes through the mailbox.
 *
 * Invariant: a monitor that fired or was removed is in no list, so it cannot fire again; after
 * `demonitor` returns no DOWN for it can be added. An alias that ends with its monitor is active exactly
 * while the monitor is in the index.
 *
 * Source: OTP Reference Manual, "Processes" › "Monitors"; `erlang:monitor/3`, `erlang:demonitor/2`.
 */

import type { AliasMode } from './aliases.js';
import type { Task } from './coroutine.js';
import type { Process } from './process.js';
import { SerialTable } from './serial-table.js';
import type { NamedTarget, Pid, Ref } from './terms.js';
import type { Timer } from './timers.js';

export class Monitor {
  readonly ref: Ref;
  /** Serial of the reference. */
  readonly serial: number;
  /** The holder, where it lives on this scheduler. */
  readonly holder: Process | null;
  readonly holderPid: Pid;
  /** The target, where it lives on this scheduler. */
  target: Process | null;
  readonly targetPid: Pid;
  /** How DOWN names the target: `{name, node}` when it was monitored by name. */
  readonly shown: Pid | NamedTarget;
  readonly tag: string;
  /** What its reference is an alias of the holder until; null from `unalias` on. */
  alias: AliasMode | null;
  active = true;
  /** Of a call: what waits for its answer. */
  readonly call: Task | null;
  /** Of a call with a limit of time. */
  timer: Timer | null = null;
  slotNext: Monitor | null = null;
  heldBefore: Monitor | null = null;
  heldAfter: Monitor | null = null;
  watchBefore: Monitor | null = null;
  watchAfter: Monitor | null = null;

  constructor(
    ref: Ref,
    serial: number,
    holder: Process | null,
    holderPid: Pid,
    target: Process | null,
    targetPid: Pid,
    shown: Pid | NamedTarget,
    tag: string,
    alias: AliasMode | null,
    call: Task | null = null,
  ) {
    this.ref = ref;
    this.serial = serial;
    this.holder = holder;
    this.holderPid = holderPid;
    this.target = target;
    this.targetPid = targetPid;
    this.shown = shown;
    this.tag = tag;
    this.alias = alias;
    this.call = call;
  }
}

/** Put a monitor at the head of its holder's list. */
export function hold(holder: Process, monitor: Monitor): void {
  const first = holder.monitors;
  monitor.heldAfter = first;
  if (first !== null) first.heldBefore = monitor;
  holder.monitors = monitor;
}

export function unhold(holder: Process, monitor: Monitor): void {
  const { heldBefore, heldAfter } = monitor;
  if (heldBefore === null) holder.monitors = heldAfter;
  else heldBefore.heldAfter = heldAfter;
  if (heldAfter !== null) heldAfter.heldBefore = heldBefore;
  monitor.heldBefore = null;
  monitor.heldAfter = null;
}

/** Put a monitor at the head of its target's list. */
export function watch(target: Process, monitor: Monitor): void {
  const first = target.watchers;
  monitor.watchAfter = first;
  if (first !== null) first.watchBefore = monitor;
  target.watchers = monitor;
}

export function unwatch(target: Process, monitor: Monitor): void {
  const { watchBefore, watchAfter } = monitor;
  if (watchBefore === null) target.watchers = watchAfter;
  else watchBefore.watchAfter = watchAfter;
  if (watchAfter !== null) watchAfter.watchBefore = watchBefore;
  monitor.watchBefore = null;
  monitor.watchAfter = null;
}

/** Is its reference an alias of the holder for as long as the monitor is there? */
export function isAliased({ alias }: Monitor): boolean {
  return alias === 'reply_demonitor' || alias === 'demonitor';
}

/**
 * Monitors by reference: those whose holder lives here (references made here), and those of
 * holders elsewhere that watch a process here.
 */
export class MonitorIndex {
  readonly #held: SerialTable<Monitor>;
  #aliases = 0;
  readonly #watching = new SerialTable<Monitor>();

  /** @param refPrefix what every reference made on this scheduler begins with */
  constructor(refPrefix: string) {
    this.#held = new SerialTable(refPrefix);
  }

  get count(): number {
    return this.#held.count + this.#watching.count;
  }

  /** Aliases that end with their monitor. */
  get aliasCount(): number {
    return this.#aliases;
  }

  addHeld(monitor: Monitor): void {
    this.#held.add(monitor);
    if (isAliased(monitor)) this.#aliases += 1;
  }

  findHeld(ref: Ref): Monitor | undefined {
    return this.#held.find(ref);
  }

  deleteHeld(monitor: Monitor): void {
    if (this.#held.delete(monitor) && isAliased(monitor)) this.#aliases -= 1;
  }

  /** `unalias` for an alias that ends with its monitor; the monitor stays. */
  endAlias(monitor: Monitor): void {
    if (isAliased(monitor)) this.#aliases -= 1;
    monitor.alias = null;
  }

  /** The monitor of a call that was made on this scheduler. */
  findCall(serial: number): Monitor | undefined {
    return this.#held.findSerial(serial);
  }

  /** What a reply through this reference goes to: a monitor of a process here, or the target's side of one. */
  findAsked(ref: Ref): Monitor | undefined {
    const { newest } = this.#watching;
    if (newest?.ref === ref) return newest;
    return this.#held.find(ref) ?? this.#watching.find(ref);
  }

  addWatching(monitor: Monitor): void {
    this.#watching.add(monitor);
  }

  takeWatching(ref: Ref): Monitor | undefined {
    const monitor = this.#watching.find(ref);
    if (monitor !== undefined) this.#watching.delete(monitor);
    return monitor;
  }
}
