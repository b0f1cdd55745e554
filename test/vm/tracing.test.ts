/** Tracing of a running machine: what is seen, that nothing changes by it, and its bounds. */
import { fileURLToPath } from 'node:url';
import { startVm, type TraceEvent, type TraceOptions, type Vm } from 'tsvm/vm';
import { describe, expect, onTestFinished, test } from 'vitest';

const MODULES = fileURLToPath(new URL('modules', import.meta.url));

async function start(schedulers: number): Promise<Vm> {
  const vm = await startVm({ modules: MODULES, schedulers, dirtyThreads: 1, logger: false });
  onTestFinished(() => vm.stop());
  return vm;
}

/** Run something under a trace. */
async function tracing(
  vm: Vm,
  options: TraceOptions,
  body: () => Promise<unknown>,
): Promise<{ events: TraceEvent[]; dropped: number; result: unknown }> {
  const events: TraceEvent[] = [];
  const trace = await vm.trace(options, (event) => events.push(event));
  const result = await body();
  // What was seen last comes with one of the next batches.
  let before = -1;
  while (before !== events.length) {
    before = events.length;
    await vm.stats();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { dropped } = await trace.stop();
  return { events, dropped, result };
}

const kinds = (events: readonly TraceEvent[]): string[] => events.map(({ type }) => type);

describe.each([1, 2])('with %i schedulers', (schedulers) => {
  test('messages of a process: in and out, with what they say', async () => {
    const vm = await start(schedulers);
    const pid = await vm.spawn('traced', 'echo', [], { scheduler: schedulers, name: 'echo' });
    for (const who of [pid, 'echo', 'traced', 'traced:echo']) {
      const { events, result } = await tracing(vm, { who: [who] }, () => vm.call('echo', 21));
      expect(result).toBe(42);
      expect(kinds(events)).toEqual(['receive', 'send']);
      expect(events[0]).toMatchObject({
        pid,
        name: 'echo',
        scheduler: schedulers,
        message: { type: 'call', request: 21 },
      });
      expect(events[1]).toMatchObject({ message: { type: 'reply', value: 42 } });
    }
  });

  test('calls: arguments, results, failures, also of async functions; nothing else changes', async () => {
    const vm = await start(schedulers);
    const plain = await vm.run('traced', 'calls');
    const options = { calls: ['traced:double', 'traced:later', 'traced:handlers'] };
    const { events, result } = await tracing(vm, options, () => vm.run('traced', 'calls'));
    expect(result).toEqual(plain);
    const text = events.map((event) => {
      if (event.type === 'call') return `${event.fn}(${event.args})`;
      if (event.type === 'return') return `${event.fn} -> ${event.value}`;
      return event.type === 'throw' ? `${event.fn} ! ${event.value}` : event.type;
    });
    expect(text).toEqual([
      'traced.double(4)',
      'traced.double -> 8',
      'traced.later(1)',
      'traced.later -> 2',
      'traced.handlers.add(1,2)',
      'traced.handlers.add -> 3',
      'traced.later(-1)',
      'traced.later ! RangeError: below zero',
      'traced.later(5)',
      'traced.later -> 6',
    ]);
    const { events: after } = await tracing(vm, { calls: ['traced:echo'] }, () =>
      vm.run('traced', 'calls'),
    );
    expect(after).toEqual([]);
  });

  test('a traced call that fails ends its process as without a trace', async () => {
    const vm = await start(schedulers);
    await tracing(vm, { calls: ['traced'] }, () =>
      expect(vm.run('traced', 'fails')).rejects.toMatchObject({
        reason: { kind: 'error', name: 'RangeError', message: 'below zero' },
      }),
    );
  });

  test('spawns, links and exits of new processes; no secrets', async () => {
    const vm = await start(schedulers);
    const { events } = await tracing(vm, { who: ['new'] }, async () => {
      const { exited } = await vm.spawnMonitor('traced', 'family', [1], { scheduler: schedulers });
      expect(await exited).toBe('over');
    });
    expect(kinds(events).filter((type) => type === 'spawn')).toHaveLength(2);
    expect(kinds(events).filter((type) => type === 'link')).toHaveLength(2);
    expect(events.filter(({ type }) => type === 'exit')).toMatchObject([
      { reason: 'over' },
      { reason: 'over' },
    ]);
    expect(events.find(({ type }) => type === 'receive')).toMatchObject({
      message: { password: '[redacted]', n: 1 },
    });
  });

  test('a flood: bounded by rate and count, the rest is counted, and nobody waits', async () => {
    const vm = await start(schedulers);
    const sink = await vm.spawn('traced', 'sinkhole', [], { scheduler: schedulers });
    const options: TraceOptions = { who: [sink], kinds: ['receive'], rate: 50, count: 100_000 };
    const { events, dropped, result } = await tracing(vm, options, () =>
      vm.run('traced', 'flood', [50_000, sink]),
    );
    expect(result).toBe(50_000);
    await expect.poll(async () => (await vm.stats()).processes).toBe(1);
    expect(events.length).toBeLessThan(10_000);
    expect(events.length).toBeGreaterThanOrEqual(50);
    expect(dropped).toBeGreaterThan(10_000);
  });

  test('ends by count and by time, and nothing of it is left', async () => {
    const vm = await start(schedulers);
    const pid = await vm.spawn('traced', 'echo', [], { scheduler: schedulers });
    const seen: TraceEvent[] = [];
    const counted = await vm.trace({ who: ['all'], count: 3 }, (event) => seen.push(event));
    for (let n = 0; n < 4; n++) await vm.call(pid, n);
    expect(await counted.ended).toMatchObject({ why: 'count', events: 3 });
    const timed = await vm.trace({ who: ['all'], seconds: 0.05 }, (event) => seen.push(event));
    expect(await timed.ended).toMatchObject({ why: 'time' });
    const before = seen.length;
    await vm.call(pid, 1);
    expect(seen.length).toBe(before);
    expect(await timed.stop()).toMatchObject({ why: 'time' });
  });
});

test.each<[TraceOptions, string]>([
  [{}, 'who: expected pids, names, modules'],
  [{ who: ['all'], count: 0 }, 'count: expected a whole number from 1'],
  [{ who: ['all'], seconds: -1 }, 'seconds: expected a number'],
  [{ calls: ['a:b:c'] }, 'calls: expected module or module:function'],
  [{ who: ['all'], kinds: ['call'] }, 'calls: expected functions'],
  [{ who: ['all'], kinds: ['odd' as never] }, 'kinds: expected of receive'],
])('wrong options %j are refused with what was expected', async (options, message) => {
  const vm = await start(1);
  await expect(vm.trace(options, () => {})).rejects.toThrow(message);
});
