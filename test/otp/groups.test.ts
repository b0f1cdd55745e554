/** SEMANTICS 1.10 and 15: group leaders. */
import { section } from '../support/section.js';

section<typeof import('./modules/groups.js')>('groups', {
  s1_10_inherited: '1.10 a process has the group leader of its spawner, on whatever scheduler',
  s15_4_orphans: '15.4 killGroup ends those whose parents are dead too',
  s15_4_under_way:
    '15.4 killGroup ends those that are being spawned on another scheduler, and no stranger',
  s15_4_not_oneself: '15.4 killGroup of the group that the caller is in without leading it: badarg',
});
