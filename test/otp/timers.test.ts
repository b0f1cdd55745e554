/** SEMANTICS §6: timers. */
import { section } from '../support/section.js';

section<typeof import('./modules/timers.js')>('timers', {
  s6_5_sendAfter_sends_the_bare_message: '6 sendAfter sends the bare message',
  s6_5_startTimer_sends_a_timeout_with_its_ref: '6 startTimer sends {timeout, ref, message}',
  s6_5_timers_reach_other_processes: '6 timers reach processes on any scheduler',
  s6_5_zero_milliseconds: '6 a timer of 0 ms fires',
  s6_5_never_early: '6 a timer is never early',
  s6_5_order_is_by_due_time: '6 timers fire in the order of their due times',
  s6_5_ten_thousand_timers_all_fire: '6 ten thousand timers all fire, each once',
  s6_6_a_name_is_resolved_at_expiry: '6 a timer to a name: resolved when it expires',
  s6_6_an_absent_name_is_dropped_silently: '6 a timer to an absent name is dropped silently',
  s6_6_a_timer_to_a_name_outlives_its_holder: '6 a timer to a name is not cancelled by a death',
  s6_6_a_timer_to_a_pid_dies_with_it: '6 a timer to a pid is cancelled when it dies',
  s6_6_a_timer_to_a_dead_pid_is_dead_at_once: '6 a timer to a dead pid is dead at once',
  s6_6_the_death_of_the_starter_does_not_matter: '6 a timer outlives the process that started it',
  s6_7_cancel_returns_the_milliseconds_left: '6 cancelTimer returns the milliseconds left',
  s6_7_cancel_of_a_fired_or_unknown_timer_is_false:
    '6 cancelTimer of a fired, cancelled or unknown timer is false',
  s6_7_cancel_does_not_take_back_a_delivered_message:
    '6 cancelTimer false: the message may still be in the mailbox',
  s6_7_exactly_one_of_message_and_integer:
    '6 cancelTimer against expiry, 300 times: exactly one of message and integer',
  s6_7_a_timer_started_elsewhere_is_read_and_cancelled_here:
    '6 a timer started on another scheduler is read and cancelled here',
  s6_7_read_does_not_change_a_timer: '6 readTimer leaves the timer running',
  s6_7_cancel_with_info_false_is_ok: '6 cancelTimer with info false answers ok',
  s6_7_cancel_async_answers_by_message: '6 cancelTimer with async answers by message',
  s6_8_beyond_2_to_the_31_ms: '6 timers beyond 2^31 ms are set, read and cancelled',
  s6_8_a_long_timer_does_not_hold_up_a_short_one:
    '6 a very long timer does not hold up a short one',
  s6_8_absolute_times_are_on_the_monotonic_clock: '6 absolute times are on the monotonic clock',
  s6_9_bad_arguments_raise_badarg: '6 timers with bad arguments raise badarg',
  s6_9_an_order_is_answered_while_timers_wait: '6 a thousand waiting timers disturb nobody',
});
