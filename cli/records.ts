/**
 * Records: what `tsvm start` reports, one for each event.
 *
 * With `--json` each is a line on standard output with these fields and pino's own: `level` (`debug`,
 * `info`, `notice`, `warn`, `error`, `critical`, `alert`, `emergency`), `time` (ms since 1970) and `msg` (the event in one line of English). The
 * names of events and fields are kept; new ones may be added. A machine that does not start says so in
 * a `failure` (see failure.ts).
 */

import type { LoadReport } from '../loader/code-server.js';
import type { LoadErrorData } from '../loader/errors.js';
import type { Hanging } from '../modules/application-boot.js';
import type { CrashReport, LogLine } from '../runtime/hosting.js';
import type { LogLevel } from '../runtime/log-level.js';
import type { LoadCause } from '../runtime/vm/events.js';
import type { UpgradeFailure, UpgradeReport } from '../runtime/vm/upgrades.js';
import type { Exposition } from './exit-text.js';

export type StartRecord =
  | {
      /** The machine runs. */
      readonly event: 'start';
      readonly version: string;
      readonly nodeVersion: string;
      /** Name of this machine's life: the first part of every process' pid. */
      readonly node: string;
      /** Of the operating system. */
      readonly pid: number;
      readonly schedulers: number;
      readonly folder: string;
      readonly data: string;
    }
  | {
      /** The modules that it began with. */
      readonly event: 'modules';
      readonly folder: string;
      readonly watched: boolean;
      readonly ms: number;
      readonly modules: readonly { readonly name: string; readonly version: string }[];
    }
  /** The entry process was started. */
  | { readonly event: 'entry'; readonly entry: string; readonly process: string }
  /** An application runs. */
  | {
      readonly event: 'application_start';
      readonly application: string;
      readonly version: string;
      readonly ms: number;
    }
  /** An application has stopped, in order. */
  | { readonly event: 'application_stop'; readonly application: string }
  /** The definition of an application was loaded anew: these keys of its configuration are others now. */
  | {
      readonly event: 'application_config';
      readonly application: string;
      readonly keys: readonly string[];
    }
  /** Some have not started yet, after so long. */
  | {
      readonly event: 'slow_start';
      readonly applications: readonly string[];
      /** What they wait for, outermost first: the last one hangs. */
      readonly waitsFor: readonly Hanging[];
      readonly ms: number;
    }
  /** The application listens there. */
  | { readonly event: 'address'; readonly url: string }
  | ({
      /** A module was loaded while running; one record for each. */
      readonly event: 'load';
      readonly by: LoadCause;
      /** Processes that ran the version before the last one; of a set, all of them in its first record. */
      readonly killed: number;
      /** Processes whose state was translated, in the first record of the set. */
      readonly translated: number;
    } & Pick<LoadReport, 'module' | 'version' | 'ms' | 'schedulers'>)
  /** A set of builds took the place of what ran, or was taken back, as one unit; its loads were told before. */
  | ({ readonly event: 'upgrade' } & UpgradeReport)
  /** An upgrade failed when its modules were current already; `text` says why, and what became of it. */
  | ({ readonly event: 'upgrade_failed'; readonly text: string } & Omit<UpgradeFailure, 'message'>)
  /** A module is gone: its file is, or an upgrade removed it, or what added it is taken back. */
  | { readonly event: 'remove'; readonly module: string; readonly by: LoadCause }
  | ({
      /** A module was not loaded. `stays` is the version that goes on, if there is one. */
      readonly event: 'load_error';
      readonly stays: string | undefined;
    } & Omit<LoadErrorData, 'message'> & { readonly text: string })
  | ({
      /** A process ended by an uncaught error. `text`, `places` and `frame` are its `reason` for people. */
      readonly event: 'crash';
      readonly process: string;
    } & Omit<CrashReport, 'pid' | 'time'> &
      Exposition)
  /** Crashes that came too fast to be passed on. */
  | { readonly event: 'crashes_omitted'; readonly count: number }
  | {
      /** A scheduler thread died, and its processes with it. */
      readonly event: 'scheduler_down';
      readonly scheduler: number;
      readonly cause: string;
      /** Whether the entry process was there. */
      readonly entry: boolean;
    }
  | { readonly event: 'scheduler_up'; readonly scheduler: number }
  /** A process or the machine logged something; `fields` is what was given beside the text. */
  | {
      readonly event: 'log';
      readonly text: string;
      readonly process: string | null;
      readonly fields: Readonly<Record<string, unknown>> | undefined;
      /** Where it was logged, if in a module. */
      readonly module?: string;
      readonly function?: string | undefined;
      readonly file?: string | undefined;
      readonly line?: number | undefined;
      readonly domain?: readonly string[];
    }
  /** `by` is a signal's name, `request` (`tsvm stop`), or why the application has ended. */
  | { readonly event: 'stopping'; readonly by: string }
  /** The first process took too long to shut down, and is killed with the others. */
  | {
      readonly event: 'late';
      readonly process: string;
      readonly ms: number;
      /** Those that still run. */
      readonly applications: readonly string[];
    }
  /** The machine has died, and is started again by the process above it; `deaths` in a row. */
  | {
      readonly event: 'heart_restart';
      readonly why: string;
      readonly deaths: number;
      readonly restartsMax: number;
      readonly delayMs: number;
    }
  /** It has died too often. */
  | { readonly event: 'heart_end'; readonly why: string; readonly deaths: number }
  /** The last record of a machine that ran. */
  | { readonly event: 'end'; readonly status: number }
  | ({
      /**
       * The entry process, or the application, ended, not by `tsvm stop` or a signal, and not `normal`; or the
       * application did not start. The machine ends.
       */
      readonly event: 'entry_end' | 'application_end';
      readonly entry: string;
      readonly process: string;
      /** Whether this very reason was reported as a crash already. */
      readonly reported: boolean;
      readonly reason: unknown;
    } & Exposition);

export function levelOf(record: StartRecord, log?: LogLine): LogLevel {
  switch (record.event) {
    case 'log':
      return log?.level ?? 'info';
    case 'load_error':
    case 'upgrade_failed':
    case 'crash':
    case 'crashes_omitted':
    case 'scheduler_down':
    case 'entry_end':
    case 'application_end':
    case 'heart_restart':
    case 'heart_end':
      return 'error';
    case 'slow_start':
    case 'scheduler_up':
    case 'late':
      return 'warning';
    case 'load':
      return record.killed > 0 ? 'warning' : 'info';
    default:
      return 'info';
  }
}
