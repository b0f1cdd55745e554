/** Tasks: results of processes, failures, time-outs, and many at once. */
import { section } from '../support/section.js';

section<typeof import('./modules/tasks.js')>('tasks', {
  s1_result: 'task: its result is waited for, and nothing is left in the mailbox',
  s1_started_under: 'task: under a supervisor, the supervisor owns it',
  s1_result_is_awaited: 'task: several results at once, in the order of the tasks',
  s1_only_the_owner: 'task: another process that waits: badarg',
  s2_linked_crash: 'task: a linked one crashes: an owner that does not trap ends with its reason',
  s2_linked_owner_ends: 'task: the owner of a linked one ends: so does the task',
  s2_trapping_owner: 'task: a linked one crashes: a trapping owner gets the failure from the wait',
  s2_supervised_crash: 'task: a supervised one crashes: only who waits is told',
  s2_supervised_owner_ends: 'task: the owner of a supervised one ends: the task goes on',
  s2_supervisor_ends: 'task: its supervisor ends: the wait fails with shutdown',
  s3_timeout: 'task: the time is up: timeout, the task is killed, no late result comes',
  s3_wait: 'task: wait says running and can be repeated',
  s3_stop: 'task: stop ends it in order, then kills; a result that came first is returned',
  s3_one_of_several_fails: 'task: one of several fails: the wait fails, the others are killed',
  s4_stream_in_order: 'task stream: outcomes in the order of the items, so many at a time',
  s4_stream_as_they_come: 'task stream: unordered, outcomes as they come',
  s4_stream_failures: 'task stream: failures and time-outs of supervised tasks are outcomes',
  s4_stream_left_early: 'task stream: left early, the tasks that run are killed; endless items',
  s4_stream_bad_limit: 'task stream: a limit that is none: badarg',
});
