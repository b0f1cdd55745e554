/**
 * Code change: how the callback modules of all behaviours translate the state of their processes when
 * one version takes the place of another.
 *
 * Source: OTP, `Module:code_change/3`; SEMANTICS 8.7, 9.
 */

import { ProcessError } from 'tsvm';

type MaybePromise<T> = T | Promise<T>;

/**
 * How a state comes over from the version before; and, with `down`, how it goes back there.
 *
 * The version is what the other module exports as `version`, or the hash of its content.
 */
export type CodeChange<S> =
  | ((oldVersion: never, state: never, extra: never) => MaybePromise<S>)
  | {
      readonly up?: (oldVersion: never, state: never, extra: never) => MaybePromise<S>;
      /** @param toVersion the version that the state is to be of */
      readonly down?: (toVersion: never, state: S, extra: never) => unknown;
    };

/** `codeChange` of a callback module: a function, or one for each direction. */
export type AnyCodeChange =
  | AnyTranslation
  | { readonly up?: AnyTranslation; readonly down?: AnyTranslation };
type AnyTranslation = (version: never, state: never, extra: never) => unknown;

/**
 * Let a callback module translate a state.
 *
 * @param version the version that the state is of, or `{down}` with the one that it is to be of
 * @throws what `codeChange` throws; `undef` if it has nothing for the way down
 */
export function translate(
  codeChange: AnyCodeChange | undefined,
  version: unknown,
  state: unknown,
  extra: unknown,
): unknown {
  const isDown = typeof version === 'object' && version !== null && 'down' in version;
  if (codeChange === undefined) return state;
  const { up, down } =
    typeof codeChange === 'function' ? { up: codeChange, down: undefined } : codeChange;
  const fn = isDown ? down : up;
  if (fn === undefined) {
    if (!isDown) return state;
    throw new ProcessError('undef', 'codeChange has nothing for the way down: { up, down }');
  }
  return fn((isDown ? version.down : version) as never, state as never, extra as never);
}
