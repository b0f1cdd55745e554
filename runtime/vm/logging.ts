/**
 * Logging: what the machine says, as lines of a pino logger.
 *
 * Without a logger of the host's own, warnings and errors go to standard error as JSON lines.
 */

import { type DestinationStream, destination, type Logger, type LoggerOptions, pino } from 'pino';
import { isCrash } from '../crash-reason.js';
import type { CrashReport, LogEvent } from '../hosting.js';
import type { VmEmitter } from './events.js';

/** The part of a pino logger that the machine uses. */
export type VmLogger = Pick<Logger, 'error' | 'warn' | 'info' | 'debug'>;

const STDERR = 2;

export function defaultLogger(
  level: LoggerOptions['level'] = 'warn',
  stream?: DestinationStream,
): Logger {
  return pino(
    { name: 'tsvm', level, base: null },
    stream ?? destination({ fd: STDERR, sync: true }),
  );
}

/** Write the machine's events to a logger. */
export function logEvents(events: VmEmitter, logger: VmLogger): void {
  events.on('log', (event) => logger[event.level]({ ...fieldsOf(event) }, event.text));
  events.on('crash', (report) => logger.error({ crash: report }, crashLine(report)));
  events.on('crashesOmitted', (count) => logger.error(`${count} further crashes are not shown`));
  events.on('loadError', (error) => logger.error(`not loaded: ${error.format()}`));
  events.on('schedulerDown', ({ slot, cause }) => logger.error(`scheduler ${slot} died: ${cause}`));
  events.on('schedulerUp', ({ slot }) => logger.warn(`scheduler ${slot} runs again`));
}

function fieldsOf({ pid, fields }: LogEvent): Record<string, unknown> {
  return pid === null ? { ...fields } : { ...fields, pid };
}

/** `chat/room.start <…> crashed: TypeError: … at greet (room.ts:12:5)`, one line. */
export function crashLine({ initialCall, pid, name, reason }: CrashReport): string {
  const who = name === null ? `${initialCall} ${pid}` : `${name} (${initialCall} ${pid})`;
  return `${who} crashed: ${reasonLine(reason)}`;
}

export function reasonLine(reason: unknown): string {
  if (!isCrash(reason)) return `exit(${JSON.stringify(reason)})`;
  if (reason.kind === 'nocatch') return `threw ${JSON.stringify(reason.value)}`;
  const place = /\n\s+at (.*)/.exec(reason.stack)?.[1];
  const what = `${reason.name}: ${reason.message}`;
  return place === undefined ? what : `${what}, at ${place}`;
}
