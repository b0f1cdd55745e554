/** Partitioned supervisors: the same children on every scheduler, found by key. */
import { section } from '../support/section.js';

section<typeof import('./modules/partitions.js')>('partitions', {
  s1_one_for_each_scheduler: 'partition supervisor: a child for each scheduler, and it runs there',
  s1_below_stays_together:
    'partition supervisor: what a partition starts, and that starts, stays on its scheduler',
  s1_keys: 'partition supervisor: equal keys find the same child, numbers count on, keys spread',
  s1_via: 'partition supervisor: a child is asked by a via name; nothing can be started under one',
  s1_children_by_partition: 'partition supervisor: a function says what each partition starts',
  s2_restart:
    'partition supervisor: a child that crashes comes back in its partition, the others go on',
  s2_partition_gives_up:
    'partition supervisor: a partition that restarts too often is started anew, alone',
  s2_does_not_start:
    'partition supervisor: a child that does not start: the start fails with its reason',
  s2_bad_arguments: 'partition supervisor: wrong arguments, or none running: badarg',
});
