/** SEMANTICS §2: links. */
import { section } from '../support/section.js';

section<typeof import('./modules/links.js')>('links', {
  s2_1_link_is_symmetric_when_the_target_dies:
    '2.1 link, the target dies, the linker gets its EXIT',
  s2_1_link_is_symmetric_when_the_linker_dies:
    '2.1 link, the linker dies, the target gets its EXIT',
  s2_1_both_ends_show_the_link: '2.1 processInfo shows a link at both ends until unlink',
  s2_1_link_to_oneself_does_nothing: '2.1 link to oneself returns true and does nothing',
  s2_1_unlink_of_oneself_does_nothing: '2.1 unlink of oneself returns true and does nothing',
  s2_1_unlink_of_a_stranger_or_the_dead_is_true:
    '2.1 unlink of a process that is not linked, or dead, returns true',
  s2_1_linking_twice_is_one_link: '2.1 link made twice and from both ends sends one EXIT',
  s2_1_one_unlink_ends_a_link_made_twice: '2.1 one unlink ends a link made twice',
  s2_1_unlink_works_from_the_other_end: '2.1 unlink from the other end ends the link',
  s2_1_many_links_of_one_process: '2.1 fifty processes linked to one all die with it',
  s2_1_links_form_a_chain: '2.1 a chain of forty links falls from one end to the other',
  s2_2_link_to_a_dead_process_not_trapping_raises_noproc:
    '2.2 link to a dead process, not trapping, raises noproc',
  s2_2_link_to_a_dead_process_trapping_sends_exit_noproc:
    '2.2 link to a dead process, trapping, returns true and sends EXIT noproc',
  s2_2_link_to_a_process_being_killed_never_hangs:
    '2.2 link to a process that is being killed ends in its reason or in noproc',
  s2_2_link_not_awaited_still_takes_effect_in_order:
    '2.2 link not awaited is in force for what the caller sends next',
  s2_2_answers_of_other_processes_come_while_link_is_pending:
    '2.2 messages that come while link waits stay in the mailbox',
  s2_4_after_unlink_no_new_effect_can_come: '2.4 after unlink no EXIT of that link can be added',
  s2_4_an_exit_queued_before_unlink_stays: '2.4 an EXIT queued before unlink stays queued',
  s2_4_unlink_does_not_protect_from_explicit_exit:
    '2.4 unlink does not protect from explicit exit signals',
  s2_4_not_trapping_after_unlink_the_caller_survives:
    '2.4 a process that does not trap survives the death of one it has unlinked',
  s2_4_link_unlink_link_is_linked: '2.4 link, unlink, link in a row ends linked',
  s2_5_spawnLink_is_atomic_never_noproc: '2.5 spawnLink of a process that ends at once: its reason',
  s2_5_spawnMonitor_is_atomic_never_noproc:
    '2.5 spawnMonitor of a process that ends at once: its reason',
  s2_5_spawnLink_with_an_early_crash_shows_the_real_reason:
    '2.5 spawnLink of a process that crashes at once: the error',
  s2_5_child_of_spawnLink_dies_with_its_parent: '2.5 a linked child dies with its parent',
  s2_5_parent_of_spawnLink_dies_with_its_child: '2.5 the parent dies with a linked child',
  s2_5_link_to_a_child_just_spawned_is_never_noproc:
    '2.5 link to a child just spawned never raises noproc',
});
