/** Traces over changes: code that is loaded meanwhile, schedulers that are replaced, processes that trace. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Pid, startVm, type TraceEvent, type Vm } from 'tsvm/vm';
import { describe, expect, onTestFinished, test } from 'vitest';
import { nextEvent } from '../examples/support.js';

const MODULES = fileURLToPath(new URL('modules', import.meta.url));

const shop = (v: 1 | 2): string => `
import { receive } from 'tsvm';
import * as genServer from 'tsvm/gen-server';
import * as shop from './shop.js';
export const version = ${v};
export const init = () => ({ state: ${v === 1 ? '1' : '{ n: 1 }'} });
export const handleCall = {
  get: (_: unknown, state: unknown) => ({ reply: { v: ${v}, state }, state }),
};
export const open = () => genServer.start(shop, undefined, { name: 'shop' });
export const which = (): number => ${v};
export async function wait(): Promise<number> {
  await receive((message) => message === 'go on');
  return ${v};
}
${v === 1 ? '' : 'export const codeChange = (_: unknown, n: number) => ({ n });'}
`;
const DRIVER = `
import { receive, register, self } from 'tsvm';
import * as shop from './shop.js';
export const ask = () => shop.which();
export async function waits(): Promise<number> {
  await register('waiter', self());
  return await shop.wait();
}
export async function die(): Promise<void> {
  setImmediate(() => { throw new RangeError('thrown in a native callback'); });
  await receive(() => false);
}`;

interface Project {
  readonly vm: Vm;
  readonly write: (v: 1 | 2) => Promise<string>;
}

async function project(schedulers: number): Promise<Project> {
  const modules = await mkdtemp(join(tmpdir(), 'tsvm-traced-'));
  onTestFinished(() => rm(modules, { recursive: true, force: true }));
  const file = join(modules, 'shop.ts');
  const write = async (v: 1 | 2): Promise<string> => {
    await writeFile(file, shop(v));
    return file;
  };
  await write(1);
  await writeFile(join(modules, 'driver.ts'), DRIVER);
  const vm = await startVm({ modules, schedulers, dirtyThreads: 1, logger: false });
  onTestFinished(() => vm.stop());
  return { vm, write };
}

/** What a trace has seen, as `shop.which -> 1`. */
class Seen {
  readonly events: TraceEvent[] = [];
  readonly take = (event: TraceEvent): number => this.events.push(event);

  get lines(): string[] {
    return this.events.flatMap((event) =>
      event.type === 'return' ? [`${event.fn} -> ${JSON.stringify(event.value)}`] : [],
    );
  }

  /** Wait until a line has come. */
  async has(line: string, times = 1): Promise<void> {
    await expect
      .poll(() => this.lines.filter((each) => each === line).length, { timeout: 20_000 })
      .toBe(times);
  }
}

describe.each([1, 2])('with %i schedulers', (schedulers) => {
  test('a traced module that is loaded anew: both versions are seen, states are translated, old code can be purged', async () => {
    const { vm, write } = await project(schedulers);
    const pid = await vm.run<Pid<never>>('shop', 'open', [], { scheduler: schedulers });
    const seen = new Seen();
    const trace = await vm.trace({ calls: ['shop'] }, seen.take);
    const waiting = await vm.spawnMonitor('driver', 'waits', [], { scheduler: schedulers });
    expect(await vm.call(pid, { type: 'get' })).toEqual({ v: 1, state: 1 });
    expect(await vm.run('driver', 'ask')).toBe(1);
    await seen.has('shop.which -> 1');

    const [report] = await vm.load(await write(2));
    expect(report).toMatchObject({ changed: true, translated: 1, killed: 0 });
    expect(await vm.call(pid, { type: 'get' })).toEqual({ v: 2, state: { n: 1 } });
    expect(await vm.run('driver', 'ask')).toBe(2);
    await seen.has('shop.which -> 2');
    await seen.has('shop.handleCall.get -> {"reply":{"v":2,"state":{"n":1}},"state":{"n":1}}');

    // Who waits in a traced function of the old version runs it, and its end is seen.
    expect(await vm.code.softPurge('shop')).toBe(false);
    await vm.send('waiter', 'go on');
    expect(await waiting.exited).toBe('normal');
    await seen.has('shop.wait -> 1');
    expect(await vm.code.softPurge('shop')).toBe(true);

    await trace.stop();
    const before = seen.events.length;
    expect(await vm.run('driver', 'ask')).toBe(2);
    await vm.load(await write(1)).catch(() => {});
    await vm.run('driver', 'ask');
    expect(seen.events.length).toBe(before);
  });

  test('a process traces: events and the end come as messages, wrong options are thrown, itself it does not see', async () => {
    const vm = await startVm({ modules: MODULES, schedulers, dirtyThreads: 1, logger: false });
    onTestFinished(() => vm.stop());
    const here = { scheduler: schedulers };
    expect(await vm.run('watcher', 'traceOne', [], here)).toEqual({
      seen: [
        [true, true],
        [true, true],
      ],
      summary: { why: 'stopped', events: 2, dropped: 0 },
      again: { why: 'stopped', events: 0, dropped: 0 },
      isRest: false,
    });
    expect(await vm.run('watcher', 'traceAll', [], here)).toEqual({
      why: 'count',
      events: 20,
      others: true,
    });
    expect(await vm.run('watcher', 'wrongly', [], here)).toContain(
      'count: expected a whole number from 1',
    );
  });

  test('a process that traces and ends: its trace ends with it', async () => {
    const vm = await startVm({ modules: MODULES, schedulers, dirtyThreads: 1, logger: false });
    onTestFinished(() => vm.stop());
    // There may be 16 traces at once.
    for (let n = 0; n < 16; n++) await vm.run('watcher', 'leaves');
    const begin = () =>
      vm
        .trace({ who: ['all'] }, () => {})
        .then(
          (trace) => trace.stop(),
          () => null,
        );
    await expect.poll(begin, { timeout: 20_000 }).not.toBe(null);
    await expect.poll(async () => (await vm.stats()).processes, { timeout: 20_000 }).toBe(0);
  });
});

test('a scheduler that is replaced is traced again, and no more when the trace has ended', async () => {
  const { vm } = await project(2);
  const seen = new Seen();
  const trace = await vm.trace({ calls: ['shop:which'] }, seen.take);
  const up = nextEvent(vm, 'schedulerUp');
  await vm.spawn('driver', 'die', [], { scheduler: 2 }).catch(() => {});
  await up;
  expect(await vm.run('driver', 'ask', [], { scheduler: 2 })).toBe(1);
  await seen.has('shop.which -> 1');
  expect(seen.events.map(({ scheduler }) => scheduler)).toEqual([2, 2]);
  expect(await trace.stop()).toMatchObject({ why: 'stopped', events: 2 });
  await vm.run('driver', 'ask', [], { scheduler: 2 });
  expect(seen.events).toHaveLength(2);
});
