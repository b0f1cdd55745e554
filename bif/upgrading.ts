/**
 * Upgrading: what a behaviour tells the machine so that its processes can be upgraded with their state.
 *
 * For who writes a behaviour; `tsvm/sys` and `tsvm/proc-lib` call these for all others.
 *
 * Source: OTP, module `sys`, `Mod:system_code_change/4`; in OTP the modules of a process are found by the
 * child specification of its supervisor (`modules`), here the process says them.
 */

import { runningProcess } from '../runtime/context.js';
import { badarg } from '../runtime/errors.js';
import { moduleOfTable, tableOfModule } from '../runtime/module-tables.js';
import { snapshot as copyOf } from '../runtime/snapshot.js';
import {
  type ChangeStep,
  currentStandstill,
  disuseModule,
  type Standing,
  showNext,
  type Translate,
  useModule,
} from '../runtime/standstill.js';

export type { ChangeStep, Standing, Translate };

/**
 * The calling process calls a module's callbacks from now on: when that is replaced by a version with
 * `codeChange`, the process takes part.
 *
 * @returns undefined, or what to await before the first callback: the module is being replaced just now
 */
export function use(module: object): Promise<void> | undefined {
  const proc = runningProcess('upgrading.use');
  if (typeof module !== 'object' || module === null || moduleOfTable(module) === undefined) {
    throw badarg(
      'upgrading.use: module',
      "a module, as import * as m from './m.js' gives it",
      module,
    );
  }
  const wait = useModule(proc, module);
  return wait === null ? undefined : (wait as unknown as Promise<void>);
}

/** It calls them no more. */
export function disuse(module: object): void {
  disuseModule(runningProcess('upgrading.disuse'), module);
}

/**
 * The calling process has taken the message that asks it to stand still.
 *
 * @param standing what the message carried
 * @param translate gives the state for other code; it runs in this process, beside what waits here
 * @returns `false`: that was called off, go on
 */
export function stand(standing: Standing, translate: Translate): boolean {
  runningProcess('upgrading.stand');
  return currentStandstill()?.stand(standing, translate) ?? false;
}

/** The calling process has taken the message that lets it go on. @returns its state from now on */
export function goOn(standing: Standing, state: unknown, undoable: boolean): unknown {
  runningProcess('upgrading.goOn');
  const found = currentStandstill();
  return found === null ? state : found.leave(standing, state, undoable);
}

/** For a translation that needs both: see the code that is to become current, or the one that is. */
export function seeNext(next: boolean): void {
  showNext(runningProcess('upgrading.seeNext'), next);
}

/** A module by its name, as `import * as m` gives it. */
export function moduleNamed(module: string): object {
  return tableOfModule(module);
}

/** A copy of a state that a translation may change: lists, plain objects, `Map` and `Set` are new, all else is shared. */
export function snapshot<S>(state: S): S {
  return copyOf(state);
}
