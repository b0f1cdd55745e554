/** forward: events of Node as messages, with demand. */
import { section } from '../support/section.js';

section<typeof import('./modules/forward.js')>('forward', {
  s6_11_all_events_with_active_true: 'forward active true: every event is a message',
  s6_11_once_takes_one_at_a_time: 'forward active once: one message per demand',
  s6_11_a_number_takes_as_many: 'forward active N: N messages, demands add up',
  s6_11_zero_takes_none_until_asked: 'forward active 0: none until asked for',
  s6_11_a_tag_replaces_the_type: 'forward with a tag: it is the type of the messages',
  s6_11_close_removes_the_listeners: 'forward close: no listener is left',
  s6_11_an_error_event_is_a_message: 'forward: an error event comes without demand',
  s6_11_what_nobody_takes_is_dropped_and_counted:
    'forward: what nobody takes is dropped and counted',
  s6_11_events_come_to_a_process_that_waits: 'forward: events wake a process that waits',
  s6_11_map_makes_what_can_be_sent: 'forward with map: makes of the arguments what can be sent',
  s6_11_an_argument_that_cannot_be_copied_ends_the_process:
    'forward: an argument that cannot be copied ends the process with a clear reason',
  s6_11_a_stream_is_paused_while_nobody_asks: 'forward: a stream is paused while nobody asks',
  s6_11_a_fast_socket_cannot_flood_a_mailbox:
    'forward: a fast socket is held back, the mailbox stays empty',
  s6_11_listeners_go_with_the_process: 'forward: the listeners go with the process',
  s6_11_bad_arguments_raise_badarg: 'forward with bad arguments raises badarg',
});
