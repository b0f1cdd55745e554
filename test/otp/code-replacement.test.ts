/** SEMANTICS §8: two versions of a module, purge, on-load, in both placements. */
import { describe } from 'vitest';
import {
  ONE_SCHEDULER,
  type Placement,
  processTest,
  TWO_SCHEDULERS,
  useVm,
} from '../support/section.js';
import { freshVersions } from './versions.js';

const MODULE = 'code-replacement';
type Section = typeof import('./modules/code-replacement.js');
type Name = Extract<keyof Section, `s8_${string}`>;

const TITLES: Readonly<Record<Name, string>> = {
  s8_1_current_becomes_old: '8.1 a load makes the current version old; what runs it goes on',
  s8_1_a_third_load_kills_what_runs_the_first:
    '8.1 a third load kills what runs the first, with reason killed',
  s8_2_qualified_calls_and_names_reach_current:
    '8.2 qualified calls and names reach the current version, others stay in theirs',
  s8_2_a_loop_by_tail_calls_does_not_keep_old_frames:
    '8.2 a loop that goes on by a qualified call in tail position leaves its old version',
  s8_2_hibernation_goes_on_in_current_code:
    '8.2 a process that hibernates by name goes on in the current version',
  s8_3_every_kind_of_frame_counts: '8.3 every kind of frame counts: check, soft purge and purge',
  s8_3_a_function_that_is_held_is_no_frame:
    '8.3 a function that is merely held is no frame; a lifted one raises badfun later',
  s8_3_a_process_that_has_not_begun_counts: '8.3 a process that has just been spawned',
  s8_4_soft_purge_and_purge: '8.4 soft purge refuses, purge kills and says whether it did',
  s8_4_delete: '8.4 delete makes the version old and calls undef; refused while one is old',
  s8_4_a_process_that_purges_itself_is_killed: '8.4 a process that purges itself is killed',
  s8_5_on_load_runs_before_the_version_is_current:
    '8.5 onLoad runs before its version is current; callers use the one before',
  s8_5_a_refusal_leaves_all_as_it_was:
    '8.5 an onLoad that fails leaves the current version, and its processes are killed',
  s8_5_callers_wait_for_the_first_on_load: '8.5 callers wait for the first onLoad of a module',
  s8_5_loads_of_one_module_queue_others_go_on:
    '8.5 loads of one module queue, loads of others go on',
  s8_6_missing_function_is_undef: '8.6 a function that is gone raises undef',
  s8_6_a_bad_build_leaves_the_current_one: '8.6 a bad or missing build leaves the current version',
};

describe.each<Placement>([ONE_SCHEDULER, TWO_SCHEDULERS])(`${MODULE} [$name]`, (placement) => {
  const machine = useVm(placement);
  for (const [fn, title] of Object.entries(TITLES)) {
    processTest(`${title} [${placement.name}]`, machine, MODULE, fn, async () => [
      placement.peer,
      ...(await Promise.all([freshVersions(), freshVersions()])),
    ]);
  }
});
