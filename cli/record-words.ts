/** Record words: each record of `tsvm start` in one line of English, and the parts that its text for people shares. */

import type { LoadErrorData } from '../loader/errors.js';
import { hangingWords } from '../modules/start-steps.js';
import type { LoadCause } from '../runtime/vm/events.js';
import type { UpgradeReport } from '../runtime/vm/upgrades.js';
import type { Exposition } from './exit-text.js';
import { placeText } from './exit-text.js';
import type { StartRecord } from './records.js';
import { counted, shownMs, shownPath } from './terminal.js';

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
      return `${loadedWord(record.by)} ${record.module}@${record.version} in ${shownMs(record.ms)} on ${counted(record.schedulers, 'scheduler')}${translatedText(record.translated)}${killedText(record.killed)}`;
    case 'upgrade':
      return upgradeLine(record);
    case 'upgrade_failed':
      return `the upgrade to ${shownPath(record.folder)} failed: ${record.text}`;
    case 'remove':
      return `removed ${record.module}: ${removedWhy(record.by)}`;
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

/** How a version became current: one that comes back is not loaded as if it were new. */
export function loadedWord(by: LoadCause): string {
  return by === 'rollback' || by === 'undo' ? 'rolled back to' : 'loaded';
}

export function removedWhy(by: LoadCause): string {
  switch (by) {
    case 'files':
      return 'its file is gone';
    case 'upgrade':
      return 'the upgrade says so';
    case 'undo':
      return 'the upgrade that added it has failed';
    case 'rollback':
      return 'the upgrade that added it is rolled back';
  }
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
