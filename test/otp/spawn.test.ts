/** SEMANTICS 1.10 and 2.5: spawn, its variants and options. */
import { section } from '../support/section.js';

section<typeof import('./modules/spawn.js')>('spawn', {
  s1_10_arguments_arrive_in_order: '1.10 spawn arguments arrive as they were',
  s1_10_a_plain_function_can_be_spawned: '1.10 a function that is not async can be spawned',
  s1_10_the_return_value_is_dropped: '1.10 whatever the entry returns, the reason is normal',
  s1_10_pids_are_never_reused: '1.10 two thousand processes have two thousand pids',
  s1_10_ten_thousand_children_report: '1.10 ten thousand children report',
  s1_10_arguments_that_cannot_be_cloned_raise_in_the_parent:
    '1.10 an argument that cannot be cloned raises in the parent, nothing is spawned',
  s1_10_bad_entries_raise_badarg: '1.10 an entry that is no function raises badarg',
  s2_5_option_link_links: '2.5 option link shows at both ends and works',
  s2_5_options_link_and_monitor_together: '2.5 options link and monitor together',
  s2_5_option_scheduler_pins: '2.5 option scheduler puts the process there',
  s2_5_option_priority_sets_it: '2.5 option priority sets the priority',
  s2_5_option_name_is_registered_from_the_first_instruction:
    '2.5 option name: registered before the first instruction, freed at the end',
  s2_5_option_name_that_is_taken_raises_badarg: '2.5 option name: taken raises badarg',
  s2_5_option_label_is_shown: '2.5 option label is shown by processInfo',
  s2_5_bad_options_raise_badarg: '2.5 wrong options raise badarg',
  s2_5_monitors_chain_through_fifty_generations: '2.5 a reason travels through fifty generations',
  s2_5_monitor_from_spawn_belongs_to_the_spawner:
    '2.5 the monitor of spawn and one made later are two',
});
