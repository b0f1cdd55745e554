/** SEMANTICS §4: monitors. */
import { section } from '../support/section.js';

section<typeof import('./modules/monitors.js')>('monitors', {
  s4_1_monitor_is_unidirectional: '4.1 monitor, the watcher dies, the target notices nothing',
  s4_1_the_watcher_survives_the_death: '4.1 monitor, the target dies, the watcher lives',
  s4_1_monitors_stack_n_monitors_n_downs: '4.1 ten monitors of one process send ten DOWNs',
  s4_1_removing_one_of_several_leaves_the_others:
    '4.1 demonitor of one of three leaves the other two',
  s4_1_monitor_is_one_shot: '4.1 a monitor fires once',
  s4_1_many_watchers_of_one_process: '4.1 thirty watchers on all schedulers each get their DOWN',
  s4_2_down_by_pid_names_the_pid: '4.2 DOWN of a monitor by pid names the pid',
  s4_2_down_by_name_names_name_and_node: '4.2 DOWN of a monitor by name has {name, node}',
  s4_2_a_name_is_resolved_once: '4.2 a monitored name is resolved once, at creation',
  s4_2_a_tag_replaces_DOWN: '4.2 a tag replaces DOWN',
  s4_2_a_tag_replaces_DOWN_for_noproc_too: '4.2 a tag replaces DOWN also for noproc',
  s4_3_monitor_of_the_dead_is_noproc: '4.3 monitor of a dead process: DOWN noproc',
  s4_3_monitor_of_an_unknown_name_is_noproc: '4.3 monitor of an unknown name: DOWN noproc',
  s4_3_monitor_of_a_pid_of_an_earlier_life_is_noproc:
    '4.3 monitor of a pid of another life of node or scheduler: DOWN noproc',
  s4_4_self_monitor_never_fires: '4.4 monitor of oneself returns a ref and records nothing',
  s4_5_after_demonitor_no_down_can_be_added:
    '4.5 after demonitor with flush no DOWN comes, 300 deaths at about the same moment',
  s4_5_demonitor_leaves_a_queued_down: '4.5 demonitor leaves a queued DOWN',
  s4_5_demonitor_flush_removes_a_queued_down:
    '4.5 demonitor with flush removes a queued DOWN and nothing else',
  s4_5_demonitor_flush_removes_a_down_with_a_tag:
    '4.5 demonitor with flush removes a queued DOWN with a tag',
  s4_5_demonitor_info_and_flush_table: '4.5 demonitor: every combination of info and flush',
  s4_5_demonitor_of_a_foreign_ref_has_no_effect: '4.5 demonitor of a foreign ref has no effect',
  s4_5_demonitor_of_no_ref_is_badarg: '4.5 demonitor of no ref, or with an unknown option: badarg',
  s4_6_the_monitored_process_notices_nothing: '4.6 the monitored process notices nothing',
  s4_6_processInfo_lists_monitors:
    '4.6 processInfo of the watcher lists the monitor until demonitor',
  s4_6_spawnMonitor_gives_pid_and_ref: '4.6 spawnMonitor gives the pid and the ref of its DOWN',
});
