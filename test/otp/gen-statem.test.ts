/** SEMANTICS §11: gen-statem. */
import { section } from '../support/section.js';

section<typeof import('./modules/gen-statem.js')>('gen-statem', {
  s11_1_actions_in_order: '11.1 replies in a list of actions: sent in its order, `reply` first',
  s11_1_enter_then_postponed_then_timers:
    '11.1 a transition: enter call, inserted events, postponed ones, queued ones, time-outs of 0 ms',
  s11_1_postponed_oldest_first:
    '11.1 postponed events: handled again after a state change, oldest first, this one last',
  s11_1_inserted_first: '11.1 inserted events: in the order of the list, before all others',
  s11_1_last_postpone_counts: '11.1 postpone twice in one list: the last counts',
  s11_1_enter_again: '11.1 repeat from an enter call: entered again, until it keeps',
  s11_1_init_actions: '11.1 actions of init: inserted events come after the first enter call',
  s11_2_same_state:
    '11.2 next names the same state: no enter call, no replay, state time-out runs on',
  s11_2_equal_state:
    '11.2 next gives an equal state of plain data: no change; another one: a change',
  s11_2_repeat: '11.2 repeat: enter call with the same state, no replay, state time-out runs on',
  s11_2_keep: '11.2 keep: new data or the old, no enter call',
  s11_3_event_timeout: '11.3 event time-out: after silence; any event cancels it',
  s11_3_event_timeout_inserted: '11.3 event time-out of 0 ms: an inserted event cancels it',
  s11_3_state_timeout: '11.3 state time-out: a change of state cancels it, other events do not',
  s11_3_state_timeout_of_the_next:
    '11.3 state time-out given with a change: belongs to the state that is entered',
  s11_3_generic: '11.3 generic time-outs: independent of events and states, each by its name',
  s11_3_restart_cancel: '11.3 set again: starts anew; cancel and Infinity stop it',
  s11_3_update: '11.3 update: other content, same time; of none: fires at once',
  s11_3_zero: '11.3 0 ms: after queued events, before messages not yet received',
  s11_3_absolute: '11.3 absolute: at a point of monotonicTime',
  s11_3_fired_and_cancelled:
    '11.3 cancelled when its message is in the mailbox already: it never comes',
  s11_4_enter_initial: '11.4 enter call at the start: old state is the new one, before any event',
  s11_4_enter_limits:
    '11.4 an enter call may not change the state, postpone or insert: the machine ends',
  s11_4_enter_timeouts: '11.4 an enter call may start time-outs and answer',
  s11_4_enter_stop: '11.4 an enter call may stop the machine',
  s11_4_without_enter: '11.4 a state without an enter call: nothing is called',
  s11_5_init_fails:
    '11.5 init: stop, ignore, junk, an unknown state, errors and exits as of gen-server',
  s11_5_call_waits: '11.5 call waits for ever by default; with a limit the late reply is dropped',
  s11_5_terminate_reasons:
    '11.5 terminate gets the error without its stack, exit reason has it; bad returns and actions by name',
  s11_5_stop_replies_first: '11.5 stop with replies: sent before terminate runs',
  s11_5_failing_terminate: '11.5 a terminate that fails replaces the reason',
  s11_5_throw_is_return: '11.5 a thrown value that is no error: taken as returned',
  s11_5_unknown_event: '11.5 an event without a handler: undef; a message: logged and dropped',
  s11_5_parent_exit: '11.5 the parent ends: terminate, same reason',
  s11_5_handlers: '11.5 handlers: those of the state first, then the common ones',
  s11_6_sys: '11.6 sys: state and data are seen, replaced and translated; suspended, events wait',
  s11_6_hibernate:
    '11.6 hibernate: by action and by silence, it wakes with its state and time-outs',
  s11_6_handle_event: '11.6 handleEvent: all events of all states, with enter calls by handleEnter',
});
