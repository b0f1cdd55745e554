/** Functions that can be sent, without a compiler: each gives what it captures. */
import { useFunCode } from '../../runtime/funs.js';
import { ModuleFuns } from '../../runtime/module-funs.js';
import { difference } from './message-values.js';

type Captured = () => unknown;

export const versions: ModuleFuns = new ModuleFuns('made', 'v1', [
  {
    make:
      (...captured: readonly never[]) =>
      () =>
        captured,
    captures: ['a', 'b'],
    coroutine: false,
    label: 'made',
  },
]);
useFunCode({
  lookupFuns: (module, version) => (module === 'made' && version === 'v1' ? versions : undefined),
  lookup: () => undefined,
  table: () => ({}),
});

export function sendable(a: unknown, b: unknown): Captured {
  return versions.value(0, [a, b]) as Captured;
}

interface WithFunctions {
  readonly plain: unknown;
  readonly list: readonly [Captured, unknown, Captured];
  readonly map: ReadonlyMap<unknown, unknown>;
  readonly set: ReadonlySet<unknown>;
  readonly other: Captured;
  readonly again: Captured;
}

/** A message around two others that has functions in many places. */
export function withFunctions(a: unknown, b: unknown): WithFunctions {
  const f = sendable(a, b);
  const map = new Map<unknown, unknown>([
    ['f', f],
    [f, 1],
  ]);
  return { plain: a, list: [f, b, f], map, set: new Set([f]), other: sendable(a, b), again: f };
}

/** What is wrong with the way a message with functions went; its functions capture `expected`. */
export function functionDifference(
  value: WithFunctions,
  send: (value: unknown) => unknown,
  expected: unknown,
): string | undefined {
  const got = send(value) as WithFunctions;
  const f = got.again;
  if (typeof f !== 'function' || f === value.again) return 'the function is not a copy';
  if (got.list[0] !== f || got.list[2] !== f) return 'the array has another function';
  if (got.map.get('f') !== f || got.map.get(f) !== 1) return 'the map has another function';
  if (!got.set.has(f) || got.set.size !== 1) return 'the set has another function';
  if (got.other === f) return 'two functions became one';
  return (
    difference([...(f() as unknown[])], expected) ??
    difference([...(got.other() as unknown[])], expected) ??
    difference(got.plain, structuredClone(value.plain))
  );
}
