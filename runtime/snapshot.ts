/**
 * Snapshot: a copy of a process' state for that process itself.
 *
 * Lists, plain objects, `Map` and `Set` are made anew, with all that they share and refer back to; what
 * else there is (functions, modules, class instances, sockets) is the same in the copy. So it never
 * fails, unlike a copy that is sent: what it holds does not leave its process.
 */

export function snapshot<S>(state: S): S {
  const made = new Map<object, object>();
  // A list of what is to be filled, not a recursion: a state may be a long chain.
  const open: { readonly from: object; readonly to: object }[] = [];
  const copyOf = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    const known = made.get(value);
    if (known !== undefined) return known;
    const fresh = emptyLike(value);
    if (fresh === null) return value;
    made.set(value, fresh);
    open.push({ from: value, to: fresh });
    return fresh;
  };
  const result = copyOf(state);
  for (let next = open.pop(); next !== undefined; next = open.pop())
    fill(next.from, next.to, copyOf);
  return result as S;
}

/** null: it is shared. */
function emptyLike(value: object): object | null {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Array.prototype) return new Array((value as unknown[]).length);
  if (prototype === Object.prototype) return {};
  if (prototype === null) return Object.create(null) as object;
  if (prototype === Map.prototype) return new Map();
  return prototype === Set.prototype ? new Set() : null;
}

function fill(from: object, to: object, copyOf: (value: unknown) => unknown): void {
  if (from instanceof Map) {
    for (const [key, value] of from) (to as Map<unknown, unknown>).set(copyOf(key), copyOf(value));
    return;
  }
  if (from instanceof Set) {
    for (const value of from) (to as Set<unknown>).add(copyOf(value));
    return;
  }
  for (const key of Reflect.ownKeys(from)) {
    const property = Object.getOwnPropertyDescriptor(from, key) as PropertyDescriptor;
    if (key === 'length' && Array.isArray(from)) continue;
    if ('value' in property) {
      Object.defineProperty(to, key, {
        value: copyOf(property.value),
        writable: true,
        enumerable: property.enumerable === true,
        configurable: true,
      });
    } else Object.defineProperty(to, key, property);
  }
}
