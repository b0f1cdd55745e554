/** The process dictionary. */
import { section } from '../support/section.js';

section<typeof import('./modules/dictionary.js')>('dictionary', {
  s1_10_put_get_erase: '1.10 dictionary: put, get and erase return what was there',
  s1_10_keys_and_entries: '1.10 dictionary: keys and entries',
  s1_10_names_of_object_members_are_ordinary_keys:
    '1.10 dictionary: __proto__ is a key like others',
  s1_10_each_process_has_its_own: '1.10 dictionary: each process has its own',
  s1_10_interleaved_processes_do_not_mix_theirs:
    '1.10 dictionary: processes that take turns do not mix theirs',
});
