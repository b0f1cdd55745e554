/** What can be seen of a process from outside. */
import { section } from '../support/section.js';

section<typeof import('./modules/process-info.js')>('process-info', {
  s1_1_info_of_a_waiting_process: '1.1 processInfo of a waiting process shows all of it',
  s1_1_info_of_oneself: '1.1 processInfo of oneself',
  s1_1_info_of_the_dead_is_undefined: '1.1 processInfo of a dead process is undefined',
  s1_1_info_is_ordered_after_earlier_signals: '1.1 processInfo is ordered after earlier signals',
  s1_1_info_is_a_copy: '1.1 processInfo is a copy',
  s1_1_processes_lists_all_schedulers: '1.1 processes lists those of all schedulers',
  s1_1_a_label_can_be_changed: '1.1 setLabel changes the label',
  s1_1_a_running_process_shows_as_such: '1.1 a process in a loop is runnable',
  s1_1_the_scheduler_of_a_process_is_shown: '1.1 processInfo shows the scheduler',
  s1_1_bad_arguments_raise_badarg: '1.1 processInfo and setLabel with bad arguments raise badarg',
  s1_1_a_long_mailbox_is_visible: '1.1 processInfo shows a long mailbox',
});
