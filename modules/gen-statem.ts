/**
 * gen-statem: a process that is a state machine: what it does with an event depends on its state.
 *
 * This is the side of who uses one; the process itself is `gen-statem-machine.ts`.
 *
 * The callbacks are the exports of a module, given as its namespace, so that each of them is looked up
 * when it is called. A module with `states` has handlers for each state (`state_functions` of OTP), one
 * with `handleEvent` has one function for all (`handle_event_function`).
 *
 * Source: OTP, module `gen_statem`; SEMANTICS 11.
 */

import {
  reply as answer,
  exitReason,
  exportName,
  type From,
  type Ref,
  self,
  upgrading,
} from 'tsvm';
import { checkModule, isFailure } from './behaviours.js';
import * as genServer from './gen-server.js';
import type { InitArgument, PlainName, ReplyTo, RequestOf, ServerRef } from './gen-server-types.js';
import * as genStatem from './gen-statem.js';
import type { AnyGiven } from './gen-statem-actions.js';
import { advance, type Callbacks, type Machine, serve } from './gen-statem-machine.js';
import { newTimeouts } from './gen-statem-timeouts.js';
import type { ReplyAction, Statem, StatemModule, StatemName } from './gen-statem-types.js';
import * as procLib from './proc-lib.js';
import { type BadReturnValue, presentable } from './reasons.js';
import { debugOptions, handleDebug } from './sys.js';
import type { Via } from './via.js';

export {
  type Answered,
  cast,
  checkResponse,
  RequestCollection,
  type RequestId,
  receiveResponse,
  reply,
  sendRequest,
  stop,
  waitResponse,
} from './gen-server.js';
export type {
  Action,
  EnterAction,
  EventGiven,
  GenStatem,
  HibernateAction,
  NextEventAction,
  PostponeAction,
  ReplyAction,
  Statem,
  StatemEvent,
  StatemMessage,
  StatemModule,
  StatemName,
  StatemTypes,
  Whole,
} from './gen-statem-types.js';
export { isStartError, StartError, shutdown } from './reasons.js';
export type { From };

export type StatemOptions = genServer.ServerOptions;

// ---- start --------------------------------------------------------------------------------------

/**
 * Start a machine that is linked to the caller, and wait until its `init` has returned.
 * `gen_statem:start_link/3,4`.
 *
 * @param module the callbacks, as `import * as door from './door.js'` gives them
 * @throws StartError with the reason: what `init` gave as `stop`, `'ignore'`, its failure, `timeout`,
 *   `{kind: 'already_started', pid}` (then `init` has not run)
 */
export function startLink<G extends StatemModule>(
  module: G,
  ...[argument, options]: StartArguments<G>
): Promise<Statem<G>> {
  return procLib.startLink(...startOf(module, argument, options)) as Promise<Statem<G>>;
}

/** As `startLink`, without the link. The machine has no parent then. `gen_statem:start/3,4`. */
export function start<G extends StatemModule>(
  module: G,
  ...[argument, options]: StartArguments<G>
): Promise<Statem<G>> {
  return procLib.start(...startOf(module, argument, options)) as Promise<Statem<G>>;
}

/** As `start`, with a monitor from the first moment. `gen_statem:start_monitor/3,4`. */
export async function startMonitor<G extends StatemModule>(
  module: G,
  ...[argument, options]: StartArguments<G>
): Promise<{ readonly pid: Statem<G>; readonly ref: Ref }> {
  const { value, ref } = await procLib.startMonitor(...startOf(module, argument, options));
  return { pid: value as Statem<G>, ref };
}

/** An `init` without a parameter needs no argument. */
type StartArguments<G> = [InitArgument<G>] extends [undefined]
  ? [argument?: undefined, options?: StatemOptions]
  : [argument: InitArgument<G>, options?: StatemOptions];

type Traits = Pick<StatemOptions, 'hibernateAfterMs' | 'debug'>;
type Entry = [procLib.StartOptions, typeof enter, object, unknown, Traits];

function startOf(module: object, argument: unknown, options: StatemOptions = {}): Entry {
  checkModule('gen-statem', module);
  const { hibernateAfterMs, debug, ...rest } = options;
  const traits: Traits = {
    ...(hibernateAfterMs !== undefined && { hibernateAfterMs }),
    ...(debug !== undefined && { debug }),
  };
  return [rest, genStatem.enter, module, argument, traits];
}

/** A registered name as a reference that knows what its machine takes. */
export function named<G>(name: string): StatemName<G> {
  return name as StatemName<G>;
}

// ---- asking -------------------------------------------------------------------------------------

interface CallFunction {
  <D extends ServerRef, const Q extends RequestOf<D>>(
    machine: D,
    request: Q,
    timeoutMs?: number,
  ): Promise<ReplyTo<D, Q>>;
  <R = unknown>(machine: PlainName | Via, request: unknown, timeoutMs?: number): Promise<R>;
}

/**
 * Ask and wait, for ever by default: an event may be postponed. `gen_statem:call/2,3`.
 *
 * @returns the reply that the type of the request decides
 * @throws exits with `{reason, call: machine}`: `noproc`, `timeout`, `calling_self` or what it ended with
 */
export const call: CallFunction = ((
  machine: PlainName,
  request: unknown,
  timeoutMs: number = Number.POSITIVE_INFINITY,
) => genServer.call(machine, request, timeoutMs)) as CallFunction;

/** The action that answers a call. `{reply, From, Reply}`. */
export function replyTo<R>(from: From<R>, reply: NoInfer<R>): ReplyAction {
  return { to: from, reply } as unknown as ReplyAction;
}

/** Answer several calls at once. `gen_statem:reply/1`. */
export function replyAll(replies: readonly ReplyAction[]): void {
  for (const { to, reply } of replies) answer(to, reply);
}

// ---- the process --------------------------------------------------------------------------------

/** What a machine runs first. */
export async function enter(
  module: object,
  argument: unknown,
  { hibernateAfterMs, debug }: Traits,
): Promise<void> {
  const machine: Machine = {
    module: module as Callbacks,
    parent: procLib.parent(),
    debug: debugOptions(debug),
    hibernateAfterMs: hibernateAfterMs ?? Number.POSITIVE_INFINITY,
    state: undefined,
    data: undefined,
    queue: [],
    postponed: [],
    timeouts: newTimeouts(),
    hibernate: false,
    event: null,
  };
  procLib.setInitialCall(`${exportName(module)?.module}.init`);
  const replaced = upgrading.use(module);
  if (replaced !== undefined) await replaced;
  await initialise(machine, argument);
  await serve(machine);
}

interface InitGiven extends AnyGiven {
  readonly state?: unknown;
  readonly ignore?: unknown;
}

async function initialise(machine: Machine, argument: unknown): Promise<void> {
  const { module } = machine;
  if ((module.states === undefined) === (module.handleEvent === undefined)) {
    procLib.initFail({ kind: 'bad_callback_mode', expected: 'either states or handleEvent' });
  }
  let given: InitGiven;
  try {
    given = (await module.init(argument)) as InitGiven;
  } catch (thrown) {
    if (!isFailure(thrown)) given = thrown as InitGiven;
    else {
      procLib.initFailed(exitReason(thrown));
      throw thrown;
    }
  }
  const isObject = typeof given === 'object' && given !== null;
  if (isObject && 'stop' in given) procLib.initFail(given.stop);
  if (isObject && given.ignore === true) procLib.initFail('ignore', 'normal');
  const isKnown =
    isObject &&
    'state' in given &&
    (module.states === undefined || Object.hasOwn(module.states, String(given.state)));
  if (!isKnown) {
    const reason: BadReturnValue = { kind: 'bad_return_value', value: presentable(given) };
    procLib.initFail(reason);
  }
  const { state, data, actions } = given;
  machine.state = state;
  machine.data = data;
  if (machine.debug.active) handleDebug(machine.debug, { type: 'state', state: { state, data } });
  procLib.initAck(self());
  await advance(machine, () => ({ keep: true, actions }), 'init');
}
