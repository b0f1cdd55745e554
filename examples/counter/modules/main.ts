/** The entry: starts a counter, and each second adds one and says so. */
import { call, hibernate, log, type Pid, receive, self, send, sendAfter, spawnLink } from 'tsvm';
import * as counter from './counter.js';
import * as main from './main.js';

export async function start(): Promise<never> {
  const pid: Pid<counter.CounterMessage> = spawnLink(counter.loop, 0);
  send(self(), 'tick');
  return await hibernate(main.tick, pid);
}

export async function tick(pid: Pid<counter.CounterMessage>): Promise<never> {
  await receive();
  sendAfter(1000, self(), 'tick');
  send(pid, { type: 'add', by: 1 });
  log.notice(counter.line(await call(pid, 'get')));
  return await hibernate(main.tick, pid);
}
