/**
 * Spawn: making a process, here or on another scheduler.
 *
 * The spawner chooses the pid and has it at once; the new process's scheduler learns of it by a
 * SPAWN signal. Link, monitor and name are part of the spawn: nobody can see the process without
 * them, so neither ever reports `noproc`.
 *
 * Source: OTP, `erlang:spawn_opt/5`; SEMANTICS 2.5.
 */

import { CREATORS } from './address.js';
import type { Channel } from './channel.js';
import { rerooted } from './clone-error.js';
import { context } from './context.js';
import { copy } from './copy.js';
import { badarg, ProcessError } from './errors.js';
import { funOf, isScalar, liftedFun } from './funs.js';
import type { CodeLookup, EntryFunction } from './hosting.js';
import { linkChild } from './links.js';
import { hold, Monitor, watch } from './monitors.js';
import { HIGH, LOW, NORMAL, Process } from './process.js';
import type { Scheduler } from './scheduler.js';
import { LIFE, SPAWNS_COMING } from './shared-state.js';
import * as signal from './signals.js';
import type { MailboxLimit, Pid, Priority, Ref } from './terms.js';

export interface SpawnOptions {
  readonly link?: boolean;
  readonly monitor?: boolean;
  /** Slot of the scheduler to run on, from 1; without it the machine chooses. */
  readonly scheduler?: number;
  readonly priority?: Priority;
  readonly name?: string;
  readonly label?: unknown;
  readonly mailbox?: MailboxLimit;
}

export interface Spawned {
  readonly pid: Pid;
  readonly ref: Ref | null;
}

/** The part of the options that the new process's scheduler has to know. */
interface Traits {
  readonly priority: number;
  readonly name: string | null;
  readonly label: unknown;
  readonly limit: MailboxLimit | null;
}

export const PRIORITIES: Readonly<Record<Priority, number>> = {
  low: LOW,
  normal: NORMAL,
  high: HIGH,
};

const PLAIN: Traits = { priority: NORMAL, name: null, label: undefined, limit: null };

/** Spawn without options: the common case. */
export function spawnPlain(
  scheduler: Scheduler,
  parent: Process | null,
  entry: EntryFunction,
  args: unknown[],
): Pid {
  const slot = scheduler.placement.choose(
    entry,
    scheduler.slice,
    scheduler.runQueue.length,
    scheduler.processes.count,
  );
  if (slot !== scheduler.slot && funOf(entry) !== undefined) {
    return spawnElsewhere(scheduler, slot, parent, entry, args, PLAIN, false);
  }
  const own = ownEntry(entry);
  const { creator, counter } = spawnHere(scheduler, parent, own, copyArgs(args), PLAIN);
  return scheduler.pidOf(creator, counter);
}

/** Spawn with link, monitor, place, priority, name or mailbox limit. */
export function spawnWith(
  scheduler: Scheduler,
  parent: Process | null,
  entry: EntryFunction,
  args: unknown[],
  options: SpawnOptions,
): Spawned {
  const traits = traitsOf(options);
  const slot = slotFor(scheduler, entry, options.scheduler);
  if (slot !== scheduler.slot) {
    const pid = spawnElsewhere(scheduler, slot, parent, entry, args, traits, options.link === true);
    if (parent !== null && options.link === true) linkChild(parent, pid, null);
    const ref =
      options.monitor === true ? monitorChild(scheduler, parent as Process, pid, null) : null;
    return { pid, ref };
  }
  const child = spawnHere(scheduler, parent, ownEntry(entry), copyArgs(args), traits);
  if (parent !== null && options.link === true) linkChild(parent, child.pid, child);
  const ref =
    options.monitor === true ? monitorChild(scheduler, parent as Process, child.pid, child) : null;
  return { pid: child.pid, ref };
}

function traitsOf({ priority, name, label, mailbox }: SpawnOptions): Traits {
  const isPlain =
    priority === undefined && name === undefined && label === undefined && mailbox === undefined;
  if (isPlain) return PLAIN;
  return {
    priority: PRIORITIES[priority ?? 'normal'],
    name: name ?? null,
    label: label === undefined ? undefined : copy(label, 'spawn: label'),
    limit: mailbox ?? null,
  };
}

function slotFor(scheduler: Scheduler, entry: EntryFunction, pinned: number | undefined): number {
  if (pinned === undefined) {
    const slot = scheduler.placement.choose(
      entry,
      scheduler.slice,
      scheduler.runQueue.length,
      scheduler.processes.count,
    );
    return slot === scheduler.slot || funOf(entry) !== undefined ? slot : scheduler.slot;
  }
  if (pinned !== scheduler.slot && funOf(entry) === undefined) {
    throw badarg(
      'spawn: entry',
      'to run on another scheduler, a function that can be sent: one of a module, or one made with fn()',
      entry,
    );
  }
  return pinned;
}

/** The entry of a process of this scheduler: it shares no captured value with anyone. */
function ownEntry(entry: EntryFunction): EntryFunction {
  const fun = liftedFun(entry);
  if (fun === undefined || fun.captures.length === 0) return entry;
  return fun.borrowed && fun.captures.every(isScalar)
    ? entry
    : (copy(entry, 'entry') as EntryFunction);
}

const NO_ARGS: unknown[] = [];

function copyArgs(args: unknown[]): unknown[] {
  if (args.length === 0) return NO_ARGS;
  for (let index = 0; index < args.length; index++) {
    const value = args[index];
    if (typeof value === 'object' || typeof value === 'function' || typeof value === 'symbol') {
      return copy(args, 'arguments') as unknown[];
    }
  }
  return args;
}

/** Make a process of this scheduler. `args` must be copies already. */
export function spawnHere(
  scheduler: Scheduler,
  parent: Process | null,
  entry: EntryFunction,
  args: unknown[],
  traits: Traits = PLAIN,
): Process {
  const counter = scheduler.nextCounter();
  if (traits.name !== null)
    takeName(scheduler, traits.name, scheduler.pidOf(scheduler.slot, counter));
  const pid = parent?.pid ?? null;
  const group = parent?.group ?? null;
  return birth(scheduler, null, scheduler.slot, counter, pid, group, entry, args, traits);
}

function birth(
  scheduler: Scheduler,
  pid: Pid | null,
  creator: number,
  counter: number,
  parent: Pid | null,
  group: Pid | null,
  entry: EntryFunction,
  args: unknown[],
  traits: Traits,
): Process {
  const proc = new Process(pid, creator, counter, parent, group, entry, args);
  if (traits !== PLAIN) dress(proc, traits);
  scheduler.processes.insert(proc);
  scheduler.enqueueFresh(proc);
  if (context.tracer !== null) context.tracer.spawned(proc);
  return proc;
}

function dress(proc: Process, traits: Traits): void {
  proc.priority = traits.priority;
  if (traits.name === null && traits.label === undefined && traits.limit === null) return;
  const extra = proc.more();
  extra.name = traits.name;
  extra.label = traits.label;
  extra.limit = traits.limit;
}

function takeName(scheduler: Scheduler, name: string, pid: Pid): void {
  const holder = scheduler.names.insert(name, pid);
  if (holder !== undefined) {
    throw new ProcessError('badarg', `spawn: name: ${JSON.stringify(name)} is taken by ${holder}`);
  }
}

function spawnElsewhere(
  scheduler: Scheduler,
  slot: number,
  parent: Process | null,
  entry: EntryFunction,
  args: unknown[],
  traits: Traits,
  link: boolean,
): Pid {
  const channel = channelOfSlot(scheduler, slot);
  const counter = scheduler.nextCounter();
  const pid = `<${scheduler.node}.${channel.life}.${counter * CREATORS + scheduler.slot}>` as Pid;
  if (traits.name !== null) takeName(scheduler, traits.name, pid);
  // A function of a version is sent itself, an exported one by its name.
  const exported = scheduler.code.functionName(entry);
  const from = exported === undefined ? entry : exported.module;
  const name = exported === undefined ? null : exported.name;
  const group = parent?.group ?? null;
  const payload =
    traits === PLAIN
      ? [from, name, args, group]
      : [from, name, args, group, traits.priority, traits.name, traits.label, traits.limit];
  try {
    channel.write(signal.SPAWN, pid, parent?.pid ?? null, link ? signal.SPAWN_LINK : 0, payload);
  } catch (error) {
    if (traits.name !== null) scheduler.names.remove(traits.name, pid);
    throw rerooted(rerooted(error, 'message[2]', 'arguments'), 'message[0]', 'entry');
  }
  scheduler.state.add(slot, SPAWNS_COMING, 1);
  scheduler.checkRoom(channel);
  return pid;
}

function channelOfSlot(scheduler: Scheduler, slot: number): Channel {
  const life = scheduler.state.get(slot, LIFE);
  const channel = scheduler.channels.get(life);
  if (channel === undefined) {
    throw new ProcessError('system_limit', `spawn: scheduler ${slot} is not running at the moment`);
  }
  return channel;
}

function monitorChild(scheduler: Scheduler, holder: Process, pid: Pid, child: Process | null): Ref {
  const ref = scheduler.makeRef();
  const monitor = new Monitor(
    ref,
    scheduler.refSerial,
    holder,
    holder.pid,
    child,
    pid,
    pid,
    'DOWN',
    null,
  );
  hold(holder, monitor);
  scheduler.monitors.addHeld(monitor);
  if (child !== null) watch(child, monitor);
  else {
    const channel = scheduler.channels.get(scheduler.homeOf(pid));
    channel?.write(signal.MONITOR, pid, ref, holder.pid, null);
  }
  return ref;
}

/** A SPAWN signal has come. A function that is not there makes a process that ends with `undef`. */
export function receiveSpawn(
  scheduler: Scheduler,
  pid: Pid,
  parent: Pid | null,
  flags: number,
  payload: unknown,
): Process {
  scheduler.state.add(scheduler.slot, SPAWNS_COMING, -1);
  const [from, name, args, group, priority, registered, label, limit] = payload as [
    string | EntryFunction,
    string,
    unknown[],
    Pid | null,
    number?,
    string?,
    unknown?,
    MailboxLimit?,
  ];
  const { creator, counter } = scheduler.processes.originOf(pid);
  scheduler.spawned[creator] = counter;
  const entry = typeof from === 'function' ? from : currentEntry(scheduler.code, from, name);
  const traits =
    priority === undefined
      ? PLAIN
      : { priority, name: registered ?? null, label, limit: limit ?? null };
  const proc = birth(scheduler, pid, creator, counter, parent, group, entry, args, traits);
  if ((flags & signal.SPAWN_LINK) !== 0 && parent !== null) proc.links = new Map([[parent, 0]]);
  return proc;
}

/** The function that a name reaches now; where there is none, one that raises `undef`. */
export function currentEntry(code: CodeLookup, module: string, name: string): EntryFunction {
  const found = code.lookup(module, name);
  if (found !== undefined) return found;
  return () => {
    throw new ProcessError('undef', `${module}.${name} is not an exported function`);
  };
}
