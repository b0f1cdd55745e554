/** The counter: it counts, and an edit of its text shows at the next line, with the number kept. */

import { startVm } from 'tsvm/vm';
import { expect, test } from 'vitest';
import { copyExample, nextEvent } from './support.js';

test('counter: counts, and a changed line takes over while the number goes on', async () => {
  const copy = await copyExample('counter');
  const vm = await startVm({ modules: copy.modules, schedulers: 2, watch: true, logger: false });
  try {
    const lines: string[] = [];
    vm.on('log', ({ text }) => lines.push(text));
    await vm.spawn('main', 'start');
    await nextEvent(vm, 'log', ({ text }) => text === 'counted to 2');
    await copy.edit('counter', { 'counted to': 'now at' });
    await nextEvent(vm, 'load');
    const old = lines.length;
    await nextEvent(vm, 'log', ({ text }) => text.startsWith('now at'));
    expect(lines.slice(old)).toEqual([`now at ${old + 1}`]);
    expect(lines.slice(0, old)).toEqual(
      lines.slice(0, old).map((_, index) => `counted to ${index + 1}`),
    );
  } finally {
    await vm.stop();
    await copy.remove();
  }
});
