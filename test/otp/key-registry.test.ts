/** Registries: keys by value, entries that end with their processes, via names. */
import { section } from '../support/section.js';

section<typeof import('./modules/key-registry.js')>('key-registry', {
  s1_unique: 'registry: a unique key belongs to one process, until it gives it up',
  s1_keys_by_value: 'registry: keys are compared by value, and 1 is not the text 1',
  s1_values: 'registry: the value of an entry is changed by its process alone',
  s1_select: 'registry: entries are selected and counted by what they contain',
  s2_duplicate: 'registry: a duplicate key has many entries, a message reaches each',
  s3_gone_with_the_process: 'registry: who has a DOWN finds the unique key free at once',
  s3_registry_ends: 'registry: its end ends those that are registered; asking it is badarg',
  s3_partition_crashes:
    'registry: a partition that crashes takes its processes along and comes back',
  s4_race: 'registry: four processes race for one key: exactly one wins, and all know who',
  s5_listeners: 'registry: listeners hear of registrations and of their ends',
  s6_via_server: 'via: a server is started, asked, told, looked at and stopped by its key',
  s6_via_race: 'via: two starts under one key: exactly one runs, the other is told of it',
  s6_via_supervised: 'via: a restarted server is found under its key again',
  s6_via_event_manager: 'via: an event manager by its key',
  s6_via_statem: 'via: a state machine by its key',
  s6_via_without_registry: 'via: without a registry: badarg says what to do',
});
