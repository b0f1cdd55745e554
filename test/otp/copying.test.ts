/** SEMANTICS 1.5: messages are copied, as structuredClone copies. */
import { section } from '../support/section.js';

section<typeof import('./modules/copying.js')>('copying', {
  s1_5_every_value_arrives_as_structuredClone_makes_it:
    '1.5 every kind of value arrives as structuredClone makes it',
  s1_5_other_named_properties_of_arrays_are_lost:
    '1.5 named properties of an array are lost, but those of a match (FIXME)',
  s1_5_an_invalid_date_stays_one: '1.5 an invalid date stays an invalid date',
  s1_5_errors_keep_name_message_stack_and_cause:
    '1.5 an error in a message keeps name, message, stack and cause',
  s1_5_identity_is_kept_inside_a_message: '1.5 cycles, shared parts and shared buffers stay shared',
  s1_5_a_prototype_is_not_carried_along: '1.5 prototypes are not carried along, __proto__ is a key',
  s1_5_what_cannot_be_copied_raises_in_the_sender:
    '1.5 what cannot be copied raises in the sender, names its path, and nothing is queued',
  s1_5_a_getter_that_throws_raises_its_error: '1.5 a getter that throws raises in the sender',
  s1_5_exit_reasons_that_cannot_be_copied_raise_badarg:
    '1.5 an exit reason that cannot be copied raises badarg',
  s1_5_an_array_buffer_is_copied_unless_transferred:
    '1.5 an ArrayBuffer is copied, or moves when it is transferred',
  s1_5_bad_transfers_raise_badarg: '1.5 a wrong transfer list raises badarg and detaches nothing',
  s1_5_the_receiver_cannot_change_what_the_sender_has:
    '1.5 the receiver cannot change what the sender has',
});
