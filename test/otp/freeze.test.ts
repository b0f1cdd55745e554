/** freeze: values that are shared because nobody can change them. */
import { section } from '../support/section.js';

section<typeof import('./modules/freeze.js')>('freeze', {
  s1_5_freeze_makes_a_deeply_frozen_copy: '1.5 freeze makes a deeply frozen copy',
  s1_5_freeze_of_primitives_and_frozen_values: '1.5 freeze of primitives and frozen values is free',
  s1_5_a_frozen_message_to_oneself_is_shared: '1.5 a frozen value is shared on one scheduler',
  s1_5_a_frozen_message_elsewhere_is_frozen_there: '1.5 a frozen value is frozen at the receiver',
  s1_5_an_object_frozen_by_hand_is_copied: '1.5 an object frozen by Object.freeze is copied',
  s1_5_cyclic_and_shared_values_can_be_frozen: '1.5 cyclic and shared values can be frozen',
  s1_5_what_cannot_be_frozen_raises_badarg: '1.5 what cannot be frozen raises badarg with its path',
});
