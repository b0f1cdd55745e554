/** Mailbox limits of spawnOpt. */
import { expect, test } from 'vitest';
import { runProcess, section, startTestVm } from '../support/section.js';

section<typeof import('./modules/mailbox-limit.js')>('mailbox-limit', {
  s1_4_kill_ends_the_overrun_process: '1.4 mailbox limit with kill: one too many ends the process',
  s1_4_drop_keeps_the_oldest_and_counts:
    '1.4 mailbox limit with drop: the newest are dropped, counted',
  s1_4_there_is_room_again_after_a_receive:
    '1.4 mailbox limit: there is room again after a receive',
  s1_4_exit_signals_pass_a_full_mailbox: '1.4 mailbox limit: exit signals pass a full mailbox',
  s1_4_without_a_limit_nothing_is_dropped: '1.4 without a limit nothing is dropped',
});

test('1.4 a mailbox that grows past the threshold is logged once', async () => {
  const vm = await startTestVm();
  try {
    const lines: string[] = [];
    vm.on('log', ({ level, text }) => {
      if (level === 'warning') lines.push(text);
    });
    await runProcess(vm, 'mailbox-limit', 'hoarder', []);
    await expect.poll(() => lines.length).toBeGreaterThan(0);
    expect(lines).toEqual([expect.stringMatching(/mailbox of <.*> holds 100000 messages/)]);
  } finally {
    await vm.stop();
  }
});
