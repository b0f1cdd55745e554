/**
 * Events of the machine that a host program can listen to.
 */

import type { LoadReport } from '../../loader/code-server.js';
import type { LoadError } from '../../loader/errors.js';
import type { CrashReport, LogLine } from '../hosting.js';
import type { UpgradeFailure, UpgradeReport } from './upgrades.js';

/** Why modules came or went: files, an upgrade, one that failed and is undone, or one that is taken back. */
export type LoadCause = 'files' | 'upgrade' | 'undo' | 'rollback';

/** What happens in a machine, by the name of the event. */
export interface VmEvents {
  /** Modules were loaded while running. */
  readonly load: {
    readonly reports: readonly LoadReport[];
    readonly removed: readonly string[];
    readonly by: LoadCause;
  };
  /** A set of builds took the place of what ran, or was taken back, as one unit. */
  readonly upgrade: UpgradeReport;
  /** An upgrade failed when its set was current already, and was undone, or could not be. */
  readonly upgradeFailed: UpgradeFailure;
  /** A module did not load; what was loaded before stays. */
  readonly loadError: LoadError;
  /** A process ended by an uncaught error or throw. */
  readonly crash: CrashReport;
  /** A crash report that has passed the levels and filters of the log: for who writes the log. */
  readonly crashLogged: CrashReport;
  /** Crash reports left out because more came than could be passed on. */
  readonly crashesOmitted: number;
  readonly schedulerDown: { readonly slot: number; readonly life: number; readonly cause: string };
  readonly schedulerUp: { readonly slot: number; readonly life: number };
  /** An event of the log that the console is to show. */
  readonly log: LogLine;
  /** An address that the application listens on. */
  readonly announce: string;
}

export type VmEventName = keyof VmEvents;
export type VmListener<E extends VmEventName> = (event: VmEvents[E]) => void;

/** A small typed emitter: a listener that throws does not keep the others from hearing. */
export class VmEmitter {
  readonly #listeners = new Map<VmEventName, Set<(event: never) => void>>();
  /** Called when somebody begins or ceases to listen. */
  onChange: () => void = () => {};

  /** @returns a function that stops listening */
  on<E extends VmEventName>(name: E, listener: VmListener<E>): () => void {
    const set = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, set);
    set.add(listener as (event: never) => void);
    this.onChange();
    return () => {
      set.delete(listener as (event: never) => void);
      this.onChange();
    };
  }

  isHeard(name: VmEventName): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0;
  }

  emit<E extends VmEventName>(name: E, event: VmEvents[E]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        (listener as VmListener<E>)(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
