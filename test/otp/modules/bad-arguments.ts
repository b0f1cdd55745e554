/**
 * Wrong arguments: every BIF raises `badarg` before it has any effect, and its text says what was
 * expected and what came. The table names each function; sections that need more say more.
 */
import assert from 'node:assert/strict';
import * as tsvm from 'tsvm';
import { nothing, raises } from './support.js';

type Call = readonly [args: readonly unknown[], text: RegExp];

const NO_PID = /expected a pid.*got/s;
const NO_REF = /expected a reference.*got/s;
const NO_NAME = /expected 1 to \d+ characters.*got/s;
const NO_FUNCTION = /expected .*function.*got/s;

/** Per function: arguments that are wrong, and what the error must say. */
const TABLE: Readonly<Record<string, readonly Call[]>> = {
  alias: [[['forever'], /alias: mode: expected.*got "forever"/s]],
  announce: [[[5], /announce: url: expected a string, got 5/]],
  atomic: [[[''], NO_NAME]],
  call: [
    [[5, 'x'], /call: to: expected.*got 5/s],
    [['', 'x'], /call: to/],
  ],
  cancelTimer: [
    [['x'], NO_REF],
    [['#Ref<a.1.2>', { asink: true }], /expected only async, info, got "asink"/],
  ],
  counter: [[[''], NO_NAME]],
  crashDetails: [[[5], /crashDetails: details: expected an object or null, got 5/]],
  demonitor: [
    [['x'], NO_REF],
    [['#Ref<a.1.2>', { flash: true }], /expected only flush, info, got "flash"/],
  ],
  dirty: [[['fn'], NO_FUNCTION]],
  exit: [
    [['not a pid', 'x'], NO_PID],
    [[undefined, 'x'], NO_PID],
    [['#Ref<a.1.2>', 'x'], NO_PID],
  ],
  fn: [
    [['name'], NO_FUNCTION],
    [[() => {}], /fn: .*write fn\(…\) around the function itself/],
  ],
  forward: [[[{}, { events: ['x'], active: true }], /expected an event emitter.*got/s]],
  killGroup: [[['name'], NO_PID]],
  setGroupLeader: [[['name'], NO_PID]],
  handOver: [[[5], /expected an object, got 5/]],
  hibernate: [[[undefined], NO_FUNCTION]],
  isAlive: [
    [['name'], NO_PID],
    [[7], NO_PID],
    [[null], NO_PID],
  ],
  link: [
    [['name'], NO_PID],
    [[{}], NO_PID],
  ],
  monitor: [
    [[7], /monitor: .*expected a pid.*got 7/s],
    [[''], /monitor/],
    [['#Ref<a.1.2>'], /monitor: .*expected a pid/s],
    [['<a.1.2>', { alias: 'always' }], /monitor: alias: expected.*got "always"/s],
    [['<a.1.2>', { tag: 7 }], /monitor: tag: expected a string, got 7/],
    [['<a.1.2>', { tga: 'x' }], /expected only tag, alias, got "tga"/],
  ],
  monotonicTime: [[['fortnight'], /unit: expected second, .*got "fortnight"/s]],
  own: [
    [[5, () => {}], /expected an object, got 5/],
    [[{}, 'close'], NO_FUNCTION],
  ],
  priority: [[['max'], /priority: level: expected 'low', 'normal' or 'high', got "max"/]],
  processInfo: [[['name'], NO_PID]],
  readTimer: [[[5], NO_REF]],
  receive: [
    [[5], /receive: match: expected a function or undefined, got 5/],
    [[undefined, { since: 5 }], /receive: since: expected a reference/],
    [[undefined, { timeout: 5 }], /expected only timeoutMs, since, got "timeout"/],
  ],
  register: [
    [['', '<a.1.2>'], NO_NAME],
    [['fine', 'no pid'], NO_PID],
    [[5, '<a.1.2>'], NO_NAME],
  ],
  reply: [[[5, 'x'], /reply: from: expected/]],
  send: [
    [[5, 'x'], /send: to: expected a pid, an alias or a registered name, got 5/],
    [['', 'x'], /send: to/],
    [['nobody', 'x'], /no process is registered as "nobody"/],
    [[undefined, 'x'], /send: to.*got undefined/s],
  ],
  sendAfter: [
    [[-1, 'x', 'm'], /sendAfter: ms: expected.*got -1/s],
    [['5', 'x', 'm'], /sendAfter: ms: expected.*got "5"/s],
    [[1, 5, 'm'], /sendAfter: to: expected.*got 5/s],
    [[1, 'x', 'm', { absolut: true }], /expected only absolute, got "absolut"/],
  ],
  sleep: [
    [[-1], /sleep: ms: expected.*got -1/s],
    [['5'], /sleep: ms/],
  ],
  spawn: [[['name'], /spawn: entry: expected a function, got "name"/]],
  spawnLink: [[[undefined], /spawnLink: entry: expected a function/]],
  spawnMonitor: [[[{}], /spawnMonitor: entry: expected a function/]],
  spawnOpt: [
    [[undefined, () => {}], /spawnOpt: options: expected an object, got undefined/],
    [[{ prio: 'low' }, () => {}], /expected only .*got "prio"/s],
    [[{}, 'name'], /spawnOpt: entry: expected a function/],
  ],
  startTimer: [[[Number.NaN, 'x', 'm'], /startTimer: ms: expected.*got NaN/s]],
  systemTime: [[['fortnight'], /unit: expected/]],
  takeOver: [[[5, () => {}], /expected a port, got 5/]],
  trapExit: [[['yes'], /trapExit: on: expected a boolean, got "yes"/]],
  unalias: [[['x'], NO_REF]],
  uniqueInteger: [[[{ monoton: true }], /expected only positive, monotonic, got "monoton"/]],
  unlink: [[['name'], NO_PID]],
  unregister: [
    [[''], NO_NAME],
    [['nobody'], /nobody/],
  ],
  whereis: [
    [[5], NO_NAME],
    [[undefined], NO_NAME],
  ],
};

/** Functions that take any argument, or none. */
const TAKE_ANYTHING = new Set([
  'disown',
  'exitReason',
  'exportName',
  'freeze',
  'groupLeader',
  'isPid',
  'makeRef',
  'node',
  'processes',
  'registered',
  'schedulers',
  'self',
  'setLabel',
  'thisScheduler',
  'yieldNow',
]);

const functions = tsvm as unknown as Readonly<Record<string, (...args: unknown[]) => unknown>>;

export async function s0_1_every_function_has_a_row(_peer: number): Promise<void> {
  const isClass = (fn: unknown): boolean => /^class\b/.test(Function.prototype.toString.call(fn));
  const missing = Object.entries(functions)
    .filter(([, value]) => typeof value === 'function' && !isClass(value))
    .map(([name]) => name)
    .filter((name) => !(name in TABLE) && !TAKE_ANYTHING.has(name));
  assert.deepEqual(missing, []);
}

export async function s0_1_wrong_arguments_raise_badarg(_peer: number): Promise<void> {
  for (const [name, calls] of Object.entries(TABLE)) {
    const fn = functions[name];
    assert.equal(typeof fn, 'function', `tsvm exports no ${name}`);
    for (const [args, text] of calls) await raises('badarg', text, () => fn?.(...args));
  }
  await nothing();
  assert.deepEqual(tsvm.registered(), []);
}
