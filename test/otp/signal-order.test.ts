/** SEMANTICS 1.2: the order of signals between two processes. */
import { describe } from 'vitest';
import { processTest, section, THREE_SCHEDULERS, useVm } from '../support/section.js';

section<typeof import('./modules/signal-order.js')>('signal-order', {
  s1_2_pid_name_and_alias_mixed:
    '1.2 messages by pid, name and alias in turn arrive in the order sent',
  s1_2_spawn_then_many_messages:
    '1.2 messages sent right after spawn reach the new process in order',
  s1_2_flood: '1.2 a hundred thousand messages in one go arrive complete and in order',
  s1_2_stranger_reaches_a_freshly_spawned_process:
    '1.2 a message of a process that heard of a new pid from its parent is never lost',
  s1_2_last_messages_come_before_exit_and_down:
    '1.2 the last messages of a process come before its EXIT and its DOWN',
  s1_2_message_then_exit_to_a_trapping_process:
    '1.2 messages and exit signals to a trapping process keep their mutual order',
  s1_2_link_then_unlink_then_death_in_order:
    '1.2 link, unlink and kill in a row: the link has no effect when the kill arrives',
  s1_2_monitor_link_and_message_keep_their_places:
    '1.2 monitor and link sent before the message that ends a process see its real reason',
  s1_2_two_senders_each_keep_their_own_order:
    '1.2 two senders to one receiver: the order of each is kept',
});

describe('signal-order [three schedulers]', () => {
  const machine = useVm(THREE_SCHEDULERS);
  processTest(
    '1.2 a message by way of a third scheduler to a freshly spawned remote process arrives, 1,000 times',
    machine,
    'signal-order',
    'through_a_third_scheduler',
    [],
  );
  processTest(
    '1.2 link and monitor by way of a third scheduler to a freshly spawned process see its real end',
    machine,
    'signal-order',
    'third_scheduler_links_and_monitors',
    [],
  );
});
