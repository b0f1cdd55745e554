/**
 * The configuration of the log, as `tsvm/logger` reads and changes it.
 *
 * The main thread keeps it. A change is made to a version of it and refused if that is not the current
 * one any more, so that two who change it at once do not undo each other's work.
 */

import { packed } from '../runtime/carried-functions.js';
import { runningProcess, runningScheduler } from '../runtime/context.js';
import { copy } from '../runtime/copy.js';
import { badarg } from '../runtime/errors.js';
import type { LogConfig, LogEvent, LogMetadata } from '../runtime/log-config.js';
import { isLogLevel, type LogLevel } from '../runtime/log-level.js';
import { messageText as textOf } from '../runtime/log-text.js';
import { askHost } from './host-request.js';

/** What a handler that writes has done since it was added. */
export interface HandlerStatistics {
  readonly written: number;
  /** Events that came while too many waited. */
  readonly dropped: number;
  /** Events that waited, and were thrown away because there were too many. */
  readonly flushed: number;
  /** Events that came too fast. */
  readonly overBurst: number;
}

/** A copy of the configuration, and its version. */
export function current(): { readonly version: number; readonly config: LogConfig } {
  const { logger } = runningScheduler('loggerConfig.current');
  return { version: logger.version, config: copy(logger.config) as LogConfig };
}

/**
 * Put a configuration in the place of a version. When this returns, it holds on all schedulers.
 *
 * @returns false: that version is not the current one any more, and nothing was changed
 * @throws what kept a file from being opened. Parks
 */
export function replace(version: number, config: LogConfig): Promise<boolean> {
  copy(config, 'logger');
  return askHost('loggerConfig.replace', {
    op: 'log_configure',
    base: version,
    config: packed(config),
  });
}

/** Waits until what was logged so far has been written. Parks. */
export function flush(): Promise<void> {
  return askHost('loggerConfig.flush', { op: 'log_flush' });
}

/** By the name of the handler; of those that write. Parks. */
export function statistics(): Promise<Readonly<Record<string, HandlerStatistics>>> {
  return askHost('loggerConfig.statistics', { op: 'log_statistics' });
}

/** Would an event of this level, logged by this module, pass the levels? Without a module: by the primary one. */
export function allows(level: LogLevel, module?: string): boolean {
  if (!isLogLevel(level)) throw badarg('loggerConfig.allows: level', 'a log level', level);
  return runningScheduler('loggerConfig.allows').logger.isWanted(level, module);
}

/** The text of an event, as handlers write it that have no formatter. */
export function messageText(event: LogEvent): string {
  return textOf(event);
}

/** What events of the calling process carry; undefined: nothing of its own. */
export function processMetadata(): LogMetadata | undefined {
  return runningProcess('loggerConfig.processMetadata').extra?.logMetadata ?? undefined;
}

export function setProcessMetadata(metadata: LogMetadata | undefined): void {
  const proc = runningProcess('loggerConfig.setProcessMetadata');
  if (metadata !== undefined && (typeof metadata !== 'object' || metadata === null))
    throw badarg('loggerConfig.setProcessMetadata: metadata', 'an object', metadata);
  if (metadata === undefined && proc.extra === null) return;
  proc.more().logMetadata =
    metadata === undefined ? null : (copy(metadata, 'metadata') as LogMetadata);
}
