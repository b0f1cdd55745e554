/** Placement of processes on schedulers. */
import { section } from '../support/section.js';

section<typeof import('./modules/placement.js')>('placement', {
  s1_9_the_test_process_runs_on_the_first_scheduler:
    '1.9 placement: the test process runs on the first scheduler (or no test here means anything)',
  s1_9_pinned_processes_run_where_they_were_told: '1.9 placement: pinned processes run where told',
  s1_9_a_burst_of_workers_is_spread:
    '1.9 placement: a burst of spawns is spread over all schedulers',
  s1_9_many_spawned_one_by_one_are_spread:
    '1.9 placement: three hundred processes spawned now and then are spread over all schedulers',
  s1_9_a_process_stays_where_it_is: '1.9 placement: a process stays on its scheduler',
});
