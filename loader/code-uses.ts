/**
 * Code uses: which instances of modules the frames of a process are in.
 *
 * A frame is: a coroutine that waits, and all that wait for it in turn; plain code on the stack, where
 * others run on top of it; an entry function that has not run yet. A closure or a generator that is
 * merely held is none, as in Erlang (SEMANTICS 8.3).
 *
 * Nothing is counted while processes run. The generators tell their instance by their prototype, and
 * frames on the stack theirs by the name of their script; both are looked at when somebody asks.
 *
 * Source: OTP, ERTS, `erlang:check_process_code/2`.
 */

import { type CodeInstance, instanceOf } from '../runtime/code-instance.js';
import { context } from '../runtime/context.js';
import { type Task, waitersOf } from '../runtime/coroutine.js';
import { stacked } from '../runtime/preemption.js';
import { FRESH, type Process } from '../runtime/process.js';
import { callSites, PREEMPTED_BELOW } from './source-positions.js';

type Meant = (instance: CodeInstance) => boolean;

export interface Uses {
  /** Is one of the frames of the process in an instance that `isMeant` says yes to? */
  runs(proc: Process, isMeant: Meant): boolean;
}

/**
 * A look at the processes of this thread as they are now.
 *
 * @param entryInstance the instance that an entry function belongs to
 * @param byScript the instance of a script that V8 names
 */
export function lookAtUses(
  entryInstance: (fn: object) => CodeInstance | undefined,
  byScript: (script: string) => CodeInstance | undefined,
): Uses {
  const onStack = scriptsOnStack();
  return {
    runs(proc, isMeant) {
      for (const script of onStack.get(proc) ?? []) {
        const instance = byScript(script);
        if (instance !== undefined && isMeant(instance)) return true;
      }
      const entry = entryToRun(proc);
      const instance = entry === null ? undefined : entryInstance(entry);
      if (instance !== undefined && isMeant(instance)) return true;
      return someFrame(proc, isMeant);
    },
  };
}

/** The scripts of the frames on the stack, by the process that they belong to. */
function scriptsOnStack(): Map<Process, Set<string>> {
  const found = new Map<Process, Set<string>>();
  if (context.process === null && stacked.length === 0) return found;
  let level = stacked.length;
  let proc = context.process;
  for (const site of callSites()) {
    if (site.getFunctionName() === PREEMPTED_BELOW) {
      level -= 1;
      proc = stacked[level]?.proc ?? null;
      continue;
    }
    const script = site.getScriptNameOrSourceURL() as string | null;
    if (proc === null || !script?.startsWith('tsvm:')) continue;
    const scripts = found.get(proc) ?? new Set();
    found.set(proc, scripts.add(script));
  }
  return found;
}

/** What a process that has not begun, or that hibernates by no name, will run first. */
function entryToRun({ status, entry, extra }: Process): object | null {
  if (status === FRESH) return entry;
  const hibernating = extra?.hibernating ?? null;
  return hibernating !== null && hibernating.name === undefined ? hibernating.entry : null;
}

function someFrame(proc: Process, isMeant: Meant): boolean {
  const { receiver, extra, outside } = proc;
  if (receiver !== null && someOfChain(receiver, isMeant)) return true;
  for (let { ready } = proc; ready !== null; ready = ready.link)
    if (someOfChain(ready, isMeant)) return true;
  if (outside instanceof Set) {
    for (const task of outside) if (someOfChain(task, isMeant)) return true;
  } else if (outside !== null && someOfChain(outside, isMeant)) return true;
  if (extra !== null)
    for (const { task } of extra.receivers) if (someOfChain(task, isMeant)) return true;
  return someResumed(proc, isMeant);
}

/** What was resumed last, where plain code that it called is on the stack. */
function someResumed(proc: Process, isMeant: Meant): boolean {
  for (const { proc: below, resumed } of stacked)
    if (below === proc && resumed?.process === proc && someOfChain(resumed, isMeant)) return true;
  const { process, resumed } = context;
  return process === proc && resumed?.process === proc && someOfChain(resumed, isMeant);
}

/** A task and those that wait for it. Each waits for one other only, so no task is come upon twice. */
function someOfChain(first: Task, isMeant: Meant): boolean {
  let task = first;
  for (;;) {
    const instance = task.generator === null ? undefined : instanceOf(task.generator);
    if (instance !== undefined && isMeant(instance)) return true;
    const waiting = waitersOf(task);
    if (waiting === null) return false;
    if (Array.isArray(waiting)) return waiting.some((each) => someOfChain(each, isMeant));
    task = waiting;
  }
}
