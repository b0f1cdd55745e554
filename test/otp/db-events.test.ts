/** Changes of tables as messages, SEMANTICS 17. */
import { section } from '../support/section.js';

section<typeof import('./modules/db-events.js')>('db-events', {
  s17_simple:
    'subscribe: records are put and deleted elsewhere: a message each, none for what was not there',
  s17_detailed: 'subscribe detailed: the record that was there before comes too',
  s17_aborted_is_not_told: 'subscribe: a transaction is aborted: no message',
  s17_commit_order:
    'subscribe: commits of all schedulers to two tables: in the order of the commits',
  s17_unsubscribe: 'unsubscribe: no message after it; twice: false',
  s17_ends_with_its_process: 'subscribe: its process is killed: others are told as before',
  s17_migrated_and_dropped:
    'subscribe: the table is migrated and dropped: told, and what comes after followed',
  s17_subscribe_copies: 'subscribe: twice: two messages, each with a record of its own',
  s17_bad_detail: 'subscribe: an unknown detail: badarg',
});
