/** own and disown: resources end with their process. */
import { section } from '../support/section.js';

section<typeof import('./modules/own.js')>('own', {
  s1_7_closed_after_return: '1.7 own: closed after a normal return, before DOWN',
  s1_7_closed_after_exit: '1.7 own: closed after exit(reason), before DOWN',
  s1_7_closed_after_an_error: '1.7 own: closed after an uncaught error, before DOWN',
  s1_7_closed_after_a_throw: '1.7 own: closed after an uncaught throw, before DOWN',
  s1_7_closed_after_a_signal: '1.7 own: closed after an exit signal, before DOWN',
  s1_7_closed_after_kill: '1.7 own: closed after kill, before DOWN',
  s1_7_closed_after_a_linked_death:
    '1.7 own: closed after the death of a linked process, before DOWN',
  s1_7_newest_first_and_a_failing_close_stops_no_other:
    '1.7 own: closed newest first, and one that fails to close stops no other',
  s1_7_disown_gives_it_up: '1.7 disown: what was given up is not closed',
  s1_7_a_server_stops_listening: '1.7 own: a TCP server stops listening',
  s1_7_closed_before_links_hear_of_it: '1.7 own: closed before links hear of the death',
  s1_7_own_with_bad_arguments_raises_badarg: '1.7 own with bad arguments raises badarg',
});
