/** SEMANTICS §16: tables (ETS). */
import { section } from '../support/section.js';

section<typeof import('./modules/tables.js')>('tables', {
  s16_1_a_set_has_one_row_for_each_key: '16 a set has one row for each key',
  s16_1_an_ordered_set_is_in_term_order: '16 an ordered set is in term order',
  s16_1_a_bag_has_each_object_once: '16 a bag has each object once',
  s16_1_a_duplicate_bag_keeps_equal_objects: '16 a duplicate bag keeps equal objects',
  s16_2_a_protected_table_is_read_by_all_and_changed_by_its_owner:
    '16 a protected table is read by all and changed by its owner',
  s16_2_a_private_table_is_its_owners: '16 a private table is its owners',
  s16_2_what_does_not_fit_raises_badarg: '16 what does not fit raises badarg',
  s16_3_an_insert_of_several_is_seen_whole: '16 an insert of several is seen whole',
  s16_3_insert_new_takes_all_or_none: '16 insert new takes all or none',
  s16_3_insert_new_has_one_winner: '16 insert new has one winner',
  s16_4_counters_lose_nothing: '16 counters lose nothing',
  s16_4_counters_have_bounds: '16 counters have bounds',
  s16_4_update_element_sets_fields: '16 update element sets fields',
  s16_5_select_with_conditions: '16 select with conditions',
  s16_5_select_page_by_page: '16 select page by page',
  s16_6_a_fixed_table_is_iterated_under_deletes: '16 a fixed table is iterated under deletes',
  s16_6_fixes_end_with_their_process: '16 fixes end with their process',
  s16_6_a_fold_sees_each_row_once: '16 a fold sees each row once',
  s16_7_tables_are_gone_before_their_owner_is_reported_dead:
    '16 tables are gone before their owner is reported dead',
  s16_7_an_heir_gets_the_table_before_it_hears_of_the_end:
    '16 an heir gets the table before it hears of the end',
  s16_7_a_dead_heir_gets_nothing: '16 a dead heir gets nothing',
  s16_7_give_away: '16 give away',
  s16_7_a_table_given_to_a_dying_process_is_never_left:
    '16 a table given to a dying process is never left',
  s16_8_names: '16 names',
  s16_9_rows_are_copies: '16 rows are copies',
  s16_10_files: '16 files',
  s16_11_persistent_terms_are_shared_and_frozen: '16 persistent terms are shared and frozen',
  s16_11_atomics_are_exchanged_and_compared: '16 atomics are exchanged and compared',
});
