/** SEMANTICS §1.5 and §8.2 for code as a value. */
import { section } from '../support/section.js';

section<typeof import('./modules/exported.js')>('exported', {
  s1_5_code_goes_by_name:
    '1.5 a module and an exported function in a message: arrive as what their names mean there',
  s1_5_code_in_a_spawn: '1.5 a module and an exported function as arguments of a spawn',
  s1_5_frozen_code: '1.5 a frozen value with code in it: shared, and the module is not frozen',
  s1_5_code_beside_binary_data: '1.5 a module beside binary data: takes the way of the lane',
  s8_2_names_of_code: '8.2 exportName: the name of a function or module, undefined for all else',
});
