/**
 * Logging: what the machine says, as lines of a pino logger.
 *
 * Without a logger of the host's own, warnings and errors go to standard error as JSON lines. Which events
 * there are is decided by the machine's log (`LogControl`); a level of the pino logger comes on top of that.
 */

import { type DestinationStream, destination, type Logger, type LoggerOptions, pino } from 'pino';
import type { LogLine } from '../hosting.js';
import type { LogLevel } from '../log-level.js';
import { crashText } from '../logger.js';
import type { VmEmitter } from './events.js';
import { LINE_LEVELS, lineLevel } from './log-lines.js';

/** The part of a pino logger that the machine uses; other levels, such as `notice`, where it has them. */
export type VmLogger = Pick<Logger, 'error' | 'warn' | 'info' | 'debug'>;

const STDERR = 2;

export function defaultLogger(
  level: LoggerOptions['level'] = 'warn',
  stream?: DestinationStream,
): VmLogger {
  return pino(
    { name: 'tsvm', level, base: null, customLevels: LINE_LEVELS },
    stream ?? destination({ fd: STDERR, sync: true }),
  );
}

/** Write the machine's events to a logger. */
export function logEvents(events: VmEmitter, logger: VmLogger): void {
  const write = writerOf(logger);
  events.on('log', (line) => write(line.level, fieldsOf(line), line.text));
  events.on('crashLogged', (report) => write('error', { crash: report }, crashText(report)));
  events.on('crashesOmitted', (count) => write('error', {}, omittedText(count)));
  onMachineEvents(events, (level, text) => write(level, {}, text));
}

/** Of crashes that were counted without a report. */
export function omittedText(count: number): string {
  return `${count} further crashes are not shown`;
}

/** What happens to the machine as a whole: nothing that schedulers make only where somebody listens. */
export function onMachineEvents(
  events: VmEmitter,
  say: (level: LogLevel, text: string) => void,
): void {
  events.on('loadError', (error) => say('error', `not loaded: ${error.format()}`));
  events.on('upgradeFailed', ({ folder, message }) =>
    say('error', `the upgrade to ${folder} failed: ${message}`),
  );
  events.on('schedulerDown', ({ slot, cause }) => say('error', `scheduler ${slot} died: ${cause}`));
  events.on('schedulerUp', ({ slot }) => say('warning', `scheduler ${slot} runs again`));
}

type Write = (level: LogLevel, fields: Readonly<Record<string, unknown>>, text: string) => void;

/** A level that the logger does not have is written as the nearest one that pino has. */
function writerOf(logger: VmLogger): Write {
  const all = logger as unknown as Record<string, unknown>;
  return (level, fields, text) => {
    const own = lineLevel(level);
    if (typeof all[own] === 'function') logger[own as 'error'](fields, text);
    else logger[NEAREST[level]]({ ...fields, level_name: level }, text);
  };
}

const NEAREST: Readonly<Record<LogLevel, keyof VmLogger>> = {
  emergency: 'error',
  alert: 'error',
  critical: 'error',
  error: 'error',
  warning: 'warn',
  notice: 'info',
  info: 'info',
  debug: 'debug',
};

function fieldsOf({ pid, fields, module, line, domain }: LogLine): Record<string, unknown> {
  return {
    ...fields,
    ...(pid === null ? {} : { pid }),
    ...(module === undefined ? {} : { module, line }),
    ...(domain === undefined ? {} : { domain }),
  };
}
