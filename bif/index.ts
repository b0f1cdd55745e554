/**
 * `tsvm`: the built-in functions, all that code of a process may call.
 *
 * Each checks its arguments, then makes one call into `runtime/`. A wrong argument raises `badarg` and
 * says what was expected and what came.
 */

export { ExitError, ProcessError } from '../runtime/errors.js';
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
  LogMessage,
  LogMetadata,
  LogProtection,
  LogReport,
} from '../runtime/log-config.js';
export type { LogLevel, LogLimit } from '../runtime/log-level.js';
export type {
  Addressed,
  Alias,
  CrashReason,
  Destination,
  Down,
  ErrorReason,
  Exit,
  MailboxLimit,
  MessageOf,
  Name,
  NamedTarget,
  NocatchReason,
  Pid,
  PlainName,
  Priority,
  Ref,
  SchedulerDownReason,
  Timeout,
} from '../runtime/terms.js';
export { type Call, call, type From, reply } from './call.js';
export * as code from './code.js';
export { type ExportName, exportName } from './code-names.js';
export { crashDetails, exitReason } from './crash.js';
export { type Dictionary, dictionary } from './dictionary.js';
export {
  alias,
  type DemonitorOptions,
  demonitor,
  exit,
  link,
  type MonitorOptions,
  monitor,
  trapExit,
  unalias,
  unlink,
} from './exit.js';
export { fn } from './fn.js';
export { groupLeader, killGroup, setGroupLeader } from './groups.js';
export * as loggerConfig from './logger-config.js';
export { announce, type LazyMessage, type Log, type LogFunction, log } from './logging.js';
export {
  type Demand,
  dirty,
  disown,
  type Emitter,
  type EventMessage,
  type ForwardOptions,
  forward,
  handOver,
  type MapArgs,
  own,
  type Port,
  type Subscription,
  takeOver,
} from './native.js';
export { type PersistentTerm, persistentTerm } from './persistent-term.js';
export {
  hibernate,
  isAlive,
  type ProcessInfo,
  priority,
  processes,
  processInfo,
  setLabel,
  yieldNow,
} from './process.js';
export { register, registered, unregister, whereis } from './registry.js';
export {
  type Guard,
  type ReceiveOptions,
  receive,
  type SendOptions,
  send,
  TIMEOUT,
  type TimedOut,
} from './send.js';
export {
  isPid,
  type Monitored,
  type SpawnOptions,
  self,
  spawn,
  spawnLink,
  spawnMonitor,
  spawnOpt,
} from './spawn.js';
export * as storage from './storage.js';
export * as tables from './table-api.js';
export type { AnyTable, BagTable, Table, TableInfo } from './table-types.js';
export {
  type CancelOptions,
  type CancelTimerAnswer,
  cancelTimer,
  monotonicTime,
  readTimer,
  sendAfter,
  sleep,
  startTimer,
  systemTime,
  type TimerOptions,
  type TimeUnit,
} from './timers.js';
export * as tracing from './tracing.js';
export {
  type Atomic,
  atomic,
  type Counter,
  counter,
  freeze,
  makeRef,
  node,
  schedulers,
  thisScheduler,
  type UniqueIntegerOptions,
  uniqueInteger,
} from './unique.js';
export * as upgrading from './upgrading.js';
