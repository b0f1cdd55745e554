/** call and reply. */
import { section } from '../support/section.js';

section<typeof import('./modules/call.js')>('call', {
  s5_5_a_call_returns_the_reply: 'call returns the reply',
  s5_5_a_call_by_name: 'call by name; by a name that nobody has: noproc',
  s5_5_a_thousand_calls: 'call a thousand times leaves nothing behind',
  s5_5_calls_at_once_each_get_their_own_reply: 'fifty calls at once each get their own reply',
  s5_5_another_process_may_reply: 'reply may come from another process',
  s5_5_a_second_reply_is_dropped: 'a second reply is dropped',
  s5_5_a_timeout_raises_and_the_late_reply_is_dropped:
    'call times out: raises timeout, the late reply never arrives',
  s5_5_the_death_of_the_server_ends_the_call: 'call to a process that dies raises its reason',
  s5_5_an_uncaught_failure_is_the_exit_reason_of_the_caller:
    'call that fails and is not caught ends the caller with the reason',
  s5_5_a_call_to_oneself_raises: 'call to oneself raises calling_self',
  s5_5_other_messages_stay_in_the_mailbox: 'call leaves other messages in the mailbox',
  s5_5_other_messages_through_the_alias:
    'call: what is sent through its alias is a message; the call goes on',
  s5_5_a_call_beside_a_receive: 'call: another coroutine of the process receives meanwhile',
  s5_5_a_killed_caller_leaves_nothing: 'call: a killed caller leaves no monitor',
  s5_5_bad_arguments_raise: 'call and reply with bad arguments raise, and leave no monitor',
});
