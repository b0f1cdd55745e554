/** Endless plain loops of one scheduler all go on, where their functions have twins. */

import { fileURLToPath } from 'node:url';
import { startVm, type Vm } from 'tsvm/vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const MODULES = fileURLToPath(new URL('modules', import.meta.url));
const KINDS = [
  ...['spin', 'spinArrow', 'spinBelow', 'callsSpin', 'callsSpinAtOnce', 'callsImported'],
  ...['callsAgain', 'callsWithCatch', 'inline', 'inlineCall'],
];

const ALL = { stuck: [], reasons: ['killed'] };

describe.each([1, 2])('endless plain loops, schedulers: %i', (schedulers) => {
  let vm: Vm;

  beforeAll(async () => {
    vm = await startVm({ modules: MODULES, schedulers, dirtyThreads: 1, logger: false });
  });

  afterAll(async () => {
    await vm?.stop();
  });

  /** So many times as many on more schedulers. */
  const goOn = (kinds: readonly string[], laps: number): Promise<unknown> =>
    vm.run('spinners', 'goOn', [kinds.flatMap((kind) => Array(schedulers).fill(kind)), laps]);

  describe.each(KINDS)('%s', (kind) => {
    test('two on a scheduler all go on, and can be killed', async () => {
      expect(await goOn([kind, kind], 5)).toEqual(ALL);
    });

    test('eight on a scheduler all go on, and can be killed', async () => {
      expect(await goOn(new Array(8).fill(kind), 3)).toEqual(ALL);
    });
  });

  test('different ones all go on beside each other', async () => {
    expect(await goOn(KINDS, 3)).toEqual(ALL);
    expect(await goOn(KINDS.toReversed(), 3)).toEqual(ALL);
  });

  test('one that holds the stack, started first or last, holds up none of the others', async () => {
    expect(await goOn(['held', ...KINDS], 3)).toEqual(ALL);
    expect(await goOn([...KINDS, 'held'], 3)).toEqual(ALL);
  });

  test('what holds the stack for a while goes on beside one that does for ever', async () => {
    expect(await goOn(['held', 'holdsNowAndThen'], 3)).toEqual(ALL);
  });

  test('a hundred on a scheduler go on, and can be killed', async () => {
    for (const kind of ['spin', 'callsSpin']) {
      expect(await goOn(new Array(100).fill(kind), 2)).toEqual(ALL);
    }
    const all = Array.from({ length: 100 }, (_, n) => KINDS[n % KINDS.length] as string);
    expect(await goOn(all, 1)).toEqual(ALL);
  });

  test('nothing of all that is left', async () => {
    const { schedulers: figures } = await vm.stats();
    expect(figures.map(({ processes }) => processes)).toEqual(new Array(schedulers).fill(0));
  });
});
