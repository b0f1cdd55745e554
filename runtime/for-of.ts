/**
 * Loops over what can be iterated, as the loader writes them where iterations are short: an array in
 * parts, with the check between two of them; anything else in one go.
 *
 * `break` leaves the iterator of an array open, so the next part goes on with it. Of other iterators
 * it would be the end.
 *
 * A proxy of an array is asked for its `Symbol.iterator` twice, where the language asks once.
 */

export const iterator: typeof Symbol.iterator = Symbol.iterator;

const arrayValues = Array.prototype[Symbol.iterator];

/** An array whose iterator is the language's own. */
export function inParts(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value[Symbol.iterator] === arrayValues;
}

/**
 * The same to iterate, with the error that V8 raises for the text of the source.
 *
 * @param fault what to say of a value that cannot be iterated
 */
export function inOneGo(value: unknown, fault: string): Iterable<unknown> {
  const iterate = (value as Partial<Iterable<unknown>> | null | undefined)?.[Symbol.iterator];
  if (typeof iterate !== 'function') throw new TypeError(fault);
  return { [Symbol.iterator]: () => Reflect.apply(iterate, value, []) };
}
