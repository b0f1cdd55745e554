/** The callbacks of the test applications: each does what its configuration plans, and reports it. */
import {
  counter,
  type Exit,
  exit,
  groupLeader,
  type Pid,
  receive,
  register,
  self,
  send,
  spawnLink,
  spawnOpt,
  trapExit,
} from 'tsvm';
import {
  type ApplicationStart,
  type ConfigChange,
  currentApplication,
  getEnv,
  type StartType,
} from 'tsvm/application';
import { initAck, startLink } from 'tsvm/proc-lib';
import * as supervisor from 'tsvm/supervisor';
import * as unit from './unit.js';

/** What an application does; the value `plan` of its configuration. */
export interface Plan {
  readonly report: Pid;
  readonly slot: number;
  readonly start?:
    | 'throw'
    | 'exit'
    | 'ignore'
    | 'bad'
    | 'wait'
    | 'child fails'
    | 'child hangs'
    | 'plain';
  /** What `prepStop` and `stop` are given at first. */
  readonly state?: string;
  readonly prepStopFails?: boolean;
  readonly stopFails?: boolean;
  readonly phaseFails?: boolean;
  readonly configChangeFails?: boolean;
  /** Start a process that is linked to nothing and traps exits. */
  readonly stray?: boolean;
}

export interface State {
  readonly name: string;
  readonly note: string | undefined;
}

async function planOf(name: string): Promise<Plan> {
  return (await getEnv<Plan>(name, 'plan')) as Plan;
}

export async function start(name: string, type: StartType): Promise<ApplicationStart> {
  const plan = await planOf(name);
  const starts = counter(`unit ${plan.report} ${name}`).add(1);
  send(plan.report, { type: 'start', name, as: type, leader: groupLeader(), me: self(), starts });
  if (plan.start === 'throw') throw new Error(`${name} cannot start`);
  if (plan.start === 'exit') exit('unwilling');
  if (plan.start === 'ignore') exit('ignore');
  if (plan.start === 'bad') return undefined as unknown as ApplicationStart;
  if (plan.stray === true) spawnOpt({ scheduler: plan.slot }, unit.stray, plan.report);
  // A top that is no supervisor, and ends when it is told to.
  if (plan.start === 'plain') return spawnLink(unit.plain, plan.report);
  if (plan.start === 'wait') await receive((message) => message === 'go on');
  const ids = ['first', 'second'];
  const pid = await supervisor.startLink({
    intensity: 0,
    children: [
      ...ids.map((id) => supervisor.child(id, unit.worker, [name, id, plan])),
      ...(plan.start === 'child hangs' ? [supervisor.child('slow', unit.hanging, [plan])] : []),
      ...(plan.start === 'child fails' ? [supervisor.child('bad', unit.failing, [])] : []),
    ],
  });
  return { pid, state: { name, note: plan.state } };
}

export async function plain(report: Pid): Promise<void> {
  send(report, { type: 'plain', pid: self() });
  await receive((message) => message === 'end');
}

export function worker(name: string, id: string, plan: Plan): Promise<Pid> {
  return startLink({ scheduler: plan.slot }, unit.work, name, id, plan.report);
}

export function hanging({ slot, report }: Plan): Promise<Pid> {
  return startLink({ scheduler: slot }, unit.hang, report);
}

export async function hang(report: Pid): Promise<void> {
  send(report, { type: 'hangs', pid: self() });
  for (;;) await receive();
}

export async function failing(): Promise<Pid> {
  throw new RangeError('this child cannot start');
}

export async function work(name: string, id: string, report: Pid): Promise<void> {
  trapExit(true);
  if (name === 'base' && id === 'first') await register('base.server', self());
  initAck(self());
  const application = await currentApplication();
  send(report, { type: 'worker', name, id, pid: self(), application, leader: groupLeader() });
  const message = await receive<Exit | { readonly die: unknown }>();
  if ('die' in message) exit(message.die);
  send(report, { type: 'worker ends', name, id });
  exit(message.reason);
}

export async function stray(report: Pid): Promise<void> {
  trapExit(true);
  send(report, { type: 'stray', pid: self() });
  for (;;) await receive();
}

export async function startPhase(phase: string, argument: unknown): Promise<void> {
  const name = String(await currentApplication());
  const plan = await planOf(name);
  send(plan.report, { type: 'phase', name, phase, argument });
  if (plan.phaseFails === true) throw new Error(`phase ${phase} of ${name} fails`);
}

export async function prepStop({ name, note }: State): Promise<State> {
  const plan = await planOf(name);
  send(plan.report, { type: 'prepStop', name, note });
  if (plan.prepStopFails === true) throw new Error('prepStop fails');
  return { name, note: `${note}, prepared` };
}

export async function stop({ name, note }: State): Promise<void> {
  const plan = await planOf(name);
  send(plan.report, { type: 'stop', name, note });
  if (plan.stopFails === true) throw new Error('stop fails');
}

export async function configChange(change: ConfigChange): Promise<void> {
  const name = String(await currentApplication());
  const plan = await planOf(name);
  send(plan.report, { type: 'configChange', name, change });
  if (plan.configChangeFails === true) throw new Error('configChange fails');
}
