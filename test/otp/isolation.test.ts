/** What one process could change of what another sees: DESIGN §2.4, SEMANTICS 1.5. */
import { section } from '../support/section.js';

section<typeof import('./modules/isolation.js')>('isolation', {
  s1_globals_are_read_only: 'globals can be neither added nor changed',
  s1_intrinsics_are_frozen: 'intrinsic prototypes and constructors cannot be changed',
  s1_classes_of_node_are_locked: 'classes that Node adds to the globals cannot be changed',
  s1_console_and_process_methods_are_locked: 'methods of console and process cannot be changed',
  s1_the_environment_is_read_only: 'process.env cannot be changed, folder and umask neither',
  s1_regexp_statics_are_gone: 'the last match of another process is not to be seen',
  s1_callee_and_caller_raise: 'arguments.callee and function.caller raise',
  s1_built_in_modules_are_read_only: 'modules of Node as modules import them are read-only',
  s2_constants_are_frozen: 'constants of a module are frozen at every depth',
  s2_read_only_collections: 'Map, Set and Date constants are read-only',
  s2_classes_and_functions_are_frozen: 'classes, prototypes and functions are frozen',
  s2_template_and_default_objects: 'template objects are frozen, default arguments made anew',
  s2_import_meta_and_tables_are_frozen:
    'import.meta, export tables and built-in functions are frozen',
  s2_expressions_have_no_memory: 'a constant regular expression has no memory of other processes',
  s3_messages_are_copied: 'messages of every kind are copied',
  s3_arguments_of_a_spawn_are_copied: 'arguments of a spawn are copied',
  s3_timer_payloads_are_copied: 'the payload of a timer is copied when the timer is started',
  s3_exit_reasons_are_copied: 'exit reasons are copied for each who gets one',
  s3_errors_are_copied: 'error objects are copied',
  s3_dictionaries_are_apart: 'dictionaries and labels are of one process',
  s3_process_info_is_a_copy: 'what processInfo gives is a copy',
  s3_frozen_values_cannot_be_changed: 'values of freeze cannot be changed, nor be made of what can',
  s3_shared_memory_is_refused: 'shared memory cannot be sent',
  s3_transferred_buffers_move: 'a transferred buffer leaves its sender',
  s3_symbols_and_functions_do_not_travel: 'symbols, functions and proxies cannot be sent',
  s3_closures_are_refused: 'an object that hides state behind methods cannot be sent',
  s4_the_pragma_shares_within_a_scheduler: 'a pragma shares within one scheduler, and only there',
  s4_prepare_stack_trace: 'Error.prepareStackTrace and stackTraceLimit are open (documented)',
});
