/** The dirty pool, as a process sees it. */
import { section } from '../support/section.js';

section<typeof import('./modules/dirty.js')>('dirty', {
  s3_4_result_of_a_dirty_call: 'dirty returns what the function returns, async or not',
  s3_4_runs_on_another_thread: 'dirty runs on a thread that is no scheduler',
  s3_4_arguments_and_results_are_copied: 'dirty copies arguments and results',
  s3_4_others_run_while_a_dirty_call_blocks:
    'dirty: others run while the function blocks its thread',
  s3_4_an_error_is_raised_in_the_caller: 'dirty: an error is raised in the caller, with its stack',
  s3_4_self_is_known_after_a_dirty_call: 'dirty: the caller is itself after the call',
  s3_4_killed_while_a_dirty_call_runs: 'dirty: a process that waits for a dirty call can be killed',
  s3_4_many_calls_at_once: 'dirty: forty calls at once all return',
  s3_4_bad_arguments_raise: 'dirty of a closure, or of what cannot be copied: badarg',
});
