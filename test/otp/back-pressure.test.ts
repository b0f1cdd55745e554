/** Back-pressure between schedulers: bounded memory, nothing lost. */
import { section, TWO_SCHEDULERS } from '../support/section.js';

section<typeof import('./modules/back-pressure.js')>(
  'back-pressure',
  {
    s1_11_a_sender_is_held_back_and_others_go_on:
      'back-pressure: a sender that overruns another scheduler is held back, its neighbours go on',
    s1_11_a_sender_that_never_awaits_loses_nothing:
      'back-pressure: a sender that never awaits waits where it stands, and nothing is lost',
  },
  [TWO_SCHEDULERS],
);
