/** A loop that other modules import. */

export function spinElsewhere(lap: (n: number) => void, n: number): void {
  for (let round = 0; ; round++) if (round % 20_000 === 0) lap(n);
}
