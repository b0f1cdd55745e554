/** A handler of the log that tells a process what it is given. Runs in the process that logs. */
import { type LogEvent, type LogHandler, type Pid, self, send } from 'tsvm';

export interface Sunk {
  readonly type: 'logged';
  readonly handler: string;
  /** In which process the handler ran. */
  readonly in: Pid;
  readonly event: LogEvent;
}

export function log(event: LogEvent, { id, config }: LogHandler): void {
  const { to, fails } = config as { readonly to: Pid<Sunk>; readonly fails?: boolean };
  if (fails === true) throw new Error('the sink is full');
  const { reportText: _, ...meta } = event.meta;
  send(to, { type: 'logged', handler: id, in: self(), event: { ...event, meta } });
}

export function addingHandler({ config }: LogHandler): void {
  if ((config as { readonly to?: Pid }).to === undefined) throw new Error('where to?');
}

export function changingConfig(_before: LogHandler, { config }: LogHandler): void {
  addingHandler({ config } as LogHandler);
}

export function removingHandler({ config }: LogHandler): void {
  send((config as { readonly to: Pid }).to, { type: 'removed' });
}
