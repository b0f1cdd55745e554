/**
 * Local processes: how the main thread starts, asks and ends processes on a scheduler.
 *
 * Runs on the scheduler thread. What the host asks for runs in processes of their own, so that it has
 * the same isolation as everything else.
 */

import type { MessagePort } from 'node:worker_threads';
import { call } from '../../bif/call.js';
import { send } from '../../bif/send.js';
import { checkOptions } from '../../bif/spawn.js';
import type { RunOutcome } from '../../loader/scheduler-code.js';
import { type Packed, packed, unpackFunctions } from '../carried-functions.js';
import { copy } from '../copy.js';
import { awaiting, awaitValue, type Coroutine, PARK, start } from '../coroutine.js';
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
import { failed, type Outcome, succeeded } from './outcome.js';
import type { Entry } from './protocol.js';

export class LocalProcesses {
  readonly #scheduler: Scheduler;
  /** Exit reasons to come of processes that `spawnMonitor` started, until they are asked for. */
  readonly #monitored = new Map<Pid, Promise<unknown>>();

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
    const exited = new Promise((resolve) => {
      proc.more().onExit.push((reason) => resolve(copy(reason)));
    });
    this.#monitored.set(pid, exited);
    return spawned;
  }

  async exited(pid: Pid): Promise<Packed> {
    const exited = this.#monitored.get(pid) ?? Promise.resolve('noproc');
    this.#monitored.delete(pid);
    return packed(await exited);
  }

  run(entry: Entry, args: Packed, options: SpawnOptions): Promise<Outcome> {
    const given = unpackFunctions(args) as unknown[];
    const title = 'name' in entry ? new ExportFun(entry.module, entry.name) : 'host.run';
    return this.#runEntry(() => this.#entry(entry), title, given, options);
  }

  call(to: string, request: Packed, timeoutMs: number | undefined): Promise<Outcome> {
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
    let answered: (() => void) | undefined;
    port.on('message', () => answered?.());
    function* forwarding(): Coroutine<never> {
      for (;;) {
        const received = receive();
        const message = received === PARK ? yield : received;
        const taken = new Promise<void>((resolve) => {
          answered = resolve;
        });
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

  /** @returns whether it was gone in time */
  shutdown(pid: Pid, reason: unknown, timeoutMs: number): Promise<boolean> {
    const proc = this.#scheduler.processes.find(pid);
    if (proc === null) return Promise.resolve(true);
    return new Promise((resolve) => {
      const late = setTimeout(() => resolve(false), timeoutMs);
      proc.more().onExit.push(() => {
        clearTimeout(late);
        resolve(true);
      });
      sendExit(this.#scheduler, pid, pid, reason, false);
      this.#scheduler.followUp();
    });
  }

  killAll(reason: unknown): void {
    for (const proc of [...this.#scheduler.processes.all()])
      terminate(this.#scheduler, proc, reason);
  }

  /** Run a function in a process of its own, and say how that went. */
  runPlain(label: string, fn: () => unknown, ended: (outcome: RunOutcome) => void): void {
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
  ): Promise<Outcome> {
    const scheduler = this.#scheduler;
    return new Promise((resolve) => {
      let result: unknown;
      const started = this.#attempt(() => {
        checkHostOptions(options);
        const entry = entryOf();
        function* running(): Coroutine<void> {
          const now = awaitValue(entry(...(args as never[])));
          result = copy(now === PARK ? yield : now, 'result');
        }
        const runner: EntryFunction = () => start(running());
        // A report names the module whose function the host asked for, not this wrapper.
        if (typeof title === 'string') named(runner, title);
        else stampFun(runner, title);
        return spawnWith(scheduler, null, runner, [], { ...options, scheduler: scheduler.slot })
          .pid;
      });
      if (!started.ok) {
        resolve(started);
        return;
      }
      const proc = scheduler.processes.find(started.value.value as Pid) as Process;
      proc
        .more()
        .onExit.push((reason) =>
          resolve(reason === 'normal' ? succeeded(result) : failed(copy(reason))),
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
