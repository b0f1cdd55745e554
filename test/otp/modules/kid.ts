/** Children for the tests of supervisors: each start and stop is reported, and failures are planned. */
import { counter, type Exit, exit, type Pid, receive, self, send, trapExit } from 'tsvm';
import { initAck, startLink } from 'tsvm/proc-lib';

export interface Plan {
  readonly id: string;
  readonly report: Pid;
  readonly slot: number;
  /** Counts the starts of all tests apart. */
  readonly key: string;
  /** What these starts, counted from 1, do instead. */
  readonly fails?: readonly number[];
  readonly ignores?: readonly number[];
  /** These never say that they have started. */
  readonly hangs?: readonly number[];
  /** Trap exits, report the stop, and end with the reason given, or (`hang`) not at all. */
  readonly trap?: 'report' | 'hang' | { readonly exit: unknown };
}

export async function start(plan: Plan, more?: string): Promise<Pid | 'ignore'> {
  const starts = counter(`kid ${plan.key} ${plan.id}`).add(1);
  if (plan.fails?.includes(starts)) {
    send(plan.report, { type: 'failed', id: plan.id, starts });
    throw new Error(`start ${starts} of ${plan.id} fails`);
  }
  if (plan.ignores?.includes(starts)) return 'ignore';
  if (plan.hangs?.includes(starts)) await startLink({ scheduler: plan.slot }, mute, plan);
  const pid: Pid = await startLink({ scheduler: plan.slot }, run, plan);
  send(plan.report, { type: 'started', id: more ?? plan.id, pid, starts });
  return pid;
}

/** Deaf, too: nothing but a kill ends it. */
export async function mute({ id, report }: Plan): Promise<void> {
  trapExit(true);
  send(report, { type: 'mute', id, pid: self() });
  for (;;) await receive();
}

type Order = { readonly die: unknown } | Exit;

export async function run({ id, report, trap }: Plan): Promise<void> {
  if (trap !== undefined) trapExit(true);
  initAck(self());
  for (;;) {
    const order = await receive<Order>();
    if ('die' in order) {
      if (order.die === 'raise') throw new Error('planned');
      exit(order.die);
    }
    send(report, { type: 'stopping', id });
    if (trap === 'hang') continue;
    exit(typeof trap === 'object' ? trap.exit : order.reason);
  }
}
