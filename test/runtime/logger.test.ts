/** SEMANTICS §14: how a scheduler's part of the log protects who logs, by what waits to be written. */
import { afterEach, expect, test } from 'vitest';
import { context } from '../../runtime/context.js';
import type { CodeLookup, HandledLine, Host } from '../../runtime/hosting.js';
import { DEFAULT_HANDLER, DEFAULT_LOG_CONFIG } from '../../runtime/log-config.js';
import { Logger } from '../../runtime/logger.js';
import type { Process } from '../../runtime/process.js';
import type { Pid } from '../../runtime/terms.js';

interface Written {
  readonly logger: Logger;
  readonly lines: HandledLine[];
  readonly dropped: string[];
  waiting: number;
}

function newLogger(): Written {
  const written: Omit<Written, 'logger'> = { lines: [], dropped: [], waiting: 0 };
  const host = {
    log: (line: HandledLine) => written.lines.push(line),
    logDropped: (handler: string) => written.dropped.push(handler),
    get logQueue() {
      return written.waiting;
    },
  } as unknown as Host;
  const code = { caller: () => undefined } as unknown as CodeLookup;
  return Object.assign(written, { logger: new Logger(host, code, () => true) });
}

/** As much of a process as the log looks at. */
const proc = { pid: '<n.1.1>' as Pid, extra: null, more: () => ({}) } as unknown as Process;

afterEach(() => {
  context.process = null;
  context.budget = 0;
});

test('14 sync: with 10 lines waiting, who logs has the line written and gives up its slice', () => {
  const written = newLogger();
  context.process = proc;
  for (const [waiting, budget] of [
    [0, 1000],
    [9, 1000],
    [10, 0],
    [199, 0],
  ] as const) {
    written.waiting = waiting;
    context.budget = 1000;
    written.logger.log(proc, 'notice', { text: 'a line' });
    expect(context.budget).toBe(budget);
  }
  expect(written.lines).toHaveLength(4);
});

test('14 drop: with 200 lines waiting a line is dropped and counted, and its message is not made', () => {
  const written = newLogger();
  written.waiting = 200;
  let made = 0;
  written.logger.log(proc, 'notice', () => {
    made += 1;
    return { text: 'a line' };
  });
  expect([written.lines.length, written.dropped, made]).toEqual([0, ['default'], 0]);
});

test('14 protection is each handler’s own: one drops what another still writes', () => {
  const written = newLogger();
  const patient = {
    ...DEFAULT_HANDLER,
    id: 'patient',
    protection: { ...DEFAULT_HANDLER.protection, dropAbove: 900 },
  };
  const handlers = [DEFAULT_HANDLER, patient];
  written.logger.configure(2, { ...DEFAULT_LOG_CONFIG, handlers });
  written.waiting = 500;
  written.logger.log(proc, 'notice', { text: 'a line' });
  expect(written.dropped).toEqual(['default']);
  expect(written.lines.map(({ handler }) => handler)).toEqual(['patient']);
});

test('14 an older configuration that comes late changes nothing', () => {
  const { logger } = newLogger();
  logger.configure(3, { ...DEFAULT_LOG_CONFIG, level: 'debug' });
  logger.configure(2, { ...DEFAULT_LOG_CONFIG, level: 'none' });
  expect(logger.isPossible('debug')).toBe(true);
});
