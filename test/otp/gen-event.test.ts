/** SEMANTICS §12: gen-event. */
import { section } from '../support/section.js';

section<typeof import('./modules/gen-event.js')>('gen-event', {
  s12_1_newest_first:
    '12.1 an event runs through all handlers, newest first, before the next event',
  s12_1_ids_are_not_checked: '12.1 the same handler twice: both run; requests reach the newest',
  s12_1_inside_the_manager: '12.1 handlers run inside the manager, one after the other',
  s12_2_raise: '12.2 a handler that raises or exits: taken out alone, with its failure',
  s12_2_junk: '12.2 a handler that gives junk: taken out alone, with the junk',
  s12_2_remove: '12.2 a handler that removes itself: taken out alone, remove_handler',
  s12_2_throw_is_return: '12.2 a thrown value that is no error: taken as returned',
  s12_2_call_fails: '12.2 a handler that fails in a call: the caller exits with the failure',
  s12_3_supervised_removed: '12.3 a supervised handler is removed: HandlerExit with normal',
  s12_3_supervised_fails: '12.3 a supervised handler fails: HandlerExit with the failure',
  s12_3_supervisor_ends:
    '12.3 the supervising process ends, also normally: its handlers are taken out',
  s12_3_manager_ends: '12.3 the manager ends: HandlerExit with shutdown',
  s12_3_swapped:
    '12.3 a supervised handler is swapped: HandlerExit names the new one and its owner',
  s12_3_unlinked: '12.3 the last handler of a process is gone: the manager may die without it',
  s12_4_notify: '12.4 notify does not wait, syncNotify does; to nobody notify does nothing',
  s12_4_bad_module:
    '12.4 call of a handler that is not there: bad_module; delete: module_not_found',
  s12_4_stop: '12.4 stop: terminate of each gets stop',
  s12_4_parent_exit: '12.4 the parent ends: terminate of each gets stop, same reason',
  s12_4_info: '12.4 other messages: handleInfo of all',
  s12_5_add_fails: '12.5 init gives an error, raises or gives junk: not added, told why',
  s12_5_delete: '12.5 delete: terminate gets what was said, and what it gives is returned',
  s12_5_swap: '12.5 swap: init gets what terminate gave; error when there was none',
  s12_5_swap_self: '12.5 a handler swaps itself: the new one is supervised by the same process',
  s12_5_sys:
    '12.5 sys: handlers are shown by formatStatus; codeChange of the one module, all or none',
});
