/**
 * logger: what is logged, and where it goes.
 *
 * Events are logged with `log` of `tsvm` (also exported here). This module changes what becomes of them:
 * levels, filters, handlers, metadata. Filters, formatters and handlers of the user's are exported functions
 * and modules; they run in the process that logs, and one that fails is taken out and reported.
 *
 * Invariants:
 *  1. When a change returns, it holds on all schedulers.
 *  2. Changes made at once by several processes are all made: each is a function of the configuration
 *     that it meets.
 *
 * Source: OTP, module `logger`; SEMANTICS 14.
 */

import {
  type LogConfig,
  type LogFile,
  type LogFilter,
  type LogFormatter,
  type LogHandler,
  type LogHandlerModule,
  type LogLevel,
  type LogLimit,
  type LogMetadata,
  type LogProtection,
  loggerConfig,
} from 'tsvm';
import { checkHandler, LEVELS, LoggerError } from './logger-checks.js';

export type {
  FilterResult,
  Formatted,
  LogConfig,
  LogEvent,
  LogFile,
  LogFilter,
  LogFormatter,
  LogHandler,
  LogHandlerModule,
  LogLevel,
  LogLimit,
  LogMessage,
  LogMetadata,
  LogProtection,
  LogReport,
} from 'tsvm';
export { log } from 'tsvm';
export { LoggerError } from './logger-checks.js';

/** A handler as it is added; what is left out is as for `default`. */
export interface HandlerSpec {
  /** A module of yours; */
  readonly module?: LogHandlerModule;
  /** or a file; */
  readonly file?: Partial<LogFile> & { readonly path: string };
  /** or, without either, the console. */
  readonly level?: LogLimit;
  readonly filters?: readonly LogFilter[];
  readonly filterDefault?: 'log' | 'stop';
  readonly formatter?: LogFormatter | null;
  readonly protection?: Partial<LogProtection>;
  readonly config?: unknown;
}

// ---- levels ---------------------------------------------------------------------------------------

/** The level that counts for modules without one of their own. `logger:get_primary_config/0`. */
export function getLevel(): LogLimit {
  return loggerConfig.current().config.level;
}

/** `logger:set_primary_config/2`. */
export function setLevel(level: LogLimit): Promise<void> {
  checkLimit(level);
  return change((config) => ({ ...config, level }));
}

/** By module. `logger:get_module_level/0`. */
export function getModuleLevels(): Readonly<Record<string, LogLimit>> {
  return loggerConfig.current().config.modules;
}

/** Set a level that counts for these modules in place of the primary one. `logger:set_module_level/2`. */
export function setModuleLevel(
  modules: string | readonly string[],
  level: LogLimit,
): Promise<void> {
  checkLimit(level);
  const added = Object.fromEntries(listed(modules).map((module) => [module, level]));
  return change((config) => ({ ...config, modules: { ...config.modules, ...added } }));
}

/** The primary level counts again for these modules, or for all. `logger:unset_module_level/0,1`. */
export function unsetModuleLevel(modules?: string | readonly string[]): Promise<void> {
  const gone = modules === undefined ? null : listed(modules);
  return change((config) => {
    const left = Object.entries(config.modules).filter(
      ([module]) => gone?.includes(module) === false,
    );
    return { ...config, modules: Object.fromEntries(left) };
  });
}

/** Would an event of this level be logged, by this module? `logger:allow/2`. */
export function allows(level: LogLevel, module?: string): boolean {
  return loggerConfig.allows(level, module);
}

/** `gt`: the first is more severe. `logger:compare_levels/2`. */
export function compareLevels(first: LogLimit, second: LogLimit): 'lt' | 'eq' | 'gt' {
  checkLimit(first);
  checkLimit(second);
  const distance = LEVELS.indexOf(second) - LEVELS.indexOf(first);
  return distance > 0 ? 'gt' : distance < 0 ? 'lt' : 'eq';
}

// ---- the configuration ----------------------------------------------------------------------------

/** All of it, as a copy. `logger:get_config/0`. */
export function getConfig(): LogConfig {
  return loggerConfig.current().config;
}

/** Metadata that all events carry; what a process or an event has itself comes first. */
export function setPrimaryMetadata(metadata: LogMetadata): Promise<void> {
  return change((config) => ({ ...config, metadata }));
}

/** `logger:add_primary_filter/2`. @throws LoggerError `already_exist` */
export function addPrimaryFilter(filter: LogFilter): Promise<void> {
  return change((config) => ({ ...config, filters: withFilter(config.filters, filter) }));
}

/** `logger:remove_primary_filter/1`. @throws LoggerError `not_found` */
export function removePrimaryFilter(id: string): Promise<void> {
  return change((config) => ({ ...config, filters: withoutFilter(config.filters, id) }));
}

/** What happens to events about which all primary filters say `ignore`: `log` at first. */
export function setPrimaryFilterDefault(filterDefault: 'log' | 'stop'): Promise<void> {
  return change((config) => ({ ...config, filterDefault }));
}

// ---- handlers -------------------------------------------------------------------------------------

/** `logger:get_handler_ids/0`. */
export function getHandlerIds(): string[] {
  return loggerConfig.current().config.handlers.map(({ id }) => id);
}

/** `logger:get_handler_config/1`. @throws LoggerError `not_found` */
export function getHandler(id: string): LogHandler {
  return found(loggerConfig.current().config, id);
}

/**
 * Add a handler. `addingHandler` of its module is called first, here, and refuses it by throwing.
 * `logger:add_handler/3`.
 *
 * @throws LoggerError `already_exist`, `bad_config`; what keeps a file from being opened
 */
export async function addHandler(id: string, spec: HandlerSpec = {}): Promise<void> {
  const handler = checkHandler(id, spec);
  refuseTwin(loggerConfig.current().config, id);
  await moduleOf(handler)?.addingHandler?.(handler);
  await change((config) => {
    refuseTwin(config, id);
    return { ...config, handlers: [...config.handlers, handler] };
  });
}

/** Remove a handler; its file is closed. `logger:remove_handler/1`. @throws LoggerError `not_found` */
export async function removeHandler(id: string): Promise<void> {
  let removed: LogHandler | undefined;
  await change((config) => {
    removed = found(config, id);
    return { ...config, handlers: config.handlers.filter((each) => each.id !== id) };
  });
  if (removed !== undefined) await moduleOf(removed)?.removingHandler?.(removed);
}

/**
 * Change some of a handler. `changingConfig` of its module is called first, and refuses by throwing.
 * `logger:update_handler_config/2`.
 */
export async function updateHandler(id: string, changes: HandlerSpec): Promise<void> {
  const before = getHandler(id);
  const after = checkHandler(id, { ...specOf(before), ...changes });
  await moduleOf(after)?.changingConfig?.(before, after);
  await change((config) =>
    withHandler(config, id, (now) => checkHandler(id, { ...specOf(now), ...changes })),
  );
}

/** `logger:add_handler_filter/3`. @throws LoggerError `already_exist`, `not_found` */
export function addHandlerFilter(id: string, filter: LogFilter): Promise<void> {
  return change((config) =>
    withHandler(config, id, (handler) => ({
      ...handler,
      filters: withFilter(handler.filters, filter),
    })),
  );
}

/** `logger:remove_handler_filter/2`. @throws LoggerError `not_found` */
export function removeHandlerFilter(id: string, filter: string): Promise<void> {
  return change((config) =>
    withHandler(config, id, (handler) => ({
      ...handler,
      filters: withoutFilter(handler.filters, filter),
    })),
  );
}

/** What the handlers that write have written, and what they have not, as too much came at once. */
export function statistics(): ReturnType<typeof loggerConfig.statistics> {
  return loggerConfig.statistics();
}

/** Waits until what was logged so far is written. `logger_std_h:filesync/1`. */
export function flush(): Promise<void> {
  return loggerConfig.flush();
}

// ---- metadata of the process ------------------------------------------------------------------------

/** `logger:get_process_metadata/0`. */
export function getProcessMetadata(): LogMetadata | undefined {
  return loggerConfig.processMetadata();
}

/** Events that the calling process logs carry this from now on. `logger:set_process_metadata/1`. */
export function setProcessMetadata(metadata: LogMetadata): void {
  loggerConfig.setProcessMetadata(metadata);
}

/** Add to it. `logger:update_process_metadata/1`. */
export function updateProcessMetadata(metadata: LogMetadata): void {
  loggerConfig.setProcessMetadata({ ...loggerConfig.processMetadata(), ...metadata });
}

/** `logger:unset_process_metadata/0`. */
export function unsetProcessMetadata(): void {
  loggerConfig.setProcessMetadata(undefined);
}

// ---- inside -----------------------------------------------------------------------------------------

/** Somebody else may change it meanwhile: then what was changed is not in force, and the change is made anew. */
async function change(update: (config: LogConfig) => LogConfig): Promise<void> {
  for (;;) {
    const { version, config } = loggerConfig.current();
    if (await loggerConfig.replace(version, update(config))) return;
  }
}

function checkLimit(level: unknown): void {
  if (!LEVELS.includes(level as LogLimit))
    throw new LoggerError(
      'bad_config',
      `expected one of ${LEVELS.join(', ')}, got ${String(level)}`,
    );
}

function listed(modules: string | readonly string[]): readonly string[] {
  return typeof modules === 'string' ? [modules] : modules;
}

function found({ handlers }: LogConfig, id: string): LogHandler {
  const handler = handlers.find((each) => each.id === id);
  if (handler === undefined) throw new LoggerError('not_found', `there is no handler ${id}`);
  return handler;
}

function refuseTwin({ handlers }: LogConfig, id: string): void {
  if (handlers.some((each) => each.id === id))
    throw new LoggerError('already_exist', `there is a handler ${id} already`);
}

function withHandler(
  config: LogConfig,
  id: string,
  update: (handler: LogHandler) => LogHandler,
): LogConfig {
  found(config, id);
  const handlers = config.handlers.map((each) => (each.id === id ? update(each) : each));
  return { ...config, handlers };
}

function withFilter(filters: readonly LogFilter[], filter: LogFilter): readonly LogFilter[] {
  if (filters.some(({ id }) => id === filter.id))
    throw new LoggerError('already_exist', `there is a filter ${filter.id} already`);
  return [...filters, filter];
}

function withoutFilter(filters: readonly LogFilter[], id: string): readonly LogFilter[] {
  if (!filters.some((each) => each.id === id))
    throw new LoggerError('not_found', `there is no filter ${id}`);
  return filters.filter((each) => each.id !== id);
}

function moduleOf({ to }: LogHandler): LogHandlerModule | undefined {
  return to.type === 'module' ? to.module : undefined;
}

function specOf({ id: _, to, ...rest }: LogHandler): HandlerSpec {
  if (to.type === 'module') return { ...rest, module: to.module };
  if (to.type === 'console') return rest;
  const { type: __, ...file } = to;
  return { ...rest, file };
}
