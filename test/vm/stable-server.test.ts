/** Servers whose state is kept: their restarts, their versions, and kill -9 of the machine. */

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startVm, type Vm } from 'tsvm/vm';
import { afterAll, describe, expect, test } from 'vitest';
import { MODULES, ONE_SCHEDULER, processTest, TWO_SCHEDULERS, useVm } from '../support/section.js';

const TITLES: Readonly<
  Record<Extract<keyof typeof import('../otp/modules/stable-server.js'), `s17_${string}`>, string>
> = {
  s17_whole:
    'stable-server: killed, stopped, forgotten: it has the state that was acknowledged last',
  s17_journal: 'stable-server with a journal: killed: changes are applied again, so many at most',
  s17_supervised: 'stable-server under a supervisor: it fails: it goes on with what was kept',
  s17_one_at_a_time: 'stable-server: a second one for the same state: one of them is refused',
  s17_versions: 'stable-server: what is kept is older: codeChange and upcast; newer: refused',
  s17_replaced_by_hand: 'stable-server: its state is replaced with sys: that is kept',
  s17_wrong_result: 'stable-server with a journal: a callback gives a state: it ends, with why',
  s17_bad_arguments: 'stable-server: wrong arguments: badarg',
};

describe.each([ONE_SCHEDULER, TWO_SCHEDULERS])('stable-server [$name]', (placement) => {
  const data = mkdtempSync(join(tmpdir(), 'tsvm-stable-'));
  const machine = useVm(placement, { data });
  afterAll(() => rmSync(data, { recursive: true, force: true }));
  for (const [fn, title] of Object.entries(TITLES)) {
    processTest(`${title} [${placement.name}]`, machine, 'stable-server', fn, [placement.peer]);
  }
});

/** A sum: a number in version 1, an object in version 2. */
const sums = (version: 1 | 2): string => `
import { startLink, type StableServer } from 'tsvm/stable-server';
import { call, named } from 'tsvm/gen-server';
import { receive, self, send, spawn } from 'tsvm';
import * as me from './sums.js';
type State = ${version === 1 ? 'number' : '{ readonly sum: number }'};
type Sums = StableServer<{ state: State; calls: { add: (r: { n: number }) => State } }>;
export const version = ${version};
export const init: Sums['init'] = (_, kept) => ({ state: kept ?? ${version === 1 ? '0' : '{ sum: 0 }'} });
export const handleCall: Sums['handleCall'] = {
  add({ n }, state) {
    const next = ${version === 1 ? 'state + n' : '{ sum: state.sum + n }'};
    return { reply: next, state: next };
  },
};
${version === 1 ? '' : "export const codeChange: Sums['codeChange'] = (_from: number, state: number) => ({ sum: state });"}
export async function open(): Promise<void> {
  const opener = self();
  spawn(async () => {
    await startLink(me, 'sums', undefined, { name: 'sums' });
    send(opener, 'open');
    await receive((message) => message === 'never');
  });
  await receive((message) => message === 'open');
}
export const add = (n: number): Promise<unknown> => call(named<typeof me>('sums'), { type: 'add', n });
`;

test.each([1, 2])(
  'stable-server: a new version is loaded while it runs: codeChange, and what is kept follows [%i schedulers]',
  async (schedulers) => {
    const [data, modules] = ['data', 'modules'].map((of) =>
      mkdtempSync(join(tmpdir(), `tsvm-stable-${of}-`)),
    ) as [string, string];
    const file = join(modules, 'sums.ts');
    const start = (): Promise<Vm> => startVm({ modules, data, schedulers, logger: false });
    try {
      writeFileSync(file, sums(1));
      const vm = await start();
      await vm.run('sums', 'open');
      expect(await vm.run('sums', 'add', [2])).toBe(2);
      writeFileSync(file, sums(2));
      await vm.load(file);
      expect(await vm.run('sums', 'add', [3])).toEqual({ sum: 5 });
      await vm.stop();
      const again = await start();
      await again.run('sums', 'open');
      expect(await again.run('sums', 'add', [0])).toEqual({ sum: 5 });
      await again.stop();
    } finally {
      for (const folder of [data, modules]) rmSync(folder, { recursive: true, force: true });
    }
  },
  60_000,
);

test('stable-server: a newer version without codeChange is loaded while it runs: it ends with why, and what is kept stays', async () => {
  const [data, modules] = ['data', 'modules'].map((of) =>
    mkdtempSync(join(tmpdir(), `tsvm-stable-${of}-`)),
  ) as [string, string];
  const file = join(modules, 'sums.ts');
  const start = (): Promise<Vm> => startVm({ modules, data, schedulers: 1, logger: false });
  try {
    writeFileSync(file, sums(1));
    const vm = await start();
    await vm.run('sums', 'open');
    expect(await vm.run('sums', 'add', [2])).toBe(2);
    writeFileSync(file, sums(2).replace('export const codeChange', 'const forgotten'));
    await vm.load(file);
    await expect(vm.run('sums', 'add', [3])).rejects.toThrow(
      'the state sums is of version 1, this program has 2 and no codeChange for it',
    );
    await vm.stop();
    writeFileSync(file, sums(1));
    const again = await start();
    await again.run('sums', 'open');
    expect(await again.run('sums', 'add', [0])).toBe(2);
    await again.stop();
  } finally {
    for (const folder of [data, modules]) rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);

const MACHINE = fileURLToPath(new URL('../support/crash-machine.mjs', import.meta.url));
const ROUNDS = Number(process.env['TSVM_CRASHES'] ?? 1);
/** Of each server, before the machine is killed. */
const ACKNOWLEDGED = 10;

interface Round {
  readonly problems: readonly string[];
  /** What each server had when the machine came up. */
  readonly found: Readonly<Record<string, number>>;
  readonly acknowledged: ReadonlyMap<string, number>;
}

async function round(data: string, name: string): Promise<Round> {
  const child = spawn(process.execPath, [MACHINE, MODULES, data, name, 'stable-crash'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const acknowledged = new Map<string, number>();
  const lines = new Map<string, number>();
  let found: Record<string, number> = {};
  let problems: readonly string[] = ['the machine did not come up'];
  for await (const line of createInterface({ input: child.stdout })) {
    const [first = '', ...rest] = line.split(' ');
    if (first === 'checked') {
      ({ last: found, problems } = JSON.parse(rest.join(' ')));
      continue;
    }
    acknowledged.set(first, Number(rest[0]));
    lines.set(first, (lines.get(first) ?? 0) + 1);
    const isEnough = lines.size === 3 && [...lines.values()].every((count) => count > ACKNOWLEDGED);
    if (isEnough) child.kill('SIGKILL');
  }
  await ended;
  return { problems, found, acknowledged };
}

test(
  'stable-server: kill -9 of the machine under load: each has what it acknowledged',
  async () => {
    const data = mkdtempSync(join(tmpdir(), 'tsvm-stable-'));
    try {
      let before: ReadonlyMap<string, number> = new Map();
      for (let number = 1; number <= ROUNDS + 1; number++) {
        const { problems, found, acknowledged } = await round(
          data,
          number > ROUNDS ? 'check' : String(number),
        );
        expect(problems).toEqual([]);
        for (const [server, last] of before) {
          expect(found[server] ?? 0, server).toBeGreaterThanOrEqual(last);
        }
        if (number <= ROUNDS) expect(acknowledged.size).toBe(3);
        before = acknowledged;
      }
    } finally {
      rmSync(data, { recursive: true, force: true });
    }
  },
  120_000 + ROUNDS * 20_000,
);
