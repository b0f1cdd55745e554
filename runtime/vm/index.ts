/**
 * `tsvm/vm`: the machine as a library, for any Node program and for tests.
 */

export type { LoadReport } from '../../loader/code-server.js';
export { LoadError } from '../../loader/errors.js';
export type { CrashReport, LogEvent, LogLevel } from '../hosting.js';
export type { SpawnOptions } from '../spawn.js';
export type { CrashReason, Destination, MessageOf, Pid, Ref } from '../terms.js';
export type { VmEventName, VmEvents, VmListener } from './events.js';
export { type LoadedModule, startVm, type Vm } from './machine.js';
export { VmOptionError, type VmOptions } from './options.js';
export type { SchedulerStats, VmStats } from './stats.js';
export { UserError } from './user-error.js';
