/**
 * Comparison: a program as Node runs it and as tsvm runs it, as traces that can be set side by side.
 *
 * tsvm's side is run twice: with all the budget there is, and with none, so that every check gives way
 * (loops check each round then, which they do not by themselves).
 */

import { context } from '../../runtime/context.js';
import { awaitValue, PARK } from '../../runtime/coroutine.js';
import { NO_TWINS, TWINS_MAX } from '../../runtime/twins.js';
import { StandInScheduler } from './stand-in-scheduler.js';
import { compileText, createTable, type Entry, nativeMain } from './support.js';

/** A log that a program writes to; `fork` gives one for a task whose turn is not fixed. */
export interface TraceLog {
  (...values: unknown[]): void;
  fork(): TraceLog;
}

export interface Trace {
  readonly events: unknown[];
  readonly end: unknown;
}

const EVENTS_MAX = 400;
const TIME_MS = 5000;

export async function nativeTrace(source: string): Promise<Trace> {
  return traceOf(async (log) => (await nativeMain(source))(log as never));
}

/** With a budget that is never spent. */
export async function compiledTrace(source: string): Promise<Trace> {
  const main = await compiledMain(source, false);
  context.budget = Number.MAX_SAFE_INTEGER;
  return traceOf(async (log) => main(log as never));
}

/** In a process that gives way at every check. */
export async function preemptedTrace(source: string): Promise<Trace & { preemptions: number }> {
  const main = await compiledMain(source, true);
  const scheduler = new StandInScheduler(0, TWINS_MAX);
  try {
    const trace = await traceOf((log) => scheduler.run(() => entry(main, log)));
    return { ...trace, preemptions: scheduler.preemptions };
  } finally {
    context.scheduler = null;
    context.process = null;
    context.task = null;
    context.twins = NO_TWINS;
  }
}

function* entry(main: Entry, log: TraceLog): Generator<unknown, unknown, unknown> {
  const value = awaitValue(main(log as never));
  return value === PARK ? yield : value;
}

async function compiledMain(source: string, checksEachRound: boolean): Promise<Entry> {
  const compiled = await compileText('program', source);
  const code = checksEachRound
    ? compiled.code
        .replaceAll(/(= \$k\d* \+ 1 \| 0\)) > \d+/g, '$1 > 0')
        .replaceAll(/= \d+ - \$k\d*;/g, '= 1;')
    : compiled.code;
  const table = createTable();
  table.prepare({ ...compiled, code });
  table.commit('program', compiled.version);
  return table.table('program')['main'] as Entry;
}

async function traceOf(run: (log: TraceLog) => Promise<unknown>): Promise<Trace> {
  const events: unknown[] = [];
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('did not end'), TIME_MS);
  });
  const ended = run(createLog(events)).then(
    (value) => ['returned', shown(value)],
    (error: unknown) => ['threw', shown(error)],
  );
  const end = await Promise.race([ended, late]);
  clearTimeout(timer);
  return { events, end };
}

function createLog(events: unknown[]): TraceLog {
  const log = (...values: unknown[]): void => {
    if (events.length >= EVENTS_MAX) throw new Error('too long');
    events.push(values.length === 1 ? shown(values[0]) : values.map((value) => shown(value)));
  };
  return Object.assign(log, {
    fork: () => {
      const own: unknown[] = [];
      events.push(own);
      return createLog(own);
    },
  });
}

/** Values as they can be compared: two runs have two realms of classes, and promises are tasks in one. */
function shown(value: unknown, depth = 0): unknown {
  if (depth > 4) return '…';
  if (typeof value === 'function') return 'function';
  if (typeof value === 'number' && Number.isNaN(value)) return 'NaN';
  if (value === undefined) return 'undefined';
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) {
    // What V8 says of an operand quotes the text, which is another one.
    return value.constructor === Error || value.name === 'Error'
      ? `Error: ${value.message}`
      : value.name;
  }
  if (typeof (value as { then?: unknown }).then === 'function') return 'thenable';
  if (Array.isArray(value)) return value.map((item) => shown(item, depth + 1));
  const entries = Object.entries(value).map(([key, item]) => [key, shown(item, depth + 1)]);
  return { [value.constructor?.name ?? 'null']: Object.fromEntries(entries) };
}
