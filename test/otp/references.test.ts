/** References, unique integers, clocks. */
import { section } from '../support/section.js';

section<typeof import('./modules/references.js')>('references', {
  s1_1_refs_are_unique_over_all_schedulers: '1.1 makeRef: unique over all schedulers',
  s1_1_unique_integers_are_unique_over_all_schedulers:
    '1.1 uniqueInteger: unique over all schedulers, positive when asked',
  s1_1_monotonic_integers_grow_over_all_schedulers:
    '1.1 uniqueInteger monotonic: grows in the order of cause and effect over all schedulers',
  s1_1_monotonic_time_never_goes_back_between_schedulers:
    '1.1 monotonicTime never goes back, also between schedulers',
  s1_1_times_come_in_the_unit_asked_for: '1.1 systemTime and monotonicTime in every unit',
  s1_1_pids_and_refs_name_their_home: '1.1 pids and refs name their node and scheduler',
});
