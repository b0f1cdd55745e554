/**
 * Local processes: how the main thread starts, asks and ends processes on a scheduler.
 *
 * Runs on the scheduler thread. What the host asks for runs in processes of their own, so that it has
 * the same isolation as everything else.
 */

import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { call } from '../../bif/call.js';
import { send } from '../../bif/send.js';
import { checkOptions } from '../../bif/spawn.js';
import type { RunOutcome } from '../../loader/scheduler-code.js';
import { type Packed, packed, unpackFunctions } from '../carried-functions.js';
import { context } from '../context.js';
import { copy } from '../copy.js';
import {
  awaiting,
  awaitValue,
  type Coroutine,
  calling,
  complete,
  declareCoroutines,
  PARK,
  pendingTask,
  start,
  type Task,
} from '../coroutine.js';
import { exitReasonOf } from '../crash.js';
import { sendExit } from '../delivery.js';
import { badarg, ExitError, ProcessError, UNWIND } from '../errors.js';
import { ExportFun, stampFun } from '../funs.js';
import type { EntryFunction } from '../hosting.js';
import { terminate } from '../lifecycle.js';
import type { Process } from '../process.js';
import { receive } from '../receive.js';
import type { Scheduler } from '../scheduler.js';
import { type SpawnOptions, spawnHere, spawnWith } from '../spawn.js';
import type { Pid } from '../terms.js';
import { Later } from './control.js';
import { failed, type Outcome, succeeded } from './outcome.js';
import type { Entry } from './protocol.js';

/** How a process ended, if it has, and who wants to know. */
interface Ending {
  reason: Packed | null;
  tell: ((reason: Packed) => void) | null;
}

export class LocalProcesses {
  readonly #scheduler: Scheduler;
  /** Of processes that `spawnMonitor` started, until it is asked how they ended. */
  readonly #monitored = new Map<Pid, Ending>();
  /** The ports of mailboxes, and what is to be done when the host has taken a message. */
  readonly #mailboxes = new Map<MessagePort, () => void>();

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  spawn(entry: Entry, args: Packed, options: SpawnOptions): Outcome {
    return this.#attempt(() => {
      checkHostOptions(options);
      const given = unpackFunctions(args) as unknown[];
      return spawnWith(this.#scheduler, null, this.#entry(entry), given, options).pid;
    });
  }

  spawnMonitor(entry: Entry, args: Packed, options: SpawnOptions): Outcome {
    const spawned = this.spawn(entry, args, options);
    if (!spawned.ok) return spawned;
    const pid = spawned.value.value as Pid;
    const proc = this.#scheduler.processes.find(pid) as Process;
    const ending: Ending = { reason: null, tell: null };
    proc.more().onExit.push((reason) => {
      ending.reason = packed(copy(reason));
      ending.tell?.(ending.reason);
    });
    this.#monitored.set(pid, ending);
    return spawned;
  }

  exited(pid: Pid): Packed | Later<Packed> {
    const ending = this.#monitored.get(pid);
    this.#monitored.delete(pid);
    if (ending === undefined) return packed('noproc');
    if (ending.reason !== null) return ending.reason;
    return new Later((answer) => {
      ending.tell = answer;
    });
  }

  run(entry: Entry, args: Packed, options: SpawnOptions): Outcome | Later<Outcome> {
    const given = unpackFunctions(args) as unknown[];
    const title = 'name' in entry ? new ExportFun(entry.module, entry.name) : 'host.run';
    return this.#runEntry(() => this.#entry(entry), title, given, options);
  }

  call(to: string, request: Packed, timeoutMs: number | undefined): Outcome | Later<Outcome> {
    const ask = (): EntryFunction => () => call(to, unpackFunctions(request), timeoutMs);
    return this.#runEntry(ask, 'call', [], {});
  }

  send(to: string, message: Packed): Outcome {
    const outcome = this.#attempt(() => send(to, unpackFunctions(message)));
    this.#scheduler.followUp();
    return outcome;
  }

  /** One message is under way at a time: the next is taken when the host has answered. */
  mailbox(port: MessagePort): Pid {
    let taken: Task | null = null;
    const answered = (): void => {
      if (taken !== null) complete(taken, undefined, false);
      taken = null;
    };
    port.on('message', answered);
    port.once('close', () => this.#mailboxes.delete(port));
    this.#mailboxes.set(port, answered);
    function* forwarding(): Coroutine<never> {
      for (;;) {
        const received = receive();
        const message = received === PARK ? yield : received;
        taken = pendingTask(context.process);
        port.postMessage(packed(message));
        if (awaitValue(taken) === PARK) yield;
      }
    }
    const entry = named(() => start(forwarding()), 'host.mailbox');
    const { pid } = spawnWith(this.#scheduler, null, entry, [], {
      scheduler: this.#scheduler.slot,
    });
    (this.#scheduler.processes.find(pid) as Process).more().owned = [
      { resource: port, close: () => port.close() },
    ];
    return pid;
  }

  /** Look what the host has taken out of mailboxes, where the event loop does not get its turn. */
  poll(): void {
    for (const [port, answered] of this.#mailboxes)
      if (receiveMessageOnPort(port) !== undefined) answered();
  }

  shutdown(pid: Pid, reason: unknown): Later<void> | undefined {
    const proc = this.#scheduler.processes.find(pid);
    if (proc === null) return undefined;
    return new Later((answer) => {
      proc.more().onExit.push(() => answer());
      sendExit(this.#scheduler, pid, pid, reason, false);
      this.#scheduler.followUp();
    });
  }

  killAll(reason: unknown): void {
    for (const proc of [...this.#scheduler.processes.all()])
      terminate(this.#scheduler, proc, reason);
  }

  /** Run a function in a process of its own, and say how that went. */
  runPlain(label: string, fn: () => unknown, ended: (outcome: RunOutcome) => void): Process {
    const scheduler = this.#scheduler;
    let outcome: RunOutcome | null = null;
    function* running(): Coroutine<void> {
      try {
        outcome = { kind: 'returned', value: yield* awaiting(fn()) };
      } catch (error) {
        if (error === UNWIND || error instanceof ExitError) throw error;
        outcome = { kind: 'threw', error };
      }
    }
    const entry = named(() => start(running()), label);
    const proc = spawnHere(scheduler, null, entry, []);
    proc.more().onExit.push((reason) => ended(outcome ?? { kind: 'ended', reason }));
    return proc;
  }

  #entry(given: Entry): EntryFunction {
    if (!('name' in given)) return unpackFunctions(given) as EntryFunction;
    const { module, name } = given;
    const entry = this.#scheduler.code.lookup(module, name);
    if (entry === undefined)
      throw new ProcessError('undef', `${module}.${name} is not an exported function`);
    return entry;
  }

  #runEntry(
    entryOf: () => EntryFunction,
    title: ExportFun | string,
    args: unknown[],
    options: SpawnOptions,
  ): Outcome | Later<Outcome> {
    const scheduler = this.#scheduler;
    let result: unknown;
    const started = this.#attempt(() => {
      checkHostOptions(options);
      const entry = entryOf();
      function* running(): Coroutine<void> {
        result = copy(yield* calling(entry, args), 'result');
      }
      const runner: EntryFunction = () => start(running());
      // A report names the module whose function the host asked for, not this wrapper.
      if (typeof title === 'string') named(runner, title);
      else stampFun(runner, title);
      declareCoroutines(runner);
      return spawnWith(scheduler, null, runner, [], { ...options, scheduler: scheduler.slot }).pid;
    });
    if (!started.ok) return started;
    const proc = scheduler.processes.find(started.value.value as Pid) as Process;
    return new Later((answer) => {
      proc
        .more()
        .onExit.push((reason) =>
          answer(reason === 'normal' ? succeeded(result) : failed(copy(reason))),
        );
    });
  }

  #attempt(action: () => unknown): Outcome {
    try {
      return succeeded(action());
    } catch (error) {
      return failed(exitReasonOf(error));
    }
  }
}

/** The host is no process: it can neither be linked nor get a `Down` message. */
function checkHostOptions(options: SpawnOptions): void {
  checkOptions(options);
  for (const key of ['link', 'monitor'] as const) {
    if (options[key] === true) {
      throw badarg(
        `spawn: ${key}`,
        'false: the host program is no process; see Vm.spawnMonitor',
        true,
      );
    }
  }
}

function named(entry: EntryFunction, name: string): EntryFunction {
  return Object.defineProperty(entry, 'name', { value: name });
}
