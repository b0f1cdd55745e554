/** SEMANTICS §15: applications. */
import { section } from '../support/section.js';

section<typeof import('./modules/application.js')>('application', {
  s15_1_loaded_then_started: '15.1 loaded, started, stopped and unloaded, each only in that order',
  s15_1_library: '15.1 an application without a callback module runs nothing',
  s15_1_env_layers:
    '15.1 env: spec < file < command line < persistent; set before it is loaded gives way',
  s15_1_included: '15.1 included applications are loaded with their owner, and not started',
  s15_1_all_or_nothing: '15.1 an application is loaded with all that it includes, or not at all',
  s15_1_not_what_it_should_be:
    '15.1 unknown, defined twice, with a module that is not there, with a name that is taken',
  s15_1_definition_is_checked: '15.1 defineApplication says what is wrong with a definition',
  s15_1_from_many: '15.1 the controller starts when it is first asked, also by many at once',
  s15_2_dependency_not_started:
    '15.2 what it needs does not run: not_started; not_running where that has ended by itself',
  s15_2_already_started: '15.2 start of one that runs: already_started',
  s15_2_concurrent_starts: '15.2 starts at the same time are one start, with one result',
  s15_2_master_leads:
    '15.2 the master calls start with the argument and leads all that is below it',
  s15_2_start_fails:
    '15.2 start that throws, exits, gives nonsense, or whose child fails: that reason, nothing left',
  s15_2_start_is_killed: '15.2 a master that is killed while it starts leaves nothing behind',
  s15_2_start_limit:
    '15.2 a start that takes longer than startMs: ended with all it has begun, what hung is named',
  s15_2_phases: '15.2 each start phase in order, in the application and in those it includes',
  s15_2_phase_fails: '15.2 a start phase that fails: all is stopped again',
  s15_3_in_order: '15.3 ensureAllStarted: what is needed first; the list of what it has started',
  s15_3_failure_stops_what_it_started:
    '15.3 ensureAllStarted that fails stops what it has started, in reverse, and nothing else',
  s15_3_unknown: '15.3 ensureAllStarted with an unknown application in the needs of another',
  s15_3_cycle: '15.3 ensureAllStarted of applications that need each other in a circle',
  s15_4_in_order:
    '15.4 stop: prepStop, the tree in reverse, all that is left, stop with the prepared state',
  s15_4_callbacks_that_fail: '15.4 stop goes on where prepStop and stop fail',
  s15_4_dependants_go_on: '15.4 those that need a stopped application go on',
  s15_4_temporary: '15.4 a temporary one that ends by itself is tidied up, the others go on',
  s15_4_transient: '15.4 a transient one that ends with another reason than normal ends all',
  s15_4_transient_normal:
    '15.4 a transient one that ends with normal is reported, the others go on',
  s15_4_permanent: '15.4 a permanent one that ends by itself ends all, the others in order',
  s15_4_master_killed: '15.4 a master that is killed leaves no process behind',
  s15_5_reverse_order: '15.5 stopAll: in the reverse order of the starts',
  s15_5_while_one_starts: '15.5 stopAll while one starts: that one is killed, its starter told',
  s15_5_controller_killed: '15.5 a controller that is killed takes the applications with it',
  s15_6_config_change:
    '15.6 changeConfig: the difference, to the running applications that it concerns',
  s15_6_config_change_fails: '15.6 a configChange that fails is told, and nothing else happens',
});
