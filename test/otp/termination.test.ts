/** SEMANTICS 1.7: what is done by the time others see the end of a process. */
import { section } from '../support/section.js';

section<typeof import('./modules/termination.js')>('termination', {
  s1_7_who_sees_DOWN_finds_the_name_free: '1.7 who sees DOWN finds the name free, 200 times',
  s1_7_who_sees_EXIT_finds_the_name_free: '1.7 who sees EXIT finds the name free, 200 times',
  s1_7_who_sees_isAlive_false_finds_the_name_free:
    '1.7 who sees isAlive false finds the name free, 200 times',
  s1_7_who_sees_undefined_of_processInfo_finds_the_name_free:
    '1.7 who sees no processInfo finds the name free',
  s1_7_a_watcher_elsewhere_can_take_the_name_over:
    '1.7 a watcher on another scheduler can take the name over at once, 200 times',
  s1_7_timers_to_the_dead_are_cancelled: '1.7 timers addressed to a dead pid are cancelled',
  s1_7_no_user_code_runs_after_the_fatal_signal: '1.7 nothing of a process is heard after its DOWN',
  s1_7_linked_and_monitoring_gets_both: '1.7 a linked and monitoring process gets EXIT and DOWN',
  s1_7_the_mailbox_of_the_dead_is_gone: '1.7 the mailbox of a dead process is gone',
  s1_7_names_of_many_dying_at_once_are_all_free: '1.7 forty linked holders die: all names are free',
});
