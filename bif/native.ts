/**
 * What is native: resources that a process owns, events of Node's emitters, work off the schedulers.
 *
 * npm packages and Node's built-ins are to tsvm what ports and NIFs are to Erlang: trusted and
 * unprotected. These functions tie them to the life and the mailbox of a process.
 *
 * Source: OTP Reference Manual, "Ports and Port Drivers"; `inet:setopts` `{active, once | N}`;
 * dirty schedulers in `erl_nif`.
 */

import { runningProcess, runningScheduler } from '../runtime/context.js';
import { copy } from '../runtime/copy.js';
import { awaiting, start, type Task } from '../runtime/coroutine.js';
import { badarg } from '../runtime/errors.js';
import {
  type Demand,
  type Emitter,
  type EventMessage,
  EventSource,
  type MapArgs,
} from '../runtime/event-source.js';
import { funOf } from '../runtime/funs.js';
import type { EntryFunction } from '../runtime/hosting.js';
import type { Port } from '../runtime/ports.js';
import type { Ref } from '../runtime/terms.js';
import { checkKeys } from './check.js';

/**
 * Tie a native resource to the calling process: `close` runs when the process dies, however it dies.
 *
 * @returns the resource
 */
export function own<R extends object>(resource: R, close: (resource: R) => unknown): R {
  const proc = runningProcess('own');
  if ((typeof resource !== 'object' && typeof resource !== 'function') || resource === null) {
    throw badarg('own: resource', 'an object', resource);
  }
  if (typeof close !== 'function') throw badarg('own: close', 'a function', close);
  const extra = proc.more();
  extra.owned ??= [];
  extra.owned.push({ resource, close: close as (resource: never) => unknown });
  return resource;
}

/** Untie a resource from the calling process, as when it was closed or handed on. @returns whether it was tied */
export function disown(resource: object): boolean {
  const owned = runningProcess('disown').extra?.owned;
  const index = owned?.findIndex((each) => each.resource === resource) ?? -1;
  if (index < 0) return false;
  owned?.splice(index, 1);
  return true;
}

export type { Demand, Emitter, EventMessage, MapArgs, Port };

/**
 * Name a native resource, so that another process of this scheduler can take it over.
 *
 * @returns a port: a string that can be sent or given to `spawn`
 */
export function handOver<R extends object>(resource: R): Port<R> {
  const proc = runningProcess('handOver');
  if ((typeof resource !== 'object' && typeof resource !== 'function') || resource === null) {
    throw badarg('handOver: resource', 'an object', resource);
  }
  return runningScheduler('handOver').ports.handOver(proc, resource) as Port<R>;
}

/**
 * Become the owner of a native resource that another process handed over; see `own`.
 *
 * @throws `badarg` on another scheduler than the resource's, and when it was taken already
 */
export function takeOver<R extends object>(port: Port<R>, close: (resource: R) => unknown): R {
  runningProcess('takeOver');
  if (typeof port !== 'string') throw badarg('takeOver: port', 'a port', port);
  return own(runningScheduler('takeOver').ports.take(port) as R, close);
}

export interface ForwardOptions<Tag extends string = string> {
  /** The events to listen to. */
  readonly events: readonly string[];
  /** How many events to take: `'once'`, a number, or `true` for all. `active` asks for more. */
  readonly active: Demand;
  /** The `type` of the messages; `'event'` without one. */
  readonly tag?: Tag;
  /** Makes something that can be sent of the arguments, as with `handOver`. Runs when the event comes. */
  readonly map?: MapArgs;
}

/** A running `forward`. */
export interface Subscription {
  /** What the messages carry as `ref`. */
  readonly ref: Ref;
  /** Take so many more events: `'once'`, a number, or `true` for all from now on. */
  active(demand: Demand): void;
  /** Listen no more. The emitter stays open. */
  close(): void;
}

/**
 * Turn events of a Node emitter or stream into messages `{type, ref, event, args, dropped}` to the
 * calling process.
 *
 * Only as many as were asked for are delivered; then a source that can be paused is paused. Events
 * that end a source ('close', 'end', 'error', …) come without being asked for. Listening ends with the
 * process. `inet:setopts/2`, `{active, once | N | true}`.
 */
export function forward(emitter: Emitter, options: ForwardOptions): Subscription {
  const proc = runningProcess('forward');
  const scheduler = runningScheduler('forward');
  if (typeof emitter?.on !== 'function' || typeof emitter.off !== 'function') {
    throw badarg('forward: emitter', 'an event emitter or stream', emitter);
  }
  checkKeys('forward', options, ['events', 'active', 'tag', 'map']);
  const { events, active, tag = 'event', map } = options;
  if (
    !Array.isArray(events) ||
    events.length === 0 ||
    !events.every((event) => typeof event === 'string')
  ) {
    throw badarg('forward: events', 'a list of event names', events);
  }
  checkDemand('forward', active);
  if (typeof tag !== 'string') throw badarg('forward: tag', 'a string', tag);
  if (map !== undefined && typeof map !== 'function')
    throw badarg('forward: map', 'a function', map);
  const source = new EventSource(scheduler, proc, emitter, events, active, tag, map);
  own(source, (each) => each.close());
  return {
    ref: source.ref,
    active(demand) {
      checkDemand('active', demand);
      source.active(demand);
    },
    close() {
      source.close();
      const owned = proc.extra?.owned;
      const index = owned?.findIndex((each) => each.resource === source) ?? -1;
      if (index >= 0) owned?.splice(index, 1);
    },
  };
}

function checkDemand(what: string, demand: unknown): asserts demand is Demand {
  const ok =
    demand === 'once' ||
    demand === true ||
    (typeof demand === 'number' && Number.isInteger(demand) && demand >= 0);
  if (!ok) throw badarg(`${what}: active`, "'once', true or a number of events", demand);
}

/**
 * Run a function of a module in the dirty pool: threads of their own, for work that computes long or
 * blocks. It is exported, or of the module's top level, or inline; then what it captures is copied, as
 * arguments and result are. It runs outside of any process.
 *
 * @returns what the function returns; fails with what it throws. Parks.
 */
export function dirty<A extends readonly unknown[], R>(
  fn: (...args: A) => R,
  ...args: NoInfer<A>
): Promise<Awaited<R>> {
  runningProcess('dirty');
  const scheduler = runningScheduler('dirty');
  if (typeof fn !== 'function' || funOf(fn) === undefined) {
    throw badarg('dirty: fn', 'a function of a module, or one made with fn()', fn);
  }
  const entry = copy(fn, 'fn') as EntryFunction;
  const copied = copy(args, 'arguments') as unknown[];
  return start(awaiting(scheduler.host.dirty(entry, copied))) as Task as unknown as Promise<
    Awaited<R>
  >;
}
