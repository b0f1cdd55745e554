/** Checks of arguments that several built-in functions share. Each raises `badarg`. */

import { isPid, isRef } from '../runtime/address.js';
import { badarg } from '../runtime/errors.js';
import { NAME_UNITS_MAX } from '../runtime/shared-names.js';
import type { Pid, Ref } from '../runtime/terms.js';

export function checkPid(what: string, pid: unknown): asserts pid is Pid {
  if (!isPid(pid)) throw badarg(`${what}: pid`, 'a pid', pid);
}

export function checkRef(what: string, ref: unknown): asserts ref is Ref {
  if (!isRef(ref)) throw badarg(`${what}: ref`, 'a reference', ref);
}

/** A name that a process can be registered under: nothing that reads as a pid or a reference. */
export function checkName(what: string, name: unknown): asserts name is string {
  const ok =
    typeof name === 'string' &&
    name.length > 0 &&
    name.length <= NAME_UNITS_MAX &&
    name !== 'undefined' &&
    !name.startsWith('<') &&
    !name.startsWith('#Ref<');
  if (!ok) {
    throw badarg(
      `${what}: name`,
      `1 to ${NAME_UNITS_MAX} characters, not 'undefined', not beginning with '<' or '#Ref<'`,
      name,
    );
  }
}

export function checkDestination(what: string, to: unknown): asserts to is string {
  if (typeof to !== 'string' || to === '') {
    throw badarg(`${what}: to`, 'a pid, an alias or a registered name', to);
  }
}

/** Only these keys, so that a misspelt option is not silently ignored. */
export function checkKeys(what: string, options: object, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null)
    throw badarg(`${what}: options`, 'an object', options);
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) throw badarg(`${what}: options`, `only ${known.join(', ')}`, key);
  }
}
