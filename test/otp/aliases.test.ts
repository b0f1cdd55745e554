/** SEMANTICS §5: aliases, all four kinds and everything that deactivates them. */
import { section } from '../support/section.js';

section<typeof import('./modules/aliases.js')>('aliases', {
  s5_1_sending_to_an_alias_reaches_its_creator: '5.1 send to an alias reaches its creator',
  s5_1_several_aliases_are_independent: '5.1 two aliases of one process are independent',
  s5_1_inactive_alias_drops_on_reception_queued_messages_stay:
    '5.1 an inactive alias drops messages, those already in the mailbox stay',
  s5_1_alias_of_a_dead_process_drops_silently: '5.1 send to an alias of a dead process is dropped',
  s5_2_explicit_unalias_only_unalias_ends_it: '5.2 explicit_unalias: only unalias deactivates it',
  s5_2_reply_ends_with_the_first_message: '5.2 reply: the first message deactivates it',
  s5_2_reply_with_two_senders_exactly_one_message_arrives:
    '5.2 reply: of two senders at once exactly one gets through',
  s5_2_reply_can_be_unaliased_before: '5.2 reply: unalias deactivates it too',
  s5_3_monitor_with_explicit_unalias: '5.3 monitor with explicit_unalias: after each event',
  s5_3_monitor_with_demonitor: '5.3 monitor with demonitor: after each event',
  s5_3_monitor_with_reply_demonitor: '5.3 monitor with reply_demonitor: after each event',
  s5_3_reply_demonitor_first_message_removes_the_monitor:
    '5.3 reply_demonitor: the first message removes the monitor',
  s5_3_demonitor_alias_drops_a_reply_after_the_down_is_delivered:
    '5.3 demonitor: a reply after the delivered DOWN is dropped',
  s5_3_demonitor_alias_of_a_dead_target_is_inactive_after_noproc:
    '5.3 demonitor: inactive after DOWN noproc',
  s5_3_monitor_by_name_with_alias: '5.3 monitor by an unknown name with alias and tag: one noproc',
  s5_4_unalias_of_a_foreign_or_unknown_alias_is_false: '5.4 unalias of a foreign alias is false',
  s5_4_unalias_twice_is_true_then_false: '5.4 unalias twice is true, then false',
});
