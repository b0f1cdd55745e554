/** SEMANTICS §3: the table of exit reasons, every cell of it, and the rules below it. */
import { describe } from 'vitest';
import { ONE_SCHEDULER, processTest, section, TWO_SCHEDULERS, useVm } from '../support/section.js';
import type { Outcome, Way } from './modules/exit-signals.js';

const COLUMNS: readonly { readonly way: Way; readonly traps: boolean }[] = [
  { way: 'explicit', traps: false },
  { way: 'explicit', traps: true },
  { way: 'self', traps: false },
  { way: 'self', traps: true },
  { way: 'link', traps: false },
  { way: 'link', traps: true },
];

const ORDINARY: readonly unknown[] = [
  'killed',
  'shutdown',
  'any other',
  ['shutdown', 'why'],
  { kind: 'data', list: [1, 2] },
];

/** The rows of the table, written out: reason, then one outcome per column. */
const TABLE: readonly (readonly [unknown, ...Outcome[]])[] = [
  ['normal', 'ignored', 'message', { dies: 'normal' }, 'message', 'ignored', 'message'],
  [
    'kill',
    { dies: 'killed' },
    { dies: 'killed' },
    { dies: 'killed' },
    { dies: 'killed' },
    { dies: 'kill' },
    'message',
  ],
  ...ORDINARY.map((reason): readonly [unknown, ...Outcome[]] => [
    reason,
    { dies: reason },
    'message',
    { dies: reason },
    'message',
    { dies: reason },
    'message',
  ]),
];

const WAYS: Readonly<Record<Way, string>> = {
  explicit: 'explicit, from another',
  self: 'explicit, from itself',
  link: 'caused by a link',
};

for (const placement of [ONE_SCHEDULER, TWO_SCHEDULERS]) {
  describe(`exit-signals: the table [${placement.name}]`, () => {
    const machine = useVm(placement);
    for (const [reason, ...outcomes] of TABLE) {
      for (const [index, { way, traps }] of COLUMNS.entries()) {
        const outcome = outcomes[index] as Outcome;
        const result =
          typeof outcome === 'object' ? `dies ${JSON.stringify(outcome.dies)}` : outcome;
        processTest(
          `3 exit signal ${JSON.stringify(reason)}, ${WAYS[way]}, ${traps ? 'trapping' : 'not trapping'}: ${result} [${placement.name}]`,
          machine,
          'exit-signals',
          'cell',
          [placement.peer, way, traps, reason, outcome],
        );
      }
    }
  });
}

section<typeof import('./modules/exit-signals.js')>('exit-signals', {
  s3_1_returning_is_normal: '3 a process that returns dies with reason normal',
  s3_2_exit_signal_to_oneself_cannot_be_caught:
    '3 exit(self(), reason) cannot be caught, and nothing after it runs',
  s3_2_exit_of_one_argument_can_be_caught: '3 exit(reason) can be caught by the process itself',
  s3_2_finally_runs_on_exit_of_one_argument: '3 exit(reason) runs finally blocks',
  s3_2_the_trap_flag_is_read_on_reception: '3 the trap flag is read when a signal is received',
  s3_3_kill_is_renamed_once: '3 kill is renamed killed exactly once, at the victim',
  s3_3_linked_death_by_reason_kill_is_ordinary:
    '3 a linked death with reason kill is an ordinary reason',
  s3_3_first_fatal_signal_wins: '3 the first fatal signal gives the reason, later ones are ignored',
  s3_3_signals_to_the_dead_return_true: '3 exit signals to a dead process return true',
  s3_3_link_caused_signals_count_only_while_linked:
    '3 a death is not seen by a process that has unlinked',
  s3_3_explicit_and_link_caused_exits_look_alike:
    '3 EXIT messages of explicit and of link-caused signals look alike',
  s3_3_normal_from_another_is_ignored_by_all_but_trappers:
    '3 normal from another process is ignored by one that does not trap',
  s3_3_exit_to_oneself_while_trapping_is_a_message:
    '3 exit(self(), reason) while trapping returns true and sends an EXIT',
});
