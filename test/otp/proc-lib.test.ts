/** SEMANTICS §9: proc-lib, sys, and crash reports. */
import type { CrashReport } from 'tsvm/vm';
import { expect, test } from 'vitest';
import { section, startTestVm } from '../support/section.js';

section<typeof import('./modules/proc-lib.js')>('proc-lib', {
  s9_1_ancestors: '9.1 ancestors and initial call are in the dictionary, names preferred',
  s9_1_uncaught: '9.1 uncaught: errors, exits and throws become their reasons',
  s9_3_start: '9.3 start: gives what the child acknowledges, fails with its reason',
  s9_3_start_link: '9.3 startLink: EXIT for who traps; on a time-out killed, and nothing left',
  s9_4_stop: '9.4 stop: waits for the end; another reason, noproc and time-out are told',
  s9_5_suspend_resume: '9.5 suspended: system messages only; resumed: the others in order',
  s9_5_state: '9.5 getState and replaceState; a replacement that fails changes nothing',
  s9_5_status: '9.5 getStatus: what it is, the state through formatStatus',
  s9_5_change_code: '9.5 changeCode: when suspended; a failure leaves the state',
  s9_5_terminate: '9.5 terminate: in order, with the reason',
  s9_5_parent_exit_while_suspended: '9.5 the end of the parent ends a suspended process',
  s9_5_log_and_statistics: '9.5 log keeps the last events, statistics count',
  s9_5_install_remove: '9.5 an installed function sees events until it is done or removed',
  s9_5_trace: '9.5 trace can be switched on and off',
  s9_5_own_behaviour: '9.5 a behaviour of one’s own answers sys through handleSystemMessage',
});

test('9.2 crash report: for every end but normal, shutdown and {shutdown, …}, and not for a kill', async () => {
  const vm = await startTestVm();
  const reports: CrashReport[] = [];
  vm.on('crash', (report) => reports.push(report));
  await vm.run('proc-lib', 'endings');
  await expect.poll(() => reports.length).toBe(3);
  expect(reports.map(({ reason }) => reason)).toMatchObject([
    'odd',
    { kind: 'error', message: 'reported' },
    { kind: 'nocatch', value: 'thrown' },
  ]);
  expect(reports[0]).toMatchObject({ initialCall: 'proc-lib.ends', trapExit: false });
  expect(reports[0]?.ancestors).toHaveLength(1);
  await vm.stop();
});

test('9.2 crash report of a server: state, last message, name; code in it by its name', async () => {
  const vm = await startTestVm();
  const reports: CrashReport[] = [];
  vm.on('crash', (report) => reports.push(report));
  await vm.run('proc-lib', 'crashOfServer');
  await expect.poll(() => reports.length).toBe(1);
  expect(reports[0]).toMatchObject({
    name: 'crasher',
    initialCall: 'actor.init',
    reason: { kind: 'error', message: 'planned crash' },
    details: {
      module: 'actor',
      state: { shown: { password: '[redacted]', at: 'actor' } },
      lastMessage: { type: '$cast' },
    },
  });
  await vm.stop();
});
