/** Tables: transactions, SEMANTICS 17. */
import { section } from '../support/section.js';

section<typeof import('./modules/db.js')>('db', {
  s17_result: 'transaction: its body returns: the value is the result',
  s17_abort: 'transaction: abort: the reason comes, nothing has happened',
  s17_throw: 'transaction: its body throws: the error comes as it is, nothing has happened',
  s17_own_writes: 'transaction: reads, ranges, indexes and folds see its own writes',
  s17_nested:
    'nested transaction: an abort undoes the inner one only; nothing is seen outside before',
  s17_nested_outer_abort: 'nested transaction: an abort of the outer one undoes the inner one too',
  s17_copies: 'table: records are copied on their way in and out',
  s17_serialisable: 'transactions: many at once on all schedulers: every look sees a whole state',
  s17_held_messages:
    'transaction: messages held until the commit: once, and none of what was aborted',
  s17_phantoms: 'transaction: a record that appears in what it has looked at: it runs again',
  s17_index_values_apart:
    'transaction: a record appears under another value of an index: it goes on',
  s17_retries_are_bounded:
    'transaction: others are always faster: it gives up after so many retries',
  s17_no_false_failure: 'transaction: it fails on what is not so any more: it runs again',
  s17_death_inside:
    'transaction: its process dies in the middle: nothing happened, nothing is locked',
  s17_used_after_its_end: 'transaction: used when it has ended: badarg',
  s17_compound_keys: 'table: keys of several fields, prefixes, bounds and pages',
  s17_every_scheduler_sees: 'table: a change is seen by every scheduler at once',
  s17_migrate: 'migrate: new records, keys and indexes as one unit, with progress',
  s17_migrate_fails: 'migrate: upgrade throws: the table is as it was',
  s17_migrate_dies: 'migrate: its process dies: the table is as it was, writes go on',
  s17_disc_needs_a_folder: 'table: on disc, in a machine without a data folder: a clear error',
  s17_rows: 'table: all its rows, in bounded parts',
});
