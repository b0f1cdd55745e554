/** SEMANTICS 2.3: the link protocol when both ends act at once. */
import { section } from '../support/section.js';

section<typeof import('./modules/link-races.js')>('link-races', {
  s2_3_both_link: '2.3 link from both ends at once is one link',
  s2_3_both_unlink: '2.3 unlink from both ends at once leaves no link',
  s2_3_one_links_the_other_unlinks: '2.3 link against unlink: both ends agree',
  s2_3_linked_one_unlinks_the_other_links:
    '2.3 unlink against link of a linked pair: both ends agree',
  s2_3_both_unlink_and_link_again: '2.3 unlink and link from both ends at once: both ends agree',
  s2_3_both_link_and_unlink: '2.3 link and unlink from both ends at once: both ends agree',
  s2_3_one_relinks_while_the_other_unlinks_twice:
    '2.3 repeated link and unlink against two unlinks: both ends agree',
});
