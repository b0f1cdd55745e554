/** SEMANTICS 1.3 to 1.6, 1.8 to 1.10: processes and how signals reach them. */
import { section } from '../support/section.js';

section<typeof import('./modules/processes.js')>('processes', {
  s1_3_endless_loop_is_killed: '1.3 kill to a process in an endless loop ends it',
  s1_3_endless_loop_dies_from_an_ordinary_exit_signal:
    '1.3 exit signal to a process in an endless loop ends it with that reason',
  s1_3_endless_loop_is_linked_and_monitored:
    '1.3 link and monitor to a process in an endless loop work',
  s1_3_endless_loop_dies_with_a_linked_process:
    '1.3 a process in an endless loop dies with a linked one',
  s1_3_endless_loop_is_inspected: '1.3 processInfo of a process in an endless loop answers',
  s1_3_messages_queue_while_the_receiver_is_busy:
    '1.3 messages to a busy process wait in its mailbox',
  s1_4_messages_go_to_the_end_of_the_mailbox: '1.4 a message goes to the end of the mailbox',
  s1_4_messages_to_the_dead_are_dropped: '1.4 a message to a dead process is dropped',
  s1_5_spawn_arguments_are_copied: '1.5 spawn arguments are copied at the spawn',
  s1_5_messages_are_copied_even_to_oneself: '1.5 a message to oneself is a copy',
  s1_5_exit_reasons_are_copied: '1.5 an exit reason is copied when the signal is sent',
  s1_5_each_watcher_gets_its_own_copy_of_a_reason: '1.5 two monitors get two copies of the reason',
  s1_5_timer_payloads_are_copied_when_set: '1.5 the payload of a timer is copied when it is set',
  s1_6_send_to_an_unregistered_name_raises_badarg:
    '1.6 send to a name that no one has raises badarg',
  s1_6_send_to_a_dead_pid_or_alias_succeeds:
    '1.6 send to a dead pid or an inactive alias succeeds without effect',
  s1_8_isAlive_after_kill_is_false_always: '1.8 isAlive after kill is false, 200 times',
  s1_8_isAlive_after_any_fatal_signal_is_false: '1.8 isAlive after a fatal exit signal is false',
  s1_8_isAlive_of_oneself_is_true: '1.8 isAlive of oneself is true',
  s1_8_isAlive_right_after_spawn_is_true: '1.8 isAlive right after spawn is true',
  s1_9_equal_processes_take_turns: '1.9 endless loops leave others of equal priority their turns',
  s1_10_defaults_of_a_new_process:
    '1.10 a new process does not trap, has priority normal, an empty dictionary and its spawner as parent',
  s1_10_self_is_the_pid_that_spawn_returned: '1.10 self is the pid that spawn returned',
});
