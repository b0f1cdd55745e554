/** SEMANTICS §10: gen-server. */
import { section } from '../support/section.js';

section<typeof import('./modules/gen-server.js')>('gen-server', {
  s10_1_name_is_checked_first: '10.1 start under a taken name: already_started, init does not run',
  s10_1_name_is_registered_in_init:
    '10.1 start under a name: registered while it lives, free afterwards',
  s10_2_init_stop: '10.2 init gives stop: start fails with that reason, the name is free',
  s10_2_init_ignore: '10.2 init gives ignore: start fails with ignore, the name is free',
  s10_2_init_bad_return: '10.2 init gives something else: bad_return_value',
  s10_2_init_raises: '10.2 init raises: start fails with the error and its stack',
  s10_2_init_exits: '10.2 init exits: start fails with that reason',
  s10_2_throw_is_return:
    '10.2 a thrown value that is no error: taken as returned, in every callback',
  s10_2_linked_starter_gets_exit:
    '10.2 a linked starter that traps also receives the EXIT, normal for ignore',
  s10_2_init_time_limit: '10.2 init takes too long: killed, timeout, nothing left in the mailbox',
  s10_2_init_continue: '10.2 init gives continue: handleContinue runs before the first message',
  s10_2_init_timeout_and_hibernate: '10.2 init gives timeoutMs or hibernate: both happen',
  s10_2_start_monitor: '10.2 startMonitor: monitored from the first moment',
  s10_3_parent_exit:
    '10.3 the parent of a trapping server ends, for any reason: terminate, same reason',
  s10_3_not_trapping_is_not_asked:
    '10.3 a server that does not trap dies with its parent, without terminate',
  s10_3_without_link_no_parent:
    '10.3 started without link: an EXIT of the starter is an ordinary message',
  s10_3_other_messages: '10.3 other messages: handleInfo',
  s10_3_timeout_is_cancelled:
    '10.3 timeoutMs: handleInfo gets timeout after silence, any message cancels',
  s10_3_timeout_zero_after_the_mailbox: '10.3 timeoutMs 0: only when the mailbox is empty',
  s10_3_continue_before_next: '10.3 continue: before the next message is received',
  s10_3_hibernate_after: '10.3 hibernateAfterMs: it sleeps and wakes with its state',
  s10_4_calling_self: '10.4 call to self: calling_self',
  s10_4_noproc: '10.4 call to nobody: noproc; cast and abcast to nobody: nothing',
  s10_4_timeout_drops_the_reply:
    '10.4 call times out: the request still runs, its late reply is dropped',
  s10_4_server_dies: '10.4 the server dies in a call: the caller exits with its reason',
  s10_4_reply_from_elsewhere: '10.4 noReply: any process may reply later',
  s10_4_unknown_request: '10.4 a request without a handler: undef, the server ends',
  s10_5_stop_with_reply: '10.5 stop with reply: terminate runs before the reply is sent',
  s10_5_stop_without_reply: '10.5 stop without reply: the caller exits with the reason',
  s10_6_terminate_reasons:
    '10.6 terminate gets the error, the exit reason, the stop reason, bad_return_value',
  s10_6_kill_is_not_told: '10.6 kill: no terminate',
  s10_6_failing_terminate: '10.6 a terminate that fails replaces the reason',
  s10_6_stop: '10.6 stop: in order, with the reason; noproc where nobody is',
  s10_7_multi_call: '10.7 multiCall: replies and failures, late replies do not leak',
  s10_8_requests:
    '10.8 sendRequest: wait keeps, receive abandons, check recognises; errors are told',
  s10_8_request_collections: '10.8 request collections: answers with their labels, in any order',
});
