/** Process groups: members, who watches, and what becomes of those that end. */
import { section } from '../support/section.js';

section<typeof import('./modules/process-groups.js')>('process-groups', {
  s1_join_and_leave: 'pg: join and leave count; a group without members is none',
  s1_many_at_once: 'pg: many processes join and leave at once, in any order of groups',
  s1_groups_by_value: 'pg: groups are compared by value',
  s1_local_members: 'pg: local members are those on the scheduler of the caller',
  s1_scopes: 'pg: scopes know nothing of each other',
  s1_bad_arguments: 'pg: no pid, no scope, no key: badarg, and nothing is joined',
  s2_ends: 'pg: who ends leaves all groups, as often as it joined; who is dead too',
  s3_monitor:
    'pg: who watches a group is told of each change in order, of no other group, none after demonitor',
  s3_monitor_scope: 'pg: who watches a scope is told of all groups',
  s3_watchers_end: 'pg: a watch ends with its process, and only its process ends it',
  s4_churn:
    'pg: members join and end on all schedulers: what watchers were told adds up to the members',
});
