/**
 * Standstill: holding the processes that use some modules, while those are replaced and their states
 * are translated. One scheduler's side; the code server leads all of them through it.
 *
 * A behaviour says which callback modules a process uses (`useModule`), so that they are found exactly,
 * supervised or not. One that is to stand still gets a message before all others, reports when it has
 * come to it (`stand`), and takes nothing else until a second message lets it go on. In between the code
 * server may have its state translated: by a coroutine of its own in that process, which sees the code
 * that is to become current, and which is abandoned when it takes too long.
 *
 * Phases of a process: asked → resting → changing → changed or failed → leaving; `gone` when it has died.
 *
 * Invariants:
 *  1. While a standstill is closed, no process begins to use one of its modules: it waits until the end.
 *     Broken, a process would begin with the old code and go on in the new one, its state untranslated.
 *  2. Only the slices of processes that are changing see the code to come, and each slice sees either all
 *     of it or none.
 *  3. A process keeps its state until it is told to take the new one; what is translated is a copy.
 *
 * Source: OTP, `release_handler`, "Release Handling" › `update`; module `sys`, `sys:suspend/1`,
 * `sys:change_code/4`; SEMANTICS 8.7, 9.
 */

import { abandon } from './abandon.js';
import { context } from './context.js';
import { awaiting, type Coroutine, complete, makeReady, pendingTask, Task } from './coroutine.js';
import { exitReasonOf } from './crash.js';
import { isCrash } from './crash-reason.js';
import { deliverFirst } from './delivery.js';
import { UNWIND } from './errors.js';
import { initialCall } from './initial-call.js';
import { moduleOfTable } from './module-tables.js';
import { unwound } from './preemption.js';
import type { Process } from './process.js';
import type { Scheduler } from './scheduler.js';
import type { Pid } from './terms.js';
import { Timer } from './timers.js';

/** What is to be done with the state of a process because of one module. */
export interface ChangeStep {
  readonly module: string;
  /** `back`: nothing can translate it; it goes back to what it was before the upgrade that is undone. */
  readonly direction: 'up' | 'down' | 'back';
  /** Up: the version that the state is of. Down: the version that it is to be of. */
  readonly version: unknown;
  readonly extra: unknown;
  /** Processes with a greater one are translated after all with a smaller one. */
  readonly wave: number;
}

/** Gives the translated state; may wait. */
export type Translate = (steps: readonly ChangeStep[]) => unknown;

/** A process that kept others waiting, or whose state could not be translated. */
export interface TroubledProcess {
  readonly process: Pid;
  readonly name: string | null;
  readonly initialCall: string;
  readonly reason: unknown;
}

export interface Rest {
  /** How many have not come to rest; 0: all stand still. */
  readonly busy: number;
  /** How often the one that was late most often was late. */
  readonly rank: number;
  /** The first of them. */
  readonly who: readonly TroubledProcess[];
}

export interface Changes {
  readonly changed: number;
  readonly failed: number;
  /** The first of them. */
  readonly failures: readonly TroubledProcess[];
}

/** Which state a process goes on with: the translated one, its own, or the one before the upgrade. */
type Keep = 'new' | 'old' | 'before';

type Phase = 'asked' | 'resting' | 'changing' | 'changed' | 'failed' | 'leaving' | 'gone';

/** One process of a standstill. */
export interface Standing {
  readonly proc: Process;
  readonly message: object;
  phase: Phase;
  translate: Translate | null;
  state: unknown;
  reason: unknown;
  task: Task | null;
  timer: Timer | null;
  /** The coroutine sees the code to come; `showNext` changes it. */
  seesNext: boolean;
  keep: Keep;
  /** The process has ended. */
  readonly died: (reason: unknown) => void;
}

export interface StandstillOptions {
  readonly upgrade: number;
  readonly modules: readonly string[];
  /** Let the export tables of this thread show the code to come, or no longer. */
  readonly show: (next: boolean) => void;
}

const SHOWN = 10;
/** A process that does not take its last message within this time is busy with something that others asked of it. */
const LEAVE_MS = 1000;

export class Standstill {
  readonly #scheduler: Scheduler;
  readonly #options: StandstillOptions;
  readonly #standing: Map<Process, Standing> = new Map();
  /** How often a process was the one that others waited for. */
  readonly #ranks: WeakMap<Process, number> = new WeakMap();
  /** Processes that may not begin to use the modules yet. */
  #held: Task[] = [];
  #closed = false;
  #showing = false;
  #progress: (() => void) | null = null;
  /** How many processes are in each phase. */
  readonly #counts: Record<Phase, number> = {
    asked: 0,
    resting: 0,
    changing: 0,
    changed: 0,
    failed: 0,
    leaving: 0,
    gone: 0,
  };

  constructor(scheduler: Scheduler, options: StandstillOptions) {
    this.#scheduler = scheduler;
    this.#options = options;
    standstill = this;
  }

  // ---- coming to rest -----------------------------------------------------------------------------

  /**
   * Ask those who were late at least `rank` times to stand still.
   *
   * @param closes nobody else may begin to use the modules from now on
   * @param stallMs answer when so long nobody more has come to rest
   */
  rest(rank: number, closes: boolean, stallMs: number, answer: (rest: Rest) => void): void {
    if (closes) this.#closed = true;
    for (const proc of this.#scheduler.processes.all()) {
      if (!this.#isMeant(proc) || this.#standing.has(proc)) continue;
      if ((this.#ranks.get(proc) ?? 0) >= rank) this.#ask(proc);
    }
    let timer: Timer | null = null;
    const { timers } = this.#scheduler;
    const finish = (): void => {
      this.#progress = null;
      if (timer !== null) timers.cancel(timer);
      answer(this.#restNow());
    };
    const watch = (): void => {
      if (timer !== null) timers.cancel(timer);
      timer = new Timer(this.#scheduler.now() + stallMs, finish, null);
      timers.start(timer);
    };
    this.#progress = () => (this.#counts.asked === 0 ? finish() : watch());
    this.#progress();
  }

  #enter(standing: Standing, phase: Phase): void {
    this.#counts[standing.phase] -= 1;
    standing.phase = phase;
    this.#counts[phase] += 1;
  }

  #isMeant({ extra }: Process): boolean {
    return extra?.uses?.some((table) => this.affects(table)) ?? false;
  }

  /** Is this the table of a module that is being replaced? */
  affects(table: object): boolean {
    return this.#options.modules.includes(moduleOfTable(table) ?? '');
  }

  /** A process begins to use one of the modules. @returns what it has to wait for */
  join(proc: Process): Task | null {
    // Whoever comes before it is closed is asked when it is.
    if (!this.#closed || this.#standing.has(proc)) return null;
    const task = pendingTask<undefined>(proc) as Task;
    this.#held.push(task);
    return task;
  }

  #ask(proc: Process): void {
    const extra = proc.more();
    const request = { op: 'stand_still', standing: null as Standing | null };
    const standing: Standing = {
      proc,
      message: { type: '$system', from: null, request },
      phase: 'asked',
      translate: null,
      state: undefined,
      reason: undefined,
      task: null,
      timer: null,
      seesNext: false,
      keep: 'old',
      died: (reason) => this.#died(standing, reason),
    };
    this.#counts.asked += 1;
    request.standing = standing;
    extra.standing = standing;
    this.#standing.set(proc, standing);
    deliverFirst(this.#scheduler, proc, standing.message);
  }

  #restNow(): Rest {
    const late = [...this.#standing.values()].filter(({ phase }) => phase === 'asked');
    let rank = 0;
    for (const { proc } of late) {
      const own = (this.#ranks.get(proc) ?? 0) + 1;
      this.#ranks.set(proc, own);
      rank = Math.max(rank, own);
    }
    return {
      busy: late.length,
      rank,
      who: late.slice(0, SHOWN).map(({ proc }) => troubled(proc, 'busy')),
    };
  }

  /** A process has come to it. @returns whether it is to stand still, or that was called off */
  stand(standing: Standing, translate: Translate): boolean {
    if (standing.phase !== 'asked') return false;
    standing.translate = translate;
    this.#enter(standing, 'resting');
    this.#progress?.();
    return true;
  }

  // ---- translating --------------------------------------------------------------------------------

  /** Translate the states of a wave of the processes that stand still. None takes its new one yet. */
  change(
    steps: readonly ChangeStep[],
    wave: number,
    limitMs: number,
    answer: (changes: Changes) => void,
  ): void {
    for (const standing of this.#standing.values()) {
      if (standing.phase !== 'resting') continue;
      const { proc } = standing;
      const used = proc.extra?.uses?.map((table) => moduleOfTable(table)) ?? [];
      const own = steps.filter(({ module }) => used.includes(module));
      if (Math.max(...own.map((step) => step.wave)) !== wave) continue;
      if (own.some(({ direction }) => direction === 'back')) {
        standing.keep = 'before';
        this.#enter(standing, 'changed');
        continue;
      }
      standing.keep = 'new';
      standing.seesNext = own.some(({ direction }) => direction === 'up');
      this.#enter(standing, 'changing');
      standing.task = new Task(this.#changing(standing, own, limitMs), proc);
      makeReady(standing.task, undefined, false);
    }
    this.#scheduler.standstill = this;
    this.#progress = () => {
      if (this.#counts.changing > 0) return;
      this.#progress = null;
      this.look(null);
      this.#scheduler.standstill = null;
      answer(this.#changesNow());
    };
    this.#progress();
  }

  *#changing(
    standing: Standing,
    steps: readonly ChangeStep[],
    limitMs: number,
  ): Coroutine<undefined> {
    const { timers } = this.#scheduler;
    const timer = new Timer(
      this.#scheduler.now() + limitMs,
      () => this.#late(standing, limitMs),
      null,
    );
    standing.timer = timer;
    timers.start(timer);
    try {
      standing.state = yield* awaiting((standing.translate as Translate)(steps));
      this.#settled(standing, 'changed', undefined);
    } catch (error) {
      if (error === UNWIND) {
        unwound(standing.proc);
        throw error;
      }
      this.#settled(standing, 'failed', exitReasonOf(error));
    }
    return undefined;
  }

  #late(standing: Standing, limitMs: number): void {
    if (standing.phase !== 'changing') return;
    abandon(this.#scheduler, standing.proc, standing.task as Task);
    this.#settled(standing, 'failed', { kind: 'timeout', limitMs });
  }

  #settled(standing: Standing, phase: 'changed' | 'failed', reason: unknown): void {
    if (standing.phase !== 'changing') return;
    this.#enter(standing, phase);
    standing.reason = reason;
    this.#forgetTimer(standing);
    this.#progress?.();
  }

  #forgetTimer(standing: Standing): void {
    if (standing.timer !== null) this.#scheduler.timers.cancel(standing.timer);
    standing.timer = null;
  }

  #changesNow(): Changes {
    const all = [...this.#standing.values()];
    const failed = all.filter(({ phase }) => phase === 'failed');
    return {
      changed: all.filter(({ phase }) => phase === 'changed').length,
      failed: failed.length,
      failures: failed.slice(0, SHOWN).map(({ proc, reason }) => troubled(proc, reason)),
    };
  }

  /** A slice of this process begins, or goes on; null: what runs is no process. */
  look(proc: Process | null): void {
    const standing = proc?.extra?.standing ?? null;
    const next = standing !== null && standing.phase === 'changing' && standing.seesNext;
    if (next === this.#showing) return;
    this.#showing = next;
    this.#options.show(next);
  }

  // ---- going on -----------------------------------------------------------------------------------

  /**
   * Let all go on.
   *
   * @param done with what was translated; else as they were
   * @param undoable each keeps the state it had, until `forgetStates`
   * @param answer when all have gone on
   */
  release(done: boolean, undoable: boolean, answer: () => void): void {
    this.#closed = false;
    for (const task of this.#held) complete(task, undefined, false);
    this.#held = [];
    for (const standing of this.#standing.values()) this.#letGo(standing, done, undoable);
    const { timers } = this.#scheduler;
    const finish = (): void => {
      timers.cancel(timer);
      this.#progress = null;
      answer();
    };
    const timer = new Timer(this.#scheduler.now() + LEAVE_MS, finish, null);
    timers.start(timer);
    this.#progress = () => this.#standing.size === 0 && finish();
    this.#progress();
  }

  #letGo(standing: Standing, done: boolean, undoable: boolean): void {
    const { proc, phase, message } = standing;
    if (phase === 'asked' || proc.isDead) {
      proc.mailbox?.rewind();
      proc.mailbox?.remove((each) => each === message);
      this.#left(standing);
      return;
    }
    if (!done) standing.keep = 'old';
    if (standing.keep === 'before' && proc.extra?.before == null) {
      // Born after the upgrade that is undone: it never had a state that the code to come understands.
      this.#left(standing);
      this.#scheduler.terminate(proc, 'rolled_back');
      return;
    }
    this.#enter(standing, 'leaving');
    const request = { op: 'go_on', standing, undoable };
    deliverFirst(this.#scheduler, proc, { type: '$system', from: null, request });
  }

  /** The process goes on. @returns the state to go on with */
  leave(standing: Standing, own: unknown, undoable: boolean): unknown {
    const { proc, keep, state } = standing;
    const extra = proc.more();
    const { before } = extra;
    const { upgrade } = this.#options;
    this.#left(standing);
    if (keep === 'before') {
      extra.before = null;
      return before === null ? own : before.state;
    }
    if (undoable) extra.before = { upgrade, state: own };
    return keep === 'new' ? state : own;
  }

  #left(standing: Standing): void {
    const { proc } = standing;
    this.#enter(standing, 'gone');
    this.#standing.delete(proc);
    const { extra } = proc;
    if (extra?.standing === standing) extra.standing = null;
    this.#progress?.();
  }

  #died(standing: Standing, reason: unknown): void {
    if (this.#standing.get(standing.proc) !== standing) return;
    this.#forgetTimer(standing);
    // Killed from outside it merely is no more; but what its own translation did to it is a failure of that.
    if (standing.phase === 'changing' && isCrash(reason)) {
      this.#settled(standing, 'failed', reason);
      return;
    }
    if (standing.phase !== 'failed') this.#left(standing);
  }

  /** It is over. */
  end(): void {
    standstill = null;
  }
}

/** The upgrade is not to be undone any more. */
export function forgetStates(scheduler: Scheduler, upgrade: number): void {
  for (const { extra } of scheduler.processes.all()) {
    if (extra?.before?.upgrade === upgrade) extra.before = null;
  }
}

/** How many processes use a module. */
export function usersOf(scheduler: Scheduler, module: string): number {
  let count = 0;
  for (const { extra } of scheduler.processes.all()) {
    if (extra?.uses?.some((table) => moduleOfTable(table) === module)) count += 1;
  }
  return count;
}

/** The one that this scheduler takes part in. */
let standstill: Standstill | null = null;

export function currentStandstill(): Standstill | null {
  return standstill;
}

function troubled(proc: Process, reason: unknown): TroubledProcess {
  return {
    process: proc.pid,
    name: proc.extra?.name ?? null,
    initialCall: initialCall(proc),
    reason,
  };
}

/**
 * The running process uses a module: it takes part when that is replaced.
 *
 * @returns what it has to wait for first, as that happens just now
 */
export function useModule(proc: Process, table: object): Task | null {
  const extra = proc.more();
  if (extra.uses === null) extra.uses = [table];
  else if (!extra.uses.includes(table)) extra.uses = [...extra.uses, table];
  return standstill?.affects(table) ? standstill.join(proc) : null;
}

/** The running process uses it no more. */
export function disuseModule(proc: Process, table: object): void {
  const extra = proc.more();
  extra.uses = extra.uses?.filter((each) => each !== table) ?? null;
}

/** For a translation: see the code that is to become current, or the one that is. */
export function showNext(proc: Process, next: boolean): void {
  const standing = proc.extra?.standing ?? null;
  if (standing === null) return;
  standing.seesNext = next;
  context.scheduler?.standstill?.look(proc);
}
