/** Endless plain loops of one scheduler all go on, where their functions have twins. */

import { fileURLToPath } from 'node:url';
import { startVm, type Vm } from 'tsvm/vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const MODULES = fileURLToPath(new URL('modules', import.meta.url));
const KINDS = [
  ...['spin', 'spinArrow', 'spinBelow', 'callsSpin', 'callsSpinAtOnce', 'callsImported'],
  ...['callsAgain', 'callsWithCatch', 'inline', 'inlineCall'],
];

let vm: Vm;

beforeAll(async () => {
  vm = await startVm({ modules: MODULES, schedulers: 1, dirtyThreads: 1, logger: false });
});

afterAll(async () => {
  await vm?.stop();
});

function goOn(kinds: readonly string[], laps: number): Promise<unknown> {
  return vm.run('spinners', 'goOn', [kinds, laps]);
}

const ALL = { stuck: [], reasons: ['killed'] };

describe.each(KINDS)('endless plain loops: %s', (kind) => {
  test('two all go on, and can be killed', async () => {
    expect(await goOn([kind, kind], 5)).toEqual(ALL);
  });

  test('eight all go on, and can be killed', async () => {
    expect(await goOn(new Array(8).fill(kind), 3)).toEqual(ALL);
  });
});

test('endless plain loops: different ones all go on beside each other', async () => {
  expect(await goOn(KINDS, 3)).toEqual(ALL);
  expect(await goOn(KINDS.toReversed(), 3)).toEqual(ALL);
});

test('endless plain loops: a hundred go on, and can be killed', async () => {
  for (const kind of ['spin', 'callsSpin']) {
    expect(await goOn(new Array(100).fill(kind), 2)).toEqual(ALL);
  }
  expect(
    await goOn(
      Array.from({ length: 100 }, (_, n) => KINDS[n % KINDS.length] as string),
      1,
    ),
  ).toEqual(ALL);
});

test('nothing of all that is left', async () => {
  const { schedulers } = await vm.stats();
  expect(schedulers.map(({ processes }) => processes)).toEqual([0]);
});
