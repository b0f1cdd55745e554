/** SEMANTICS §6: receive, its timeout, and the reference optimisation. */
import { section } from '../support/section.js';

section<typeof import('./modules/receive.js')>('receive', {
  s6_1_oldest_matching_message_wins: '6.1 receive: the oldest message that matches wins',
  s6_1_skipped_messages_keep_their_order: '6.1 receive: skipped messages keep their order',
  s6_1_a_waiting_receive_leaves_what_does_not_match:
    '6.1 receive that waits leaves arrivals that do not match',
  s6_1_after_a_match_the_save_queue_is_scanned_again:
    '6.1 after a match the next receive starts at the oldest message',
  s6_1_each_message_is_offered_once_per_waiting_receive:
    '6.1 a waiting receive looks at each message once',
  s6_1_without_match_takes_the_oldest:
    '6.1 receive without a match takes the oldest, whatever it is',
  s6_1_a_throwing_match_leaves_the_mailbox: '6.1 a match that throws leaves the mailbox as it was',
  s6_1_a_match_that_throws_on_an_arrival_raises_in_the_receiver:
    '6.1 a match that throws on an arrival raises in the receiver, not in the sender',
  s6_2_timeout_zero_scans_once: '6.2 timeout 0 scans once',
  s6_2_timeout_is_never_early: '6.2 a timeout is never early',
  s6_2_infinity_waits: '6.2 timeout Infinity waits',
  s6_2_non_matching_arrivals_do_not_restart_the_timeout:
    '6.2 arrivals that do not match do not restart the timeout',
  s6_2_a_message_in_time_cancels_the_timeout: '6.2 a message in time leaves no timer',
  s6_2_illegal_timeouts_raise_timeout_value: '6.2 illegal timeouts raise timeout_value',
  s6_2_the_greatest_timeout_is_accepted: '6.2 timeout 2^32-1 is accepted and waits',
  s6_2_timeout_and_message_race_loses_nothing:
    '6.2 message and timeout at the same moment: one of both, and no message is lost',
  s6_3_since_a_fresh_ref_skips_older_messages: '6.3 since a fresh ref: older messages are skipped',
  s6_3_since_does_not_hide_older_messages_from_later_receives:
    '6.3 since a ref: later receives see the older messages',
  s6_3_since_with_a_full_mailbox_is_fast:
    '6.3 since a ref: 500,000 queued messages slow a call less than tenfold',
  s6_4_two_receives_in_one_process_each_get_their_message:
    '6 two receives of one process at once each get their message',
  s6_4_concurrent_receives_take_each_message_once:
    '6 twenty receives of one process at once take each message once',
  s6_4_concurrent_receives_with_timeouts: '6 two receives at once, each with its own timeout',
  s6_4_a_throwing_match_of_a_second_receive_raises_there:
    '6 a match that throws in the second of two receives raises there, the first goes on',
  s6_4_receive_that_is_not_awaited_at_once_still_works:
    '6 a receive that is awaited later gets its message',
});
