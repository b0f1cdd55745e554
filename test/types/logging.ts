/** Type tests: what can be logged, and what a change of the log may be. */
import { type FilterResult, type LogEvent, log } from 'tsvm';
import * as logger from 'tsvm/logger';
import { domain, level } from 'tsvm/logger-filters';

export function forms(): void {
  log.notice('a text', { user: 'kim', domain: ['shop'] });
  log.error('%s of %d', ['one', 2], { user: 'kim' });
  log.debug({ what: 'a report' }, { reportText: ({ what }) => String(what) });
  log.info(() => 'later');
  log.info(() => ['%s', 'later']);
  log.info(() => ({ what: 'later' }));
  log.warn('the same as warning');
  // @ts-expect-error a number is no message
  log.notice(7);
  // @ts-expect-error there is no such level
  log.loud('text');
  // @ts-expect-error a domain is a list
  log.notice('text', { domain: 'shop' });
}

export function passes(event: LogEvent): FilterResult {
  return event.level === 'debug' ? 'stop' : event;
}

export function wrongFilter(event: LogEvent): string {
  return event.level;
}

export async function changes(): Promise<void> {
  await logger.setLevel('all');
  await logger.addPrimaryFilter({ id: 'mine', fn: passes });
  await logger.addPrimaryFilter({
    id: 'sasl',
    fn: domain,
    arg: { action: 'stop', domain: ['otp', 'sasl'], compare: 'sub' },
  });
  await logger.addHandlerFilter('default', { id: 'level', fn: level });
  // @ts-expect-error no level
  await logger.setLevel('loud');
  // @ts-expect-error a filter gives an event, 'stop' or 'ignore'
  await logger.addPrimaryFilter({ id: 'wrong', fn: wrongFilter });
  // @ts-expect-error a module without log is no handler
  await logger.addHandler('none', { module: { addingHandler: () => {} } });
  // @ts-expect-error a file has a path
  await logger.addHandler('file', { file: { maxBytes: 1 } });
}
