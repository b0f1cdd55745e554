/**
 * `tsvm/vm`: the machine as a library, for any Node program and for tests.
 */

export type { LoadReport } from '../../loader/code-server.js';
export { LoadError } from '../../loader/errors.js';
export type { UpgradeLimits } from '../../loader/state-change.js';
export { UpgradeRefusedError } from '../../loader/upgrade-file.js';
export type { CrashReport, CrashSignature, LogLine } from '../hosting.js';
export { LOG_LEVELS, type LogLevel, type LogLimit } from '../log-level.js';
export type { SpawnOptions } from '../spawn.js';
export type { TroubledProcess } from '../standstill.js';
export type { CrashReason, Destination, MessageOf, Pid, Ref } from '../terms.js';
export type { TraceEvent, TraceKind } from '../trace-event.js';
export { type CrashGroup, CrashHistory, type Damage, type StoredCrash } from './crash-history.js';
export type { CountRecord, CrashRecord } from './crash-record.js';
export type { LoadCause, VmEventName, VmEvents, VmListener } from './events.js';
export type { LogControl } from './log-control.js';
export type { LogFileOptions, LogOptions } from './log-options.js';
export { type LoadedModule, startVm, type Vm } from './machine.js';
export { VmOptionError, type VmOptions } from './options.js';
export type { SchedulerStats, VmStats } from './stats.js';
export {
  type Trace,
  type TraceEnd,
  TraceOptionError,
  type TraceOptions,
  type TraceSummary,
} from './trace-control.js';
export {
  type UpgradedModule,
  UpgradeFailedError,
  type UpgradeFailure,
  type UpgradeOptions,
  type UpgradeProgress,
  type UpgradeReport,
} from './upgrades.js';
export { UserError } from './user-error.js';
