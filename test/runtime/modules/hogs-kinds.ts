/** What the tests of pre-emption compute for themselves too: no import of `tsvm` here. */

export function kinds(): string[] {
  return [
    ...['plainLoop', 'heldLoop', 'asyncLoop', 'asyncAfterAwait', 'asyncInAsync', 'plainUnderAsync'],
    ...[
      'catching',
      'catchingAsync',
      'sorting',
      'inGetter',
      'recursive',
      'recursiveAsync',
      'inGenerator',
    ],
    ...['inJsonReplacer', 'inToJson', 'inReviver', 'inReplace', 'inProxyTrap', 'inSetter'],
    ...['inToString', 'inValueOf', 'inStaticBlock', 'inIterator', 'inDefault', 'inParameter'],
    ...['inTag', 'mutual', 'withTwin', 'callingShort', 'inArray', 'inArrayAsync'],
    ...['inOther', 'inOtherAsync'],
    ...['inAsyncGenerator', 'inSilentAsyncGenerator', 'inPromiseExecutor', 'constructing'],
  ];
}

/** A computation whose result is known, in plain code, long enough to be preempted many times. */
export function checksum(rounds: number): number {
  let a = 1;
  let b = 0;
  const table = [5, 3, 8, 1];
  for (let n = 0; n < rounds; n++) {
    const sorted = table.slice().sort((p, q) => ((p + n) % 7) - ((q + n) % 7));
    for (const x of sorted) {
      a = (a + x * n) % 65_521;
      b = (b + a) % 65_521;
    }
  }
  return b * 65_536 + a;
}
