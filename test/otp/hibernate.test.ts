/** SEMANTICS §6: hibernate. */
import { section } from '../support/section.js';

section<typeof import('./modules/hibernate.js')>('hibernate', {
  s6_9_a_message_wakes_it_in_the_entry: '6 hibernate: a message wakes the process in the entry',
  s6_9_with_a_message_already_there_it_wakes_at_once: '6 hibernate with a message waiting: at once',
  s6_9_the_old_stack_is_gone: '6 hibernate: nothing of the old stack ever runs',
  s6_9_a_sleeping_process_is_linked_monitored_and_killed:
    '6 hibernate: a sleeping process is linked, monitored and killed',
  s6_9_an_EXIT_message_wakes_it: '6 hibernate: an EXIT message wakes it',
  s6_9_from_deep_in_a_call_and_ends_normally: '6 hibernate from deep inside a call',
  s6_9_hibernate_of_no_function_raises_badarg: '6 hibernate of no function raises badarg',
});
