/** SEMANTICS 1.9: priorities. */
import { section } from '../support/section.js';

section<typeof import('./modules/priorities.js')>('priorities', {
  s1_9_priority_returns_the_previous_one: '1.9 priority returns the previous one',
  s1_9_low_gets_about_one_turn_of_eight: '1.9 low gets about one turn for eight of normal',
  s1_9_equal_priorities_get_equal_turns: '1.9 equal priorities take turns',
  s1_9_high_runs_before_normal: '1.9 while a high process can run, no normal one does',
  s1_9_priority_never_changes_signal_order: '1.9 priority never changes the order of signals',
  s1_9_low_is_not_starved_by_normal: '1.9 low is not starved by normal',
});
