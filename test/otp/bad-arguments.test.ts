/** Wrong arguments of every BIF. */
import { section } from '../support/section.js';

section<typeof import('./modules/bad-arguments.js')>('bad-arguments', {
  s0_1_every_function_has_a_row: 'bad arguments: every function of tsvm is in the table',
  s0_1_wrong_arguments_raise_badarg:
    'bad arguments: badarg says what was expected and what came, and nothing happens',
});
