/** SEMANTICS §8.7, §9 (sys) and §13.9: upgrades of processes with their state, in both placements. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Pid } from 'tsvm';
import type { LoadError, LoadReport, Vm } from 'tsvm/vm';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { formatBuild } from '../../loader/build-file.js';
import { compile } from '../../loader/compile.js';
import {
  expectNothingLeft,
  MODULES,
  ONE_SCHEDULER,
  type Placement,
  TWO_SCHEDULERS,
  useVm,
} from '../support/section.js';
import type * as kit from './modules/upgrade-kit.js';

type Kit = typeof kit;

async function build(name: string, source: string): Promise<string> {
  const module = await compile(source, { name, file: `${MODULES}/${name}.ts` });
  return formatBuild(module, { out: MODULES, modules: MODULES });
}

let made = 0;
const fresh = (what: string): string => `${what}-${++made}`;

/** A server that counts, whose state in version 2 has another form. */
const counter = (v: 1 | 2, change: string): string => `
import { receive, send, sleep, self, call, exit, type Pid } from 'tsvm';
export const version = ${v};
type V1 = { id: number; count: number };
type V2 = { id: number; tally: { total: number }; from: unknown };
export function init(id: number) {
  return { state: ${v === 1 ? '{ id, count: 0 }' : "{ id, tally: { total: 0 }, from: 'init' }"} };
}
export const handleCall = {
  add(_: unknown, state: any) {
    ${v === 1 ? 'const next = { ...state, count: state.count + 1 };' : 'const next = { ...state, tally: { total: state.tally.total + 1 } };'}
    return { reply: ${v === 1 ? 'next.count' : 'next.tally.total'}, state: next };
  },
  get(_: unknown, state: any) { return { reply: { version: ${v}, state }, state }; },
  async forward({ to }: any, state: any) {
    const reply = await call(to as Pid<never>, { type: 'add' } as never);
    return { reply, state };
  },
  async slow({ ms }: any, state: any) { await sleep(ms); return { reply: 'slept', state }; },
};
${change}
`;

const CHANGE = `
export function codeChange(from: unknown, { id, count }: V1): V2 { return { id, tally: { total: count }, from }; }`;

interface Got {
  readonly version: number;
  readonly state: Readonly<Record<string, unknown>>;
}

describe.each<Placement>([ONE_SCHEDULER, TWO_SCHEDULERS])('upgrades [$name]', (placement) => {
  const machine = useVm(placement, { upgrade: { restMs: 3000, codeChangeMs: 400 } });
  const vm = (): Vm => machine().vm;
  const run = <K extends keyof Kit>(
    fn: K,
    ...args: Parameters<Extract<Kit[K], (...args: never[]) => unknown>>
  ): Promise<Awaited<ReturnType<Extract<Kit[K], (...args: never[]) => unknown>>>> =>
    vm().run('upgrade-kit', fn, args as unknown[], { scheduler: 1 });
  const load = (...builds: string[]): Promise<readonly LoadReport[]> =>
    vm().code.loadBuilds(...builds);
  const failure = async (loading: Promise<unknown>): Promise<LoadError> =>
    loading.then(
      () => Promise.reject(new Error('it was loaded')),
      (error: LoadError) => error,
    );

  afterEach(async () => {
    await expectNothingLeft(vm(), machine().idle);
  });

  test('8.7 codeChange of a new build translates every state under traffic; no call fails or is lost', async () => {
    const name = fresh('counter');
    await load(await build(name, counter(1, '')));
    const pids = await run('startMany', name, 60);
    const callers = await run('startTraffic', pids, { type: 'add' }, 6);
    await delay(50);
    const [report] = await load(await build(name, counter(2, CHANGE)));
    await delay(50);
    const seen = await run('stopTraffic', callers);
    expect(report).toMatchObject({ changed: true, translated: 60, killed: 0 });
    expect(seen.flatMap(({ failures }) => failures)).toEqual([]);
    const states = (await run('askAll', pids, { type: 'get' })) as readonly Got[];
    expect(states.every(({ version, state }) => version === 2 && state['from'] === 1)).toBe(true);
    const counted = states.reduce(
      (sum, { state }) => sum + (state['tally'] as { total: number }).total,
      0,
    );
    expect(counted).toBe(seen.reduce((sum, { answered }) => sum + answered, 0));
    expect(counted).toBeGreaterThan(0);
    await run('stopAll', pids);
  });

  test('8.7 codeChange fails for the 500th of 1,000: all keep version and state, calls are answered', async () => {
    const name = fresh('counter');
    await load(await build(name, counter(1, '')));
    const pids = await run('startMany', name, 1000);
    await run('askAll', pids, { type: 'add' });
    const callers = await run('startTraffic', pids, { type: 'add' }, 4);
    const error = await failure(
      load(
        await build(
          name,
          counter(
            2,
            `export function codeChange(from: unknown, state: any): V2 {
               if (state.id === 500) throw new Error('not for 500');
               state.count = -1;
               return { id: state.id, tally: { total: 0 }, from };
             }`,
          ),
        ),
      ),
    );
    const seen = await run('stopTraffic', callers);
    expect(error).toMatchObject({ kind: 'code_change', module: name, processCount: 1 });
    expect(error.message).toMatch(/codeChange failed for 1 of 1000 processes .*Error: not for 500/);
    expect(error.processes?.[0]).toMatchObject({
      process: pids[499],
      reason: { kind: 'error', message: 'not for 500' },
    });
    expect(error.causeStack).toContain(`${name}.ts:`);
    expect(seen.flatMap(({ failures }) => failures)).toEqual([]);
    const states = (await run('askAll', pids, { type: 'get' })) as readonly Got[];
    expect(states.every(({ version }) => version === 1)).toBe(true);
    const counted = states.reduce((sum, { state }) => sum + Number(state['count']), 0);
    expect(counted).toBe(1000 + seen.reduce((sum, { answered }) => sum + answered, 0));
    expect(
      vm()
        .code.loaded()
        .find(({ module }) => module === name)?.oldVersion,
    ).toBeNull();
    await run('stopAll', pids);
  });

  test.each([
    ['sleeps', 'async function codeChange(): Promise<never> { await sleep(1e8); throw 0; }'],
    [
      'waits for a promise',
      'async function codeChange(): Promise<never> { return await new Promise(() => {}); }',
    ],
    [
      'receives',
      'async function codeChange(): Promise<never> { await receive((m) => m === 0); throw 0; }',
    ],
    ['computes in async code', 'async function codeChange(): Promise<never> { for (;;); }'],
    ['computes in plain code', 'function codeChange(): never { for (;;); }'],
    [
      'computes in plain code below async code',
      'async function codeChange(): Promise<never> { await sleep(1); try { return spin(); } finally { send(self(), "no"); } }\nfunction spin(): never { for (;;); }',
    ],
  ])('8.7 a codeChange that %s for longer than the limit: all go back', async (_how, fn) => {
    const name = fresh('counter');
    await load(await build(name, counter(1, '')));
    const pids = await run('startMany', name, 4);
    await run('askAll', pids, { type: 'add' });
    const error = await failure(load(await build(name, counter(2, `export ${fn}`))));
    expect(error).toMatchObject({ kind: 'code_change', processCount: 4 });
    expect(error.processes?.[0]?.reason).toEqual({ kind: 'timeout', limitMs: 400 });
    expect(await run('askAll', pids, { type: 'add' })).toEqual([2, 2, 2, 2]);
    // The module can still be upgraded: nothing of the failure is left.
    await load(await build(name, counter(2, CHANGE)));
    expect(await run('askAll', pids, { type: 'add' })).toEqual([3, 3, 3, 3]);
    await run('stopAll', pids);
  });

  test('8.7 a process that starts meanwhile waits, and begins in the new version', async () => {
    const name = fresh('counter');
    await load(await build(name, counter(1, '')));
    const pids = await run('startMany', name, 2);
    const change = `export async function codeChange(from: unknown, state: V1): Promise<V2> {
      send('gate', state.id);
      await sleep(200);
      return { id: state.id, tally: { total: 0 }, from };
    }`;
    const arrived: number[] = [];
    const gate = await vm().mailbox<number>((id) => arrived.push(id));
    await vm().run('upgrade-kit', 'nameIt', ['gate', gate]);
    const loading = load(await build(name, counter(2, change)));
    while (arrived.length === 0) await delay(2);
    const late = await run('startMany', name, 2);
    expect(await run('askAll', late, { type: 'get' })).toMatchObject([
      { version: 2, state: { from: 'init' } },
      { version: 2, state: { from: 'init' } },
    ]);
    expect(await loading).toMatchObject([{ translated: 2 }]);
    await run('stopAll', [...pids, ...late]);
    await vm().shutdown(gate);
  });

  test('8.7 processes that die while they stand still do not fail the upgrade', async () => {
    const name = fresh('counter');
    await load(await build(name, counter(1, '')));
    const pids = await run('startMany', name, 6);
    const change = `export async function codeChange(from: unknown, state: V1): Promise<V2> {
      if (state.id < 3) exit(self(), 'kill');
      await sleep(50);
      return { id: state.id, tally: { total: 0 }, from };
    }`;
    expect(await load(await build(name, counter(2, change)))).toMatchObject([{ translated: 4 }]);
    const living = pids.slice(2);
    expect(await run('askAll', living, { type: 'add' })).toEqual([1, 1, 1, 1]);
    await run('stopAll', pids);
  });

  test('8.7 processes that call each other come to rest, whoever is asked first', async () => {
    const name = fresh('counter');
    await load(await build(name, counter(1, '')));
    const pids = await run('startMany', name, 3);
    const [last, middle, first] = pids as [Pid, Pid, Pid];
    const busy = await Promise.all([
      run('startTraffic', [first], { type: 'forward', to: middle }, 2),
      run('startTraffic', [middle], { type: 'forward', to: last }, 2),
    ]);
    await delay(30);
    expect(await load(await build(name, counter(2, CHANGE)))).toMatchObject([{ translated: 3 }]);
    const seen = await run('stopTraffic', busy.flat());
    expect(seen.flatMap(({ failures }) => failures)).toEqual([]);
    await run('stopAll', pids);
  });

  test('8.7 a process that does not come to rest in time: nothing changes, and it is named', async () => {
    const name = fresh('counter');
    await load(await build(name, counter(1, '')));
    const pids = await run('startMany', name, 3);
    const asked = run('ask', pids[1] as Pid<never>, { type: 'slow', ms: 4500 }, 8000);
    const error = await failure(load(await build(name, counter(2, CHANGE))));
    expect(error).toMatchObject({ kind: 'standstill', processCount: 1 });
    expect(error.processes?.[0]?.process).toBe(pids[1]);
    expect(await asked).toBe('slept');
    expect(await run('askAll', pids, { type: 'add' })).toEqual([1, 1, 1]);
    await run('stopAll', pids);
  });

  test('8.7 a build without codeChange is loaded without a stop', async () => {
    const name = fresh('counter');
    await load(await build(name, counter(1, '')));
    const pids = await run('startMany', name, 2);
    const asked = run('ask', pids[0] as Pid<never>, { type: 'slow', ms: 300 });
    const source = counter(1, '').replace('version = 1', 'version = 9');
    expect(await load(await build(name, source))).toMatchObject([{ changed: true, translated: 0 }]);
    expect(await asked).toBe('slept');
    await run('stopAll', pids);
  });

  test('9 a process that sys has suspended is translated, and stays suspended', async () => {
    const name = fresh('counter');
    await load(await build(name, counter(1, '')));
    const [pid] = (await run('startMany', name, 1)) as unknown as [Pid<never>];
    await run('suspendOne', pid);
    await load(await build(name, counter(2, CHANGE)));
    expect(await run('stateOf', pid)).toEqual({ id: 1, tally: { total: 0 }, from: 1 });
    const asked = run('ask', pid, { type: 'add' });
    const early = await Promise.race([asked.then(() => 'answered'), delay(50, 'waits')]);
    expect(early).toBe('waits');
    await run('resumeOne', pid);
    expect(await asked).toBe(1);
    await run('stopAll', [pid]);
  });

  test('8.7 codeChange sees the new versions of the other modules of its set', async () => {
    const [name, shapes, extra] = [fresh('counter'), fresh('shapes'), fresh('extra')];
    const helper = (n: number): string => `export const shape = (): string => 'shape ${n}';`;
    await load(await build(name, counter(1, '')), await build(shapes, helper(1)));
    const pids = await run('startMany', name, 4);
    const change = `import { shape } from './${shapes}.js';
import { more } from './${extra}.js';
export async function codeChange(_: unknown, { id, count }: V1): Promise<V2> {
  const before = shape();
  await sleep(5);
  return { id, tally: { total: count }, from: [before, shape(), more()] };
}`;
    await load(
      await build(name, counter(2, change)),
      await build(shapes, helper(2)),
      await build(extra, "export const more = (): string => 'more';"),
    );
    const states = (await run('askAll', pids, { type: 'get' })) as readonly Got[];
    for (const { state } of states) expect(state['from']).toEqual(['shape 2', 'shape 2', 'more']);
    await run('stopAll', pids);
  });

  test('11 a state machine: state and data are translated', async () => {
    const name = fresh('door');
    const door = (v: number): string => `
export const version = 'door ${v}';
export const init = () => ({ state: 'closed', data: ${v === 1 ? '3' : '{ opened: 0 }'} });
export const states = { closed: { call: { get: (_: unknown, data: unknown, _from: unknown) => ({ keep: true, reply: { v: ${v}, data } }) } },
  locked: { call: { get: (_: unknown, data: unknown) => ({ keep: true, reply: { v: ${v}, locked: data } }) } } };
${v === 1 ? '' : "export const codeChange = (from: unknown, { data }: any) => ({ state: 'locked', data: { opened: data, from } });"}`;
    await load(await build(name, door(1)));
    const pid = await run('startStatem', name);
    await load(await build(name, door(2)));
    expect(await run('ask', pid as Pid<never>, { type: 'get' })).toEqual({
      v: 2,
      locked: { opened: 3, from: 'door 1' },
    });
    await run('stopAll', [pid as Pid<never>]);
  });

  test('12 event handlers of a module are translated, those of others and the manager are not', async () => {
    const [name, other] = [fresh('listener'), fresh('listener')];
    const listener = (v: number): string => `
export const version = ${v};
export const init = (id: string) => ({ state: { id } });
export const handleEvent = (_: unknown, state: unknown) => ({ state });
export const handleCall = { get: (_: unknown, state: unknown) => ({ reply: { v: ${v}, state }, state }) };
${v === 1 ? '' : 'export const codeChange = (from: unknown, state: any) => ({ ...state, from });'}`;
    await load(await build(name, listener(1)), await build(other, listener(1)));
    const manager = await run('startEvents', name, ['a', 'b']);
    const stranger = await run('startEvents', other, ['c']);
    expect(await load(await build(name, listener(2)))).toMatchObject([{ translated: 1 }]);
    for (const id of ['a', 'b']) {
      expect(await run('askHandler', manager, name, id)).toEqual({ v: 2, state: { id, from: 1 } });
    }
    expect(await run('askHandler', stranger, other, 'c')).toEqual({ v: 1, state: { id: 'c' } });
    await run('stopAll', [manager, stranger] as unknown as Pid<never>[]);
  });

  test('13.9 a supervisor: its argument is translated and init asked again; what runs goes on', async () => {
    const name = fresh('tree');
    const tree = (v: number): string => `
import { child } from 'tsvm/supervisor';
import { startWorker } from './upgrade-kit.js';
export const version = ${v};
export const init = (${v === 1 ? 'last: string' : '{ last }: { last: string }'}) => ({
  strategy: 'one_for_one' as const,
  children: ['a', last${v === 1 ? '' : ", 'new'"}].map((id) => child(id, startWorker, [])),
});
${v === 1 ? '' : 'export const codeChange = (_from: unknown, last: string) => ({ last });'}`;
    await load(await build(name, tree(1)));
    const keeper = await vm().spawn('upgrade-kit', 'startSupervisor', [name, 'b']);
    while ((await run('isThere', 'upgraded_sup')) === false) await delay(2);
    expect(await load(await build(name, tree(2)))).toMatchObject([{ translated: 1 }]);
    expect(await run('childIds')).toEqual(['new', 'b', 'a']);
    await vm().shutdown(keeper);
  });

  test('13.9 simple_one_for_one: the children that there are follow the new specification', async () => {
    const name = fresh('pool');
    const pool = (v: number): string => `
import { child } from 'tsvm/supervisor';
import { startWorker } from './upgrade-kit.js';
export const init = () => ({
  strategy: 'simple_one_for_one' as const,
  children: [child('worker', startWorker, [], { restart: ${v === 1 ? "'temporary'" : "'permanent'"} })],
});
${v === 1 ? '' : 'export const codeChange = (_from: unknown, argument: unknown) => argument;'}`;
    await load(await build(name, pool(1)));
    const keeper = await vm().spawn('upgrade-kit', 'startSupervisor', [name, undefined]);
    while (!(await run('isThere', 'upgraded_sup'))) await delay(2);
    const first = await run('startDynamic');
    await load(await build(name, pool(2)));
    // A temporary child would be gone now; a permanent one is started again.
    await vm().shutdown(first, 'kill');
    await vi.waitFor(async () => expect(await run('childPids')).toHaveLength(1));
    expect(await run('childPids')).not.toContain(first);
    await vm().shutdown(keeper);
  });

  test('9 a special process that says its modules is translated by its own codeChange', async () => {
    const name = fresh('special');
    const special = (v: number): string => `
export const version = ${v};
export const initial = () => 'made by ${v}';
export const change = (state: string, version: unknown) => state + ', from ' + version + ' to ${v}';
export const codeChange = true;`;
    await load(await build(name, special(1)));
    const pid = await run('startSpecial', name);
    expect(await load(await build(name, special(2)))).toMatchObject([{ translated: 1 }]);
    expect(await vm().call(pid as Pid<never>, 'get')).toBe('made by 1, from 1 to 2');
    await vm().shutdown(pid);
  });
});
