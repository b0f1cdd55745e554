/** Processes that log, for the tests of what becomes of the lines. */
import { type LogEvent, log } from 'tsvm';
import * as logger from 'tsvm/logger';
import { format } from 'tsvm/logger-formatter';

export function say(text: string): void {
  log.notice(text, { n: 1, password: 'hush' });
}

export function sayAll(): void {
  for (const level of ['critical', 'error', 'warning', 'notice', 'info', 'debug'] as const)
    log[level](level);
}

/** More than anybody can write. */
export async function storm(count: number): Promise<number> {
  for (let n = 0; n < count; n++) log.notice('a line of a storm');
  return count;
}

export async function addFile(path: string, options: object): Promise<void> {
  await logger.addHandler('more', { file: { path, ...options }, protection: { burst: null } });
}

export async function removeFile(): Promise<void> {
  await logger.removeHandler('more');
}

export async function fill(lines: number): Promise<void> {
  for (let n = 0; n < lines; n++) {
    log.notice(`line ${n} ${'x'.repeat(80)}`);
    if (n % 100 === 99) await logger.flush();
  }
  await logger.flush();
}

export async function shape(): Promise<void> {
  await logger.updateHandler('default', {
    formatter: { format, config: { template: ['<', { key: 'msg' }, '>'] } },
  });
  log.notice('shaped');
  await logger.updateHandler('default', { formatter: { format: broken } });
  log.notice('unshaped');
}

export function broken(_event: LogEvent): string {
  throw new Error('no shape');
}

export async function crash(): Promise<void> {
  throw new RangeError('for the log');
}

export async function filterCrashes(): Promise<void> {
  await logger.addPrimaryFilter({ id: 'crashes', fn: withoutRange });
}

export function withoutRange(event: LogEvent): 'stop' | 'ignore' {
  const { msg } = event;
  return 'report' in msg && JSON.stringify(msg.report).includes('RangeError') ? 'stop' : 'ignore';
}

export async function statistics(): ReturnType<typeof logger.statistics> {
  await logger.flush();
  return logger.statistics();
}
