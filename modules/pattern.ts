/**
 * Patterns: plain data that says what a value must contain.
 *
 * A pattern is sent to the process that holds the values, so nothing of the user's runs there and only
 * what fits is copied. What a pattern cannot say is said by a filter over the answer.
 *
 * Source: OTP, match patterns of `ets:match_object/2`; Elixir, `Registry.match/4`.
 */

/** What a value must contain: of an object the named properties, of a list all elements; `undefined` is anything. */
export type Pattern<T> = T extends readonly unknown[]
  ? { readonly [K in keyof T]: Pattern<T[K]> | undefined }
  : T extends object
    ? { readonly [K in keyof T]?: Pattern<T[K]> | undefined }
    : T;

/** Does the value contain what the pattern asks for? */
export function fits(pattern: unknown, value: unknown): boolean {
  if (pattern === undefined || Object.is(pattern, value)) return true;
  if (typeof pattern !== 'object' || pattern === null) return false;
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(pattern)) {
    return (
      Array.isArray(value) &&
      value.length === pattern.length &&
      pattern.every((each, at) => fits(each, value[at]))
    );
  }
  if (pattern instanceof Date) {
    return value instanceof Date && pattern.getTime() === value.getTime();
  }
  return Object.entries(pattern).every(([key, each]) =>
    fits(each, (value as Record<string, unknown>)[key]),
  );
}
