/**
 * The machine process: takes events, calls what the state has for them, and makes the transitions.
 *
 * After a callback, in this order: replies and actions, the enter call of a new state (and what that
 * asks for), postponing this event, putting back what was postponed if the state has changed, inserted
 * events in front of it, time-outs. Then the next event: of the queue, then of time-outs of 0 ms, and
 * only then of the mailbox.
 *
 * Invariants:
 *  1. `queue` holds events in the order in which they will be handled; while it is not empty nothing is
 *     received, not even a system message.
 *  2. An event is in `queue`, in `postponed`, is the one being handled, or is done with.
 *  3. `state` and `data` change only by what callbacks give.
 *
 * Source: OTP, module `gen_statem`; SEMANTICS 11.
 */

import {
  reply as answer,
  type Call,
  crashDetails,
  type ErrorReason,
  exit,
  exitReason,
  type From,
  hibernate,
  log,
  type Pid,
  ProcessError,
  receive,
  TIMEOUT,
} from 'tsvm';
import { isFailure, moduleName } from './behaviours.js';
import { type AnyCodeChange, translate } from './code-change.js';
import {
  type AnyGiven,
  badReturn,
  callEvent,
  castEvent,
  type Event,
  noWishes,
  type Place,
  readActions,
  type Wishes,
} from './gen-statem-actions.js';
import * as statemMachine from './gen-statem-machine.js';
import {
  cancelTimeout,
  changeTimeout,
  EVENT_TIMEOUT,
  firedBy,
  nextDue,
  STATE_TIMEOUT,
  type Timeouts,
} from './gen-statem-timeouts.js';
import { isOrderly, kindOf, presentable, same } from './reasons.js';
import {
  type Debug,
  handleDebug,
  handleSystemMessage,
  isExitOf,
  isSystemMessage,
  type Systemic,
} from './sys.js';

type Handler = (content: unknown, ...rest: unknown[]) => unknown;
type Table = Readonly<Record<string, Handler | undefined>>;

interface StateHandlers {
  readonly enter?: Handler;
  readonly call?: Table;
  readonly cast?: Table;
  readonly timeout?: Table;
  readonly info?: Handler;
  readonly internal?: Handler;
  readonly stateTimeout?: Handler;
  readonly eventTimeout?: Handler;
}

/** A callback module as the machine calls it: what it really takes is known to the compiler only. */
export interface Callbacks {
  readonly init: (argument: unknown) => unknown;
  readonly states?: Readonly<Record<string, StateHandlers>>;
  readonly common?: StateHandlers;
  readonly handleEvent?: Handler;
  readonly handleEnter?: Handler;
  readonly terminate?: (reason: unknown, whole: Whole) => unknown;
  readonly codeChange?: AnyCodeChange;
  readonly formatStatus?: (whole: Whole) => unknown;
}

export interface Whole {
  readonly state: unknown;
  readonly data: unknown;
}

/** All there is of a machine. It stays within its process. */
export interface Machine {
  readonly module: Callbacks;
  readonly parent: Pid | undefined;
  readonly debug: Debug;
  readonly hibernateAfterMs: number;
  state: unknown;
  data: unknown;
  /** What is handled before a message is received, next first. */
  queue: Event[];
  /** What waits for another state, oldest first. */
  postponed: Event[];
  readonly timeouts: Timeouts;
  hibernate: boolean;
  /** What the callback that runs now works on; null for `init` and enter calls of it. */
  event: Event | null;
}

/**
 * The loop of a machine. Entered anew after each hibernation, and to move to a new version of this
 * module.
 */
export async function serve(machine: Machine): Promise<void> {
  const { parent, hibernateAfterMs } = machine;
  for (;;) {
    let event = machine.queue.shift() ?? nextDue(machine.timeouts);
    if (event === undefined) {
      if (machine.hibernate || statemMachine.serve !== serve) {
        machine.hibernate = false;
        return await hibernate(statemMachine.serve, machine);
      }
      const isPatient = hibernateAfterMs === Number.POSITIVE_INFINITY;
      const message = isPatient ? await receive() : await receive(undefined, hibernateAfterMs);
      if (message === TIMEOUT) {
        machine.hibernate = true;
        continue;
      }
      if (isSystemMessage(message)) {
        const whole = await handleSystemMessage(message, wholeOf(machine), systemic(machine));
        machine.state = whole.state;
        machine.data = whole.data;
        continue;
      }
      if (parent !== undefined && isExitOf(message, parent)) {
        machine.event = null;
        await end(machine, message.reason, null);
      }
      event = firedBy(machine.timeouts, message) ?? eventOf(message);
      if (machine.debug.active) handleDebug(machine.debug, { type: 'in', message });
    }
    await handle(machine, event);
  }
}

function eventOf(message: unknown): Event {
  const { type, from, request } = (message ?? {}) as Partial<Call<unknown, unknown>>;
  if (type === 'call' && typeof from?.alias === 'string') return callEvent(request, from);
  if ((type as string) === '$cast') return castEvent(request);
  return { type: 'info', message };
}

async function handle(machine: Machine, event: Event): Promise<void> {
  machine.event = event;
  // Any event at all ends the silence that an event time-out waits for.
  if (machine.timeouts.running.has(EVENT_TIMEOUT)) {
    await cancelTimeout(machine.timeouts, EVENT_TIMEOUT);
  }
  await advance(machine, () => dispatch(machine, event), 'event');
}

/**
 * Run a callback and make the transition that it asks for.
 *
 * @param place `'init'` for what `init` gave: the first state begins, whatever it is
 */
export async function advance(
  machine: Machine,
  callback: () => unknown,
  place: 'event' | 'init',
): Promise<void> {
  let stop: Stopping | null;
  try {
    stop = await transition(machine, await givenBy(callback), place);
  } catch (thrown) {
    return await end(machine, exitReason(thrown), { thrown });
  }
  if (stop !== null) await end(machine, stop.stop, null);
}

interface Stopping {
  readonly stop: unknown;
}

async function transition(
  machine: Machine,
  given: AnyGiven,
  place: 'event' | 'init',
): Promise<Stopping | null> {
  const wishes = noWishes();
  const before = machine.state;
  const taken = take(machine, given, place, wishes);
  if (typeof taken === 'object') return taken;
  const isChanged = place === 'init' || !same(machine.state, before);
  if (isChanged || taken === 'repeat') {
    const stop = await enterState(machine, place === 'init' ? machine.state : before, wishes);
    if (stop !== null) return stop;
  }
  await settle(machine, wishes, isChanged);
  return null;
}

/** What is thrown but is no error counts as returned. */
async function givenBy(callback: () => unknown): Promise<AnyGiven> {
  try {
    return (await callback()) as AnyGiven;
  } catch (thrown) {
    if (isFailure(thrown)) throw thrown;
    return thrown as AnyGiven;
  }
}

/** Take over state and data and carry out the actions. */
function take(
  machine: Machine,
  given: AnyGiven,
  place: Place,
  wishes: Wishes,
): Stopping | 'repeat' | 'go on' {
  if (typeof given !== 'object' || given === null) return badReturn(given);
  const isEnd = 'stop' in given;
  const kinds = [given.keep === true, given.repeat === true, 'next' in given, isEnd];
  if (kinds.filter(Boolean).length !== 1) return badReturn(given);
  if ('next' in given && !isState(machine, given.next)) return badReturn(given);
  // An enter call can name its own state only.
  if (place === 'enter' && 'next' in given && !same(given.next, machine.state)) badReturn(given);
  const from = place === 'event' && machine.event?.type === 'call' ? machine.event.from : undefined;
  if ('reply' in given && from === undefined) return badReturn(given);
  if ('data' in given) machine.data = given.data;
  if (from !== undefined && 'reply' in given) respond(machine, from, given.reply);
  readActions(given.actions, isEnd ? 'stop' : place, wishes, (to, value) =>
    respond(machine, to, value),
  );
  if (isEnd) return { stop: given.stop };
  if ('next' in given) machine.state = given.next;
  return given.repeat === true ? 'repeat' : 'go on';
}

function isState({ module: { states } }: Machine, state: unknown): boolean {
  return states === undefined || (typeof state === 'string' && Object.hasOwn(states, state));
}

/** The enter call of the present state, and again as long as it asks for that. */
async function enterState(
  machine: Machine,
  from: unknown,
  wishes: Wishes,
): Promise<Stopping | null> {
  const { module } = machine;
  for (let before = from; ; before = machine.state) {
    const { state, data } = machine;
    const enter = module.states?.[state as string]?.enter;
    const { handleEnter } = module;
    if (enter === undefined && handleEnter === undefined) return null;
    const given = await givenBy(() =>
      enter === undefined ? handleEnter?.(before, state, data) : enter(before, data),
    );
    const taken = take(machine, given, 'enter', wishes);
    if (typeof taken === 'object') return taken;
    if (taken !== 'repeat') return null;
  }
}

/** The rest of a transition: the queue, then the time-outs. */
async function settle(machine: Machine, wishes: Wishes, isChanged: boolean): Promise<void> {
  const { event, timeouts } = machine;
  if (wishes.postpone && event !== null) machine.postponed.push(event);
  if (isChanged) {
    await cancelTimeout(timeouts, STATE_TIMEOUT);
    if (machine.postponed.length > 0) {
      machine.queue = [...machine.postponed, ...machine.queue];
      machine.postponed = [];
    }
  }
  if (wishes.inserted.length > 0) machine.queue.unshift(...wishes.inserted);
  for (const change of wishes.timeouts) await changeTimeout(timeouts, change);
  machine.hibernate = wishes.hibernate;
  if (machine.debug.active) handleDebug(machine.debug, { type: 'state', state: wholeOf(machine) });
}

// ---- callbacks ----------------------------------------------------------------------------------

function dispatch(machine: Machine, event: Event): unknown {
  const { module, state, data } = machine;
  if (module.states === undefined) return module.handleEvent?.(event, state, data);
  const own = handlerOf(module.states[state as string], event);
  const handler = own ?? handlerOf(module.common, event);
  if (handler === undefined) return unhandled(machine, event);
  const content = contentOf(event);
  // A common handler serves all states, so it is told which one it is.
  const rest = own === undefined ? [state] : [];
  if (event.type === 'call') return handler(content, data, event.from, ...rest);
  return handler(content, data, ...rest);
}

function handlerOf(handlers: StateHandlers | undefined, event: Event): Handler | undefined {
  if (handlers === undefined) return undefined;
  switch (event.type) {
    case 'call':
    case 'cast':
    case 'timeout': {
      const table = handlers[event.type];
      const { name } = event;
      const isThere = typeof name === 'string' && table !== undefined && Object.hasOwn(table, name);
      return isThere ? table[name] : undefined;
    }
    case 'state_timeout':
      return handlers.stateTimeout;
    case 'event_timeout':
      return handlers.eventTimeout;
    default:
      return handlers[event.type];
  }
}

function contentOf(event: Event): unknown {
  if ('request' in event) return event.request;
  return event.type === 'info' ? event.message : event.content;
}

function unhandled({ module, state }: Machine, event: Event): unknown {
  if (event.type === 'info') {
    log.warning(`${moduleName(module)}: a message that nobody handles in state ${String(state)}`, {
      domain: ['otp'],
      message: presentable(event.message),
    });
    return { keep: true };
  }
  const name = 'name' in event ? ` ${String(event.name)}` : '';
  throw new ProcessError('undef', `state ${String(state)} has nothing for ${event.type}${name}`);
}

function respond({ debug }: Machine, from: From<unknown>, value: unknown): void {
  answer(from, value);
  if (debug.active) handleDebug(debug, { type: 'out', message: value, to: from.pid });
}

// ---- the end ------------------------------------------------------------------------------------

/** @param cause what was thrown, to be thrown again once `terminate` has run */
async function end(
  machine: Machine,
  reason: unknown,
  cause: { readonly thrown: unknown } | null,
): Promise<never> {
  const { module, event } = machine;
  let last = cause;
  try {
    await module.terminate?.(withoutStack(reason), wholeOf(machine));
  } catch (thrown) {
    // A terminate that fails gives the machine its own reason to end.
    if (isFailure(thrown)) last = { thrown };
  }
  if (last !== null || !isOrderly(reason)) {
    crashDetails({
      module: moduleName(module),
      state: formatted(machine, wholeOf(machine)),
      lastMessage: event,
      client: event?.type === 'call' ? event.from.pid : undefined,
      queue: machine.queue,
      postponed: machine.postponed,
    });
  }
  if (last !== null) throw last.thrown;
  return exit(reason);
}

/** As in OTP `terminate` is told the error itself; where it came from is in the exit reason. */
function withoutStack(reason: unknown): unknown {
  if (kindOf(reason) !== 'error') return reason;
  const { stack, ...error } = reason as ErrorReason;
  void stack;
  return error;
}

function wholeOf({ state, data }: Machine): Whole {
  return { state, data };
}

function formatted({ module }: Machine, whole: Whole): unknown {
  try {
    return module.formatStatus === undefined ? whole : module.formatStatus(whole);
  } catch {
    // The report is about another failure, which this one must not hide.
    return '(formatStatus failed)';
  }
}

function systemic(machine: Machine): Systemic<Whole> {
  const { module, parent, debug } = machine;
  return {
    behaviour: 'tsvm/gen-statem',
    module,
    parent,
    debug,
    userState: (whole) => whole,
    withUserState: (_whole, user) => user as Whole,
    formatState: (whole) => formatted(machine, whole),
    async codeChange(whole, version, extra) {
      return ((await translate(module.codeChange, version, whole, extra)) ?? whole) as Whole;
    },
    terminate(whole, reason) {
      machine.state = whole.state;
      machine.data = whole.data;
      machine.event = null;
      return end(machine, reason, null);
    },
  };
}
