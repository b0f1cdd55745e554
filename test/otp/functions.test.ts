/** SEMANTICS 8.2 and 8.3: functions as values. */
import { section } from '../support/section.js';

section<typeof import('./modules/functions.js')>('functions', {
  s8_2_exported_functions_go_by_name: '8.2 an exported function is sent by its name',
  s8_3_inline_entry_runs_where_it_is_put: '8.3 an inline entry runs on the scheduler it is put on',
  s8_3_captures_are_copied_when_made: '8.3 captured values are copied when the function is made',
  s8_3_a_spawned_function_shares_nothing: '8.3 a function that is spawned shares nothing',
  s8_3_loops_capture_each_iteration: '8.3 each iteration of a loop has its own captured variables',
  s8_3_nested_functions_capture_through: '8.3 functions made inside others capture through them',
  s8_3_parameters_of_every_kind: '8.3 destructured, default, rest and shadowing parameters',
  s8_3_recursion_by_name: '8.3 functions call themselves and each other by name',
  s8_3_local_functions_go_along: '8.3 local functions that are captured go along',
  s8_3_async_and_generators: '8.3 async functions and generators',
  s8_3_what_is_no_capture: '8.3 imports, constants and functions of the module are no captures',
  s8_3_assigned_before_is_allowed: '8.3 a variable assigned before the function is made',
  s8_3_what_cannot_be_copied_raises_in_the_creator:
    '8.3 a captured value that cannot be copied raises in the creator, with its path',
  s8_3_closures_are_refused: '8.3 plain closures are refused everywhere',
  s8_3_a_function_captured_by_itself_is_refused:
    '8.3 a function inside what it captures is refused, with its path',
  s8_3_functions_anywhere_in_a_message: '8.3 functions anywhere in a message, by ring and by lane',
  s8_3_functions_as_reason_timer_label_and_entry:
    '8.3 functions in exit reasons, timers and dictionaries, and as entries when received',
  s8_3_functions_of_the_top_level_are_values: '8.3 functions of the top level are values',
  s8_3_this_is_the_callers: '8.3 `this` of a function is that of its caller',
  s3_4_dirty_takes_an_inline_function:
    '3.4 dirty takes inline functions, and functions in arguments',
});
