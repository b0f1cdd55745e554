/** SEMANTICS §7: registered names. */
import { section } from '../support/section.js';

section<typeof import('./modules/registry.js')>('registry', {
  s7_1_register_whereis_unregister: '7 register, whereis, registered, unregister',
  s7_1_a_name_is_seen_on_all_schedulers: '7 a name is the same on all schedulers',
  s7_1_messages_reach_a_name: '7 send to a name reaches its process',
  s7_2_taken_name_raises_badarg: '7 register of a taken name raises badarg',
  s7_2_second_name_raises_badarg: '7 register of a second name for a process raises badarg',
  s7_2_dead_pid_raises_badarg: '7 register of a dead pid raises badarg',
  s7_2_illegal_names_raise_badarg: '7 register of an illegal name raises badarg',
  s7_2_illegal_pids_raise_badarg: '7 register of no local pid raises badarg',
  s7_3_unregister_of_an_unknown_name_raises_badarg: '7 unregister of an unknown name raises badarg',
  s7_3_whereis_of_an_unknown_name_is_undefined: '7 whereis of an unknown name is undefined',
  s7_3_anyone_may_unregister_a_name: '7 unregister of a name of another process works',
  s7_4_two_schedulers_race_for_one_name: '7 two processes race for one name: exactly one wins',
  s7_4_two_names_race_for_one_process: '7 two names race for one process: exactly one wins',
  s7_4_register_against_death: '7 register against death: no name points to the dead',
  s7_4_churn_of_one_name: '7 names taken and freed two thousand times',
  s7_4_many_names_at_once: '7 five hundred names at once, freed by death',
  s7_5_the_own_name_is_freed_at_the_own_death: '7 a name is freed when its process returns',
  s7_5_a_message_in_flight_to_a_name_goes_to_the_old_holder:
    '7 a message sent before the name moved goes to the old holder',
});
