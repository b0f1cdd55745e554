/** SEMANTICS §14: the log, statement by statement. What logs runs where the placement says. */
import assert from 'node:assert/strict';
import {
  type Down,
  exit,
  type FilterResult,
  type LogEvent,
  type LogLevel,
  type LogReport,
  log,
  loggerConfig,
  makeRef,
  type Pid,
  receive,
  self,
  send,
  spawnOpt,
  TIMEOUT,
  trapExit,
} from 'tsvm';
import { stop } from 'tsvm/gen-server';
import * as logger from 'tsvm/logger';
import { domain, level, progress } from 'tsvm/logger-filters';
import { format } from 'tsvm/logger-formatter';
import * as pg from 'tsvm/pg';
import * as pool from 'tsvm/pool';
import * as procLib from 'tsvm/proc-lib';
import * as supervisor from 'tsvm/supervisor';
import * as kid from './kid.js';
import type { Sunk } from './log-sink.js';
import * as logSink from './log-sink.js';
import { drain, take } from './support.js';

const LEVELS: readonly LogLevel[] = [
  'emergency',
  'alert',
  'critical',
  'error',
  'warning',
  'notice',
  'info',
  'debug',
];

/** Run a test with a handler that reports here, and put the configuration back. */
async function withSink(spec: logger.HandlerSpec, body: () => Promise<void>): Promise<void> {
  const before = logger.getConfig();
  try {
    await logger.addHandler('sink', { module: logSink, config: { to: self() }, ...spec });
    await body();
  } finally {
    for (;;) {
      const { version } = loggerConfig.current();
      if (await loggerConfig.replace(version, before)) break;
    }
  }
}

/** Run an exported function as a process where the placement says, and wait for its end. */
async function at<A extends readonly unknown[]>(
  peer: number,
  entry: (...args: A) => unknown,
  ...args: NoInfer<A>
): Promise<unknown> {
  const { pid, ref } = spawnOpt({ scheduler: peer, monitor: true }, entry, ...args);
  const down = await take<Down>((message) => (message as Down)?.ref === ref, 'the end');
  assert.equal(down.target, pid);
  return down.reason;
}

const sunk = (): Promise<Sunk> =>
  take<Sunk>((message) => (message as Sunk)?.type === 'logged', 'an event');

async function texts(): Promise<string[]> {
  const found: string[] = [];
  for (;;) {
    const message = await receive((one: Sunk) => one?.type === 'logged', 0);
    if (message === TIMEOUT) return found;
    found.push(loggerConfig.messageText(message.event));
  }
}

export function logsAll(): void {
  for (const each of LEVELS) log[each](each);
}

export function says(text: string): void {
  log.notice(text);
}

// ---- levels ---------------------------------------------------------------------------------------

export async function s14_default_level(peer: number): Promise<void> {
  assert.equal(logger.getLevel(), 'notice');
  await withSink({}, async () => {
    await at(peer, logsAll);
    assert.deepEqual(await texts(), LEVELS.slice(0, LEVELS.indexOf('notice') + 1));
  });
}

export async function s14_eight_levels(peer: number): Promise<void> {
  await withSink({}, async () => {
    for (const [rank, each] of LEVELS.entries()) {
      await logger.setLevel(each);
      await at(peer, logsAll);
      assert.deepEqual(await texts(), LEVELS.slice(0, rank + 1));
    }
    await logger.setLevel('all');
    await at(peer, logsAll);
    assert.equal((await texts()).length, 8);
    await logger.setLevel('none');
    await at(peer, logsAll);
    assert.deepEqual(await texts(), []);
  });
  assert.equal(logger.compareLevels('error', 'info'), 'gt');
  assert.equal(logger.compareLevels('info', 'info'), 'eq');
  assert.equal(logger.compareLevels('all', 'emergency'), 'lt');
  await assert.rejects(async () => logger.setLevel('loud' as LogLevel), { kind: 'bad_config' });
}

export async function s14_module_level(peer: number): Promise<void> {
  await withSink({}, async () => {
    await logger.setModuleLevel('logger', 'debug');
    assert.equal(logger.allows('debug', 'logger'), true);
    assert.equal(logger.allows('debug', 'another'), false);
    await at(peer, logsAll);
    assert.equal((await texts()).length, 8);
    await logger.setModuleLevel(['logger', 'another'], 'alert');
    await at(peer, logsAll);
    assert.deepEqual(await texts(), ['emergency', 'alert']);
    await logger.unsetModuleLevel('logger');
    await at(peer, logsAll);
    assert.equal((await texts()).length, 6);
    assert.deepEqual(logger.getModuleLevels(), { another: 'alert' });
    await logger.unsetModuleLevel();
    assert.deepEqual(logger.getModuleLevels(), {});
  });
}

// ---- order ----------------------------------------------------------------------------------------

export function notes(
  event: LogEvent,
  { to, name, gives }: { to: Pid; name: string; gives: string },
): FilterResult {
  send(to, { type: 'asked', name });
  return gives === 'event'
    ? { ...event, meta: { ...event.meta, [name]: true } }
    : (gives as 'stop' | 'ignore');
}

const asked = async (): Promise<string[]> => {
  const found: string[] = [];
  for (;;) {
    const message = await receive(
      (one: { type: string; name: string }) => one?.type === 'asked',
      0,
    );
    if (message === TIMEOUT) return found;
    found.push(message.name);
  }
};

export async function s14_order(peer: number): Promise<void> {
  const noting = (name: string, gives: string) => ({
    id: name,
    fn: notes,
    arg: { to: self(), name, gives },
  });
  await withSink({ level: 'error', filters: [noting('own', 'event')] }, async () => {
    await logger.addPrimaryFilter(noting('first', 'ignore'));
    await logger.addPrimaryFilter(noting('second', 'event'));
    await at(peer, logsAll);
    const [one] = [await sunk()];
    assert.deepEqual([one.event.meta['second'], one.event.meta['own']], [true, true]);
    assert.equal((await texts()).length, 3);
    const order = await asked();
    // Six pass the primary level; of these four pass the handler's.
    assert.equal(order.filter((name) => name === 'first').length, 6);
    assert.equal(order.filter((name) => name === 'own').length, 4);
    assert.deepEqual(order.slice(0, 3), ['first', 'second', 'own']);
    await logger.removePrimaryFilter('second');
    await logger.addPrimaryFilter(noting('second', 'stop'));
    await at(peer, logsAll);
    assert.deepEqual(await texts(), []);
    assert.equal((await asked()).includes('own'), false);
  });
}

export async function s14_filter_default(peer: number): Promise<void> {
  const arg = { action: 'log', compare: 'eq', level: 'alert' } as const;
  await withSink(
    { filterDefault: 'stop', filters: [{ id: 'alerts', fn: level, arg }] },
    async () => {
      await at(peer, logsAll);
      assert.deepEqual(await texts(), ['alert']);
      await logger.updateHandler('sink', { filterDefault: 'log' });
      await at(peer, logsAll);
      assert.equal((await texts()).length, 6);
      await assert.rejects(logger.addHandlerFilter('sink', { id: 'alerts', fn: level }), {
        kind: 'already_exist',
      });
      await logger.removeHandlerFilter('sink', 'alerts');
      await assert.rejects(logger.removeHandlerFilter('sink', 'alerts'), { kind: 'not_found' });
    },
  );
}

// ---- events ---------------------------------------------------------------------------------------

export function logsForms(to: Pid): void {
  logger.setProcessMetadata({ request: 7, user: 'kim' });
  logger.updateProcessMetadata({ user: 'lee' });
  assert.deepEqual(logger.getProcessMetadata(), { request: 7, user: 'lee' });
  log.notice('a text');
  log.notice('%s has %d', ['lee', 2], { user: 'sam' });
  log.notice({ what: 'a report', n: 1 }, { reportText: ({ n }: LogReport) => `report ${n}` });
  log.notice(() => ['%j', { lazy: true }]);
  log.debug(() => {
    send(to, { type: 'made' });
    return 'not wanted';
  });
  log.warn('a warning', { domain: ['shop', 'till'], time: 5 });
  logger.unsetProcessMetadata();
  log.notice(() => {
    throw new RangeError('no message');
  });
}

export async function s14_events(peer: number): Promise<void> {
  await withSink({}, async () => {
    await logger.setPrimaryMetadata({ node: 'here', user: 'nobody' });
    const begun = Date.now();
    await at(peer, logsForms, self());
    const events: LogEvent[] = [];
    for (let count = 0; count < 6; count++) events.push((await sunk()).event);
    const [text, formatted, report, lazy, warning, failing] = events as [
      LogEvent,
      LogEvent,
      LogEvent,
      LogEvent,
      LogEvent,
      LogEvent,
    ];
    assert.deepEqual(text.msg, { text: 'a text' });
    assert.deepEqual(formatted.msg, { format: '%s has %d', args: ['lee', 2] });
    assert.equal(loggerConfig.messageText(formatted), 'lee has 2');
    assert.deepEqual(report.msg, { report: { what: 'a report', n: 1 } });
    assert.deepEqual(lazy.msg, { format: '%j', args: [{ lazy: true }] });
    const { time, pid, file, line, ...meta } = text.meta;
    assert.deepEqual(meta, {
      module: 'logger',
      function: 'logsForms',
      node: 'here',
      request: 7,
      user: 'lee',
    });
    assert.ok(time >= begun && time <= Date.now());
    assert.match(String(pid), /^</);
    assert.match(String(file), /logger\.ts$/);
    assert.equal(formatted.meta.line, Number(line) + 1);
    // The event's own metadata comes before the process's, that before the primary one.
    assert.equal(formatted.meta['user'], 'sam');
    assert.deepEqual(warning.meta.domain, ['shop', 'till']);
    assert.equal(warning.level, 'warning');
    assert.equal(warning.meta.time, 5);
    assert.match(loggerConfig.messageText(failing), /could not be made: RangeError: no message/);
    assert.equal(failing.meta['user'], 'nobody');
    assert.equal(
      await receive((message: { type: string }) => message?.type === 'made', 0),
      TIMEOUT,
    );
  });
}

// ---- where it runs, and failures --------------------------------------------------------------------

export async function logsAndWaits(): Promise<void> {
  log.notice('from here');
}

export async function s14_runs_in_the_caller(peer: number): Promise<void> {
  const filter = { id: 'where', fn: where, arg: self() };
  await withSink({ filters: [filter] }, async () => {
    const { pid, ref } = spawnOpt({ scheduler: peer, monitor: true }, logsAndWaits);
    const { event, in: handler } = await sunk();
    const seen = await take<{ in: Pid }>(
      (one) => (one as { type: string })?.type === 'filter',
      'it',
    );
    assert.deepEqual([event.meta.pid, handler, seen.in], [pid, pid, pid]);
    await take<Down>((message) => (message as Down)?.ref === ref, 'the end');
  });
}

export function where(event: LogEvent, to: Pid): FilterResult {
  send(to, { type: 'filter', in: self() });
  return event;
}

export function failing(): FilterResult {
  throw new TypeError('a bad filter');
}

export function exiting(): FilterResult {
  exit('from a filter');
}

export function nonsense(): FilterResult {
  return 7 as never;
}

export async function s14_failing_filter(peer: number): Promise<void> {
  await withSink({}, async () => {
    await logger.addPrimaryFilter({ id: 'nonsense', fn: nonsense });
    await logger.addHandlerFilter('sink', { id: 'failing', fn: failing });
    await logger.addHandlerFilter('sink', { id: 'exiting', fn: exiting });
    await logger.addHandler('other', { module: logSink, config: { to: self() } });
    assert.equal(await at(peer, says, 'through'), 'normal');
    // The others and the caller know nothing of it.
    const found = await texts();
    assert.deepEqual(found, ['through', 'through']);
    await gone(() => logger.getConfig().filters.length + logger.getHandler('sink').filters.length);
    assert.equal(await at(peer, says, 'again'), 'normal');
    assert.deepEqual(await texts(), ['again', 'again']);
  });
}

export async function s14_failing_handler(peer: number): Promise<void> {
  await withSink({}, async () => {
    await logger.addHandler('bad', { module: logSink, config: { to: self(), fails: true } });
    assert.equal(await at(peer, says, 'through'), 'normal');
    assert.deepEqual(await texts(), ['through']);
    await gone(() => (logger.getHandlerIds().includes('bad') ? 1 : 0));
    assert.deepEqual(logger.getHandlerIds(), ['default', 'sink']);
  });
}

/** What failed is taken out of the configuration of all schedulers soon. */
async function gone(left: () => number): Promise<void> {
  while (left() > 0) await receive(() => false, 1);
}

// ---- handlers -------------------------------------------------------------------------------------

export async function s14_handlers(peer: number): Promise<void> {
  await withSink({}, async () => {
    await assert.rejects(logger.addHandler('sink', { module: logSink, config: { to: self() } }), {
      kind: 'already_exist',
    });
    await assert.rejects(logger.addHandler('nowhere', { module: logSink, config: {} }), {
      message: 'where to?',
    });
    await assert.rejects(logger.addHandler('odd', { level: 'loud' as LogLevel }), {
      kind: 'bad_config',
    });
    await assert.rejects(logger.updateHandler('sink', { config: {} }), { message: 'where to?' });
    await logger.updateHandler('sink', { level: 'alert' });
    await at(peer, logsAll);
    assert.deepEqual(await texts(), ['emergency', 'alert']);
    assert.equal(logger.getHandler('sink').level, 'alert');
    await logger.removeHandler('sink');
    await take((message) => (message as { type: string })?.type === 'removed', 'removed');
    await assert.rejects(logger.removeHandler('sink'), { kind: 'not_found' });
    await at(peer, logsAll);
    assert.deepEqual(await texts(), []);
  });
}

export async function s14_changes_at_once(peer: number): Promise<void> {
  await withSink({}, async () => {
    const writers = [];
    for (let n = 0; n < 10; n++) writers.push(at(n % 2 === 0 ? 1 : peer, setsLevel, `m${n}`));
    for (const reason of await Promise.all(writers)) assert.equal(reason, 'normal');
    assert.equal(Object.keys(logger.getModuleLevels()).length, 10);
  });
}

export async function setsLevel(module: string): Promise<void> {
  await logger.setModuleLevel(module, 'debug');
}

export async function s14_formatter(): Promise<void> {
  const event: LogEvent = {
    level: 'error',
    msg: { format: 'two\n lines of %s', args: ['text'] },
    meta: { time: 0, pid: null, domain: ['a', 'b'] },
  };
  const template = [
    { key: 'time' },
    ' [',
    { key: 'domain' },
    '] ',
    { key: 'level' },
    ': ',
    { key: 'msg' },
  ];
  assert.equal(
    format(event, { template, singleLine: true }),
    '1970-01-01T00:00:00.000Z [a.b] error: two lines of text',
  );
  assert.equal(format(event, { charsLimit: 4 }), 'two…');
}

// ---- the machine's own events -----------------------------------------------------------------------

/** The next report of a supervisor, and that its event is as it should be. */
async function supervisorReport(): Promise<LogReport> {
  const { event } = await sunk();
  const { report } = event.msg as { report: LogReport };
  assert.deepEqual(event.meta.domain, ['otp', 'sasl']);
  assert.equal(event.level, report['label'] === 'progress' ? 'info' : 'error');
  return report;
}

const SASL = {
  filterDefault: 'stop',
  filters: [
    { id: 'sasl', fn: domain, arg: { action: 'log', domain: ['otp', 'sasl'], compare: 'sub' } },
    { id: 'crashes', fn: withoutCrashes },
  ],
} as const;

export function withoutCrashes(event: LogEvent): FilterResult {
  return 'report' in event.msg && event.msg.report['label'] === 'crash' ? 'stop' : 'ignore';
}

export async function s13_10_reports(peer: number): Promise<void> {
  trapExit(true);
  await withSink({ ...SASL, filters: [...SASL.filters].reverse() }, async () => {
    await logger.setLevel('info');
    const plan = { report: self(), slot: peer, key: makeRef() as string };
    const shutdown = { trap: { exit: 'not so' } } as const;
    const spec: supervisor.SupervisorSpec = {
      intensity: 2,
      children: [
        supervisor.child('kid', kid.start, [{ ...plan, id: 'kid', fails: [2] }]),
        supervisor.child('stubborn', kid.start, [{ ...plan, id: 'stubborn', ...shutdown }]),
      ],
    };
    const up = await supervisor.startLink(spec, { name: 'reporting' });
    const first = await supervisorReport();
    const { pid } = first['started'] as { pid: Pid };
    assert.deepEqual(first, {
      label: 'progress',
      supervisor: 'reporting',
      started: {
        id: 'kid',
        pid,
        restart: 'permanent',
        shutdown: 5000,
        significant: false,
        type: 'worker',
        modules: ['kid'],
      },
    });
    assert.equal((await supervisorReport())['label'], 'progress');
    exit(pid, 'boom');
    const terminated = await supervisorReport();
    assert.deepEqual(
      [terminated['errorContext'], terminated['reason'], terminated['strategy']],
      ['child_terminated', 'boom', 'one_for_one'],
    );
    assert.equal((terminated['offender'] as { pid: Pid }).pid, pid);
    const failed = await supervisorReport();
    assert.equal(failed['errorContext'], 'start_error');
    assert.match(JSON.stringify(failed['reason']), /start 2 of kid fails/);
    assert.equal((await supervisorReport())['label'], 'progress');
    const [last] = (await supervisor.whichChildren(up)).filter(({ id }) => id === 'kid');
    exit(last?.pid as Pid, 'boom');
    assert.equal((await supervisorReport())['errorContext'], 'child_terminated');
    const given = await supervisorReport();
    assert.deepEqual(
      [given['errorContext'], given['reason']],
      ['shutdown', 'reached_max_restart_intensity'],
    );
    const stopped = await supervisorReport();
    assert.deepEqual([stopped['errorContext'], stopped['reason']], ['shutdown_error', 'not so']);
    await take((message) => (message as { type: string })?.type === 'EXIT', 'the end');
  });
  await drain();
}

export async function s13_10_no_progress_of_simple(peer: number): Promise<void> {
  trapExit(true);
  await withSink(SASL, async () => {
    await logger.setLevel('info');
    const plan = { id: 'kid', report: self(), slot: peer, key: makeRef() as string };
    const up = await supervisor.startLink({
      strategy: 'simple_one_for_one',
      children: [supervisor.child('kid', kid.start, [plan])],
    });
    await supervisor.startChild(up, ['one']);
    await stop(up);
    assert.deepEqual(await texts(), []);
    await logger.addPrimaryFilter({ id: 'quiet', fn: progress, arg: 'stop' });
  });
  await drain();
}

export async function s14_domain_of_the_library(peer: number): Promise<void> {
  trapExit(true);
  const filter = { action: 'log', domain: ['otp'], compare: 'equal' } as const;
  const filters = [{ id: 'otp', fn: domain, arg: filter }];
  await withSink({ filterDefault: 'stop', filters }, async () => {
    const scope = await pg.startLink(pg.scope('logged groups'));
    send(scope as unknown as Pid, 'nonsense');
    assert.deepEqual((await sunk()).event.meta.domain, ['otp']);
    const plan = { id: 'kid', report: self(), slot: peer, key: makeRef() as string };
    const worker = supervisor.child('kid', kid.start, [plan]);
    const server = await pool.startLink(pool.pool('logged pool'), { size: 1, worker });
    const { pid } = await take<{ pid: Pid; type: string }>(
      (message) => (message as { type: string })?.type === 'started',
      'the start',
    );
    exit(pid, 'boom');
    assert.deepEqual((await sunk()).event.meta.domain, ['otp']);
    await stop(server, 'shutdown');
    await stop(scope, 'shutdown');
  });
  await drain();
}

export function crashes(): void {
  throw new RangeError('out of it');
}

export async function s14_crash_reports(peer: number): Promise<void> {
  await withSink({}, async () => {
    procLib.spawnOpt({ scheduler: peer }, crashes);
    const { event } = await sunk();
    assert.equal(event.level, 'error');
    assert.deepEqual(event.meta.domain, ['otp', 'sasl']);
    const { report } = event.msg as { report: { label: string; report: { reason: LogReport } } };
    assert.equal(report.label, 'crash');
    assert.equal(report.report.reason['message'], 'out of it');
    await logger.setModuleLevel('logger', 'none');
    const pid = procLib.spawnOpt({ scheduler: peer, monitor: true }, crashes);
    await take<Down>((message) => (message as Down)?.ref === pid.ref, 'the end');
    await logger.unsetModuleLevel('logger');
    await at(peer, says, 'last');
    assert.deepEqual(await texts(), ['last']);
  });
}
