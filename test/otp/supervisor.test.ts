/** SEMANTICS §13: supervisor. */
import { section } from '../support/section.js';

section<typeof import('./modules/supervisor.js')>('supervisor', {
  s13_1_children_in_order:
    '13.1 children start in the order of the list; which_children gives the newest first',
  s13_1_ignore: '13.1 ignore: kept without a pid, dropped if temporary',
  s13_1_first_failure:
    '13.1 the first child that fails: those before are stopped in reverse, the reason names it',
  s13_1_bad_specifications:
    '13.1 bad flags and specifications, duplicate ids: start_spec and supervisor_data',
  s13_1_start_limit:
    '13.1 a start that takes longer than startMs: killed, failed; at a restart it counts as an attempt',
  s13_1_callback_module:
    '13.1 a module whose init gives the specification; ignore ends it in order',
  s13_2_permanent: '13.2 a permanent child is restarted after any end',
  s13_2_transient:
    '13.2 a transient child is restarted after a failure only; its specification stays',
  s13_2_temporary: '13.2 a temporary child is never restarted, and forgotten',
  s13_2_strangers: '13.2 the EXIT of a process that is no child is ignored',
  s13_3_intensity_allows_n:
    '13.3 intensity n allows n restarts; then the children are stopped and it ends with shutdown',
  s13_3_intensity_zero: '13.3 intensity 0: the first end is fatal, also a normal one',
  s13_3_a_round_counts_once: '13.3 a round of one_for_all counts once',
  s13_3_failed_attempts_count: '13.3 an attempt that fails counts again',
  s13_4_one_for_one: '13.4 one_for_one: the others stay',
  s13_4_rest_for_one: '13.4 rest_for_one: later ones stop in reverse and start in order',
  s13_4_one_for_all:
    '13.4 one_for_all: all stop in reverse and start in order; temporary siblings are dropped',
  s13_4_try_again:
    '13.4 a child that cannot start is tried again, and requests are served meanwhile',
  s13_4_group_retry: '13.4 a failed round stops those it had started, and tries all again',
  s13_4_ignore_on_restart: '13.4 ignore on restart: kept without a pid',
  s13_5_brutal_kill: '13.5 brutal_kill: killed without being asked',
  s13_5_time_then_kill: '13.5 a child that does not end in time is killed',
  s13_5_unlinked_child: '13.5 a child is stopped by its monitor and is dead when the answer comes',
  s13_5_simple_all_at_once: '13.5 simple_one_for_one: all are told at once, with one common time',
  s13_6_killed: '13.6 killed brutally: the children die through their links',
  s13_6_stopped: '13.6 stopped by sys: children first, then with the reason given',
  s13_6_nested: '13.6 a supervisor child that gives up is restarted if permanent',
  s13_7_any:
    '13.7 any_significant: the first clean end of one ends the supervisor, a failure does not',
  s13_7_all: '13.7 all_significant: the end of the last one does',
  s13_7_not_when_terminated: '13.7 terminate_child of a significant child does not',
  s13_7_bad_combinations: '13.7 significant with permanent or never: refused',
  s13_8_start_child: '13.8 start_child: already_started, already_present, failure is forgotten',
  s13_8_terminate_restart_delete: '13.8 terminate_child, restart_child, delete_child: every answer',
  s13_8_terminate_cancels_restarting: '13.8 terminate_child ends a restart loop',
  s13_8_simple_one_for_one:
    '13.8 simple_one_for_one: by pid, arguments are kept for restarts, the others refuse',
  s13_9_code_change: '13.9 a code change asks init again: what runs goes on',
});
