/**
 * Scheduler thread: what Piscina runs on each of its threads for as long as the scheduler lives.
 *
 * It builds the scheduler from what it is given, offers the control plane, and returns when it is
 * told to stop. An error outside of any process ends the thread: Piscina then replaces it, and the
 * main thread starts the next life of the slot.
 */

import './harden.js';
import { createRequire } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import * as Comlink from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import * as bifs from '../../bif/index.js';
import { CodeTable } from '../../loader/code-table.js';
import { codeHandler } from '../../loader/scheduler-code.js';
import { installStackMapping, standing } from '../../loader/source-positions.js';
import { type Packed, unpackFunctions } from '../carried-functions.js';
import { Channel } from '../channel.js';
import { type CodeHandler, CodeInbox } from '../code-inbox.js';
import { context } from '../context.js';
import { engine, schedulerDown } from '../engine.js';
import { ProcessError } from '../errors.js';
import { useFunCode } from '../funs.js';
import { Guard } from '../guard.js';
import { Lane } from '../lane.js';
import { terminate } from '../lifecycle.js';
import type { LogConfig } from '../log-config.js';
import { runtimeFor } from '../module-runtime.js';
import { forgetProxies } from '../proxies.js';
import { Scheduler } from '../scheduler.js';
import { SharedCounters } from '../shared-counters.js';
import { SharedNames } from '../shared-names.js';
import { SharedState } from '../shared-state.js';
import { SharedShapes } from '../tables/shared-shapes.js';
import { TableMemory } from '../tables/table-memory.js';
import { Tables } from '../tables/tables.js';
import type { TraceSpec } from '../trace-event.js';
import { Tracer } from '../tracing.js';
import { ControlInbox, type Controls, Later } from './control.js';
import { tamperedIntrinsic } from './element-safe-freeze.js';
import { guardProcessExit } from './harden.js';
import { HostLink } from './host-link.js';
import { LocalProcesses } from './local-processes.js';
import { lockGlobals } from './lock-globals.js';
import {
  type HostControl,
  LOG_CONFIG,
  type SchedulerBoot,
  TRACE_START,
  TRACE_STOP,
} from './protocol.js';
import { Redaction } from './redaction.js';

// From Node 22 on, V8 keeps what it has compiled by its source, also when nothing refers to it any more: each
// version of a module, purged or not, would take its code's memory for ever. No source is compiled twice here.
setFlagsFromString('--no-compilation-cache');

/** Piscina's task: resolves when the scheduler was stopped. */
export async function run(boot: SchedulerBoot): Promise<void> {
  const table = new CodeTable({ runtimeFor, bifs, nodeRequire: createRequire });
  installStackMapping(table.positions);
  useFunCode(table);
  guardProcessExit(exitProcess);
  const state = new SharedState(boot.state);
  const guarded = makeGuard(boot, state);
  lockGlobals();
  const host = new HostLink(Comlink.wrap<HostControl>(nodeEndpoint(boot.host)), {
    slot: boot.slot,
    life: boot.life,
    state,
    redaction: new Redaction(boot.redact),
  });
  forgetProxies();
  const scheduler: Scheduler = new Scheduler(
    {
      node: boot.node,
      slot: boot.slot,
      slots: boot.slots,
      life: boot.life,
      state,
      names: new SharedNames(boot.life, boot.names),
      counters: new SharedCounters(new SharedNames(boot.life, boot.counterNames), boot.counters),
      tables: openTables(boot),
      code: table,
      codeInbox: new CodeInbox(
        boot.code,
        state,
        withLogging(
          codeHandler(table, {
            all: () => scheduler.processes.all(),
            kill: (proc) => terminate(scheduler, proc, 'killed'),
            run: (label, fn, ended) => local.runPlain(label, fn, ended),
            scheduler: () => scheduler,
          }),
          () => scheduler,
        ),
      ),
      host,
      tamperCheck: tamperedIntrinsic,
      guard: guarded.guard,
    },
    engine,
  );
  connectLogger(scheduler, host, () => local);
  if (guarded.problem !== null) scheduler.log('warning', guarded.problem, null);
  process.on('unhandledRejection', (error) => {
    scheduler.log(
      'error',
      `a promise that no process awaits was rejected: ${stackOf(error)}`,
      null,
    );
  });
  const local = new LocalProcesses(scheduler);
  await serve(boot, scheduler, local, host);
}

/** What else comes by the way of the code server, so that no plain code keeps it out: the log, and traces. */
function withLogging(handle: CodeHandler, scheduler: () => Scheduler): CodeHandler {
  let tracer: Tracer | null = null;
  const others: Readonly<Record<string, (...args: never[]) => void>> = {
    [LOG_CONFIG]: (version: number, config: Packed) =>
      scheduler().logger.configure(version, unpackFunctions(config) as LogConfig),
    [TRACE_START]: (spec: TraceSpec) => {
      tracer ??= new Tracer(scheduler());
      tracer.start(spec);
    },
    [TRACE_STOP]: (id: number) => tracer?.stop(id),
  };
  return (op, args, answer) => {
    const other = others[op];
    if (other === undefined) return handle(op, args, answer);
    other(...(args as never[]));
    return undefined;
  };
}

function connectLogger(scheduler: Scheduler, host: HostLink, local: () => LocalProcesses): void {
  const { logger, codeInbox } = scheduler;
  host.onCrash = (report) => logger.crashed(report);
  logger.runApart = (label, fn, ended) => local().runPlain(label, fn, ended);
  logger.takeOut = (handler, filter) =>
    codeInbox?.ask({ op: 'log_take_out', handler, filter }, () => {});
}

function openTables({ node, life, tables }: SchedulerBoot): Tables {
  return new Tables({
    node,
    life,
    memory: new TableMemory(tables),
    shapes: new SharedShapes(life, tables.shapes),
    names: new SharedNames(life, tables.names),
  });
}

/** Before the globals are locked: the guard is reached by one. */
function makeGuard(
  { node, life, slot, guardMs }: SchedulerBoot,
  state: SharedState,
): { guard: Guard | null; problem: string | null } {
  if (guardMs === 0) return { guard: null, problem: null };
  try {
    const guard = new Guard({ key: `<${node}.${life}.`, slot, state, standing }, guardMs);
    return { guard, problem: null };
  } catch (error) {
    const problem = `code that spins without a check cannot be ended, as there is no inspector: ${String(error)}`;
    return { guard: null, problem };
  }
}

/** Offer the control plane until `stop`. */
function serve(
  boot: SchedulerBoot,
  scheduler: Scheduler,
  local: LocalProcesses,
  host: HostLink,
): Promise<void> {
  return new Promise((stopped) => {
    const controls: Controls = {
      attach({ life, slot, outbound, inbound }, lane) {
        scheduler.attach(
          new Channel(life, slot, scheduler.state, outbound, inbound, new Lane(lane)),
        );
      },
      open: () => scheduler.open(),
      schedulerDown(life, cause) {
        const channel = scheduler.channels.get(life);
        schedulerDown(scheduler, life, cause);
        channel?.lane.close();
        scheduler.followUp();
      },
      spawn: (entry, args, options) => local.spawn(entry, args, options),
      spawnMonitor: (entry, args, options) => local.spawnMonitor(entry, args, options),
      exited: (pid) => local.exited(pid),
      run: (entry, args, options) => local.run(entry, args, options),
      send: (to, message) => local.send(to, message),
      call: (to, request, timeoutMs) => local.call(to, request, timeoutMs),
      mailbox: (port) => local.mailbox(port),
      shutdown: (pid, reason) => local.shutdown(pid, reason),
      killAll: (reason) => local.killAll(reason),
      figures: () => ({
        processes: scheduler.processes.count,
        timers: scheduler.timers.length,
        monitors: scheduler.monitors.count,
        aliases: scheduler.aliases.count + scheduler.monitors.aliasCount,
        requests: scheduler.requests.size,
        heapBytes: process.memoryUsage().heapUsed,
      }),
      stop: () =>
        new Later((answer) => {
          scheduler.stop();
          const close = (): void => {
            for (const channel of scheduler.channels.values()) channel.lane.close();
            for (const port of [boot.control, boot.host, boot.code]) port.close();
            stopped();
          };
          const flushed = (): void => {
            answer();
            // After the answer is on its way.
            setImmediate(close);
          };
          host.flush().then(flushed, flushed);
        }),
    };
    const inbox = new ControlInbox(boot.control, controls);
    scheduler.whileHeld = () => {
      inbox.poll();
      local.poll();
    };
  });
}

/** `process.exit(code)` in a module: ends the calling process alone. */
function exitProcess(code: number): never {
  if (context.process === null) {
    throw new Error(
      `process.exit(${code}) was called outside of any process: the machine does not end this way`,
    );
  }
  throw new ProcessError(
    'process_exit',
    `process.exit(${code}) was called: it ends the calling process alone; stop the machine with tsvm stop`,
  );
}

function stackOf(error: unknown): string {
  return error instanceof Error ? String(error.stack) : String(error);
}
