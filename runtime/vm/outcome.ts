/**
 * Outcome: what came of something that ran in a process, on its way to who asked for it on another
 * thread. Errors and functions do not survive Comlink: the former are exit reasons, the latter are
 * taken out.
 */

import { type Packed, packed, unpackFunctions } from '../carried-functions.js';
import { UserError } from './user-error.js';

export type Outcome =
  | { readonly ok: true; readonly value: Packed }
  | { readonly ok: false; readonly reason: Packed };

export function succeeded(value: unknown): Outcome {
  return { ok: true, value: packed(value) };
}

export function failed(reason: unknown): Outcome {
  return { ok: false, reason: packed(reason) };
}

/** @throws UserError with the exit reason */
export function resultOf(outcome: Outcome): unknown {
  if (outcome.ok) return unpackFunctions(outcome.value);
  throw UserError.from(unpackFunctions(outcome.reason));
}
