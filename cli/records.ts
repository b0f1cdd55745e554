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
import { hangingWords } from '../modules/start-steps.js';
import type { CrashReport, LogLine } from '../runtime/hosting.js';
import type { LogLevel } from '../runtime/log-level.js';
import type { UpgradeReport } from '../runtime/vm/upgrades.js';
import type { Exposition } from './exit-text.js';
import { placeText } from './exit-text.js';
import { counted, shownMs, shownPath } from './terminal.js';

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
      /** Processes that ran the version before the last one; of a set, all of them in its first record. */
      readonly killed: number;
      /** Processes whose state was translated, in the first record of the set. */
      readonly translated: number;
    } & Pick<LoadReport, 'module' | 'version' | 'ms' | 'schedulers'>)
  /** A set of builds took the place of what ran, or was taken back, as one unit; its loads were told before. */
  | ({ readonly event: 'upgrade' } & UpgradeReport)
  /** A module's file is gone, and the module with it. */
  | { readonly event: 'remove'; readonly module: string }
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

/** The record in one line. */
export function messageOf(record: StartRecord): string {
  switch (record.event) {
    case 'start':
      return `tsvm ${record.version} on Node ${record.nodeVersion}, pid ${record.pid}, with ${counted(record.schedulers, 'scheduler')}`;
    case 'modules':
      return `${counted(record.modules.length, 'module')} from ${shownPath(record.folder)} loaded in ${shownMs(record.ms)}`;
    case 'entry':
      return `entry ${record.entry} is ${record.process}`;
    case 'heart_restart':
      return `heart: the machine ${record.why}; it is started again in ${shownMs(record.delayMs)} (${record.deaths} of ${record.restartsMax})`;
    case 'heart_end':
      return `heart: the machine ${record.why}; that was its death number ${record.deaths} in a row, and it is not started again`;
    case 'application_start':
      return `application ${record.application} ${record.version} started in ${shownMs(record.ms)}`;
    case 'application_stop':
      return `application ${record.application} stopped`;
    case 'application_config':
      return `application ${record.application} is configured anew: ${record.keys.join(', ')}`;
    case 'slow_start':
      return [
        `${named(record.applications)} has not started in ${shownMs(record.ms)}`,
        ...record.waitsFor.map(({ steps }) => hangingWords(steps)),
        'Ctrl+C or tsvm stop ends it in order; startMs of a child or of an application limits a start',
      ].join('; ');
    case 'address':
      return `listening on ${record.url}`;
    case 'load':
      return `loaded ${record.module}@${record.version} in ${shownMs(record.ms)} on ${counted(record.schedulers, 'scheduler')}${translatedText(record.translated)}${killedText(record.killed)}`;
    case 'upgrade':
      return upgradeLine(record);
    case 'remove':
      return `removed ${record.module}: its file is gone`;
    case 'load_error':
      return `not loaded: ${loadErrorLine(record, record.text)}`;
    case 'crash':
      return `${crashedOne(record)} crashed: ${exitLine(record)}`;
    case 'crashes_omitted':
      return `${record.count} more crashed; too many to report each`;
    case 'scheduler_down':
      return `scheduler ${record.scheduler} died and its processes with it${record.entry ? ', the entry process among them' : ''}: ${record.cause.split('\n', 1)[0]}`;
    case 'scheduler_up':
      return `scheduler ${record.scheduler} runs again on a new thread`;
    case 'log':
      return record.text;
    case 'stopping':
      return `stopping: ${record.by}`;
    case 'late':
      return record.applications.length === 0
        ? `the first process ${record.process} has not ended in ${shownMs(record.ms)} and is killed`
        : `${named(record.applications)} has not stopped in ${shownMs(record.ms)} and is killed`;
    case 'end':
      return record.status === 0 ? 'stopped' : `stopped, with exit status ${record.status}`;
    case 'entry_end':
      return `the entry process ${record.entry} ended${record.reported ? ' with that' : `: ${exitLine(record)}`}`;
    case 'application_end':
      return exitLine(record);
  }
}

/** An upgrade or rollback in one line. */
export function upgradeLine({ folder, modules, translated, restarted, ms }: UpgradeReport): string {
  const done = folder === undefined ? 'rolled back' : 'upgraded';
  const apps = restarted.length === 0 ? '' : `, ${restarted.join(', ')} restarted`;
  return `${done} ${counted(modules.length, 'module')} with ${counted(translated, 'process state')}${apps} in ${shownMs(ms)}`;
}

/** What a load cost, to be set behind what it did; nothing, mostly. */
export function translatedText(translated: number): string {
  if (translated === 0) return '';
  return `; translated ${translated === 1 ? '1 state' : `${translated} states`}`;
}

export function killedText(killed: number): string {
  if (killed === 0) return '';
  const who = killed === 1 ? '1 process' : `${killed} processes`;
  return `; killed ${who} that still ran the version before the last one`;
}

function named(applications: readonly string[]): string {
  return `application ${applications.join(', ') || '(none yet)'}`;
}

/** `room <pid> (room.start)`: its name, else its label, else what it runs. */
export function crashedOne(report: {
  process: string;
  name: string | null;
  label: unknown;
  initialCall: string;
}): string {
  const { process, name, label, initialCall } = report;
  const known = name ?? (typeof label === 'string' ? label : null);
  return known === null ? `${initialCall} ${process}` : `${known} ${process} (${initialCall})`;
}

function exitLine({ text, places: [place] }: Exposition): string {
  return place === undefined ? text : `${text.replaceAll('\n', ' ')} at ${placeText(place)}`;
}

/** `modules/room.ts:12:5: Expected ";"`. */
export function loadErrorLine(
  { file, line, column }: Pick<LoadErrorData, 'file' | 'line' | 'column'>,
  text: string,
): string {
  const place = [file === undefined ? undefined : shownPath(file), line, column];
  const known = place.filter((part) => part !== undefined);
  return known.length === 0 ? text : `${known.join(':')}: ${text}`;
}
