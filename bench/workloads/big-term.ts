/** The 100 maps of the benchmark big_message, 13,863 bytes in Erlang's external format. */

export interface BigMap {
  readonly k0: number;
  readonly k1: number;
  readonly k2: number;
  readonly k3: number;
  readonly k4: number;
  readonly s0: string;
  readonly s1: string;
  readonly s2: string;
  readonly s3: string;
  readonly s4: string;
}

export function maps100(): BigMap[] {
  return Array.from({ length: 100 }, (_, index) => {
    const i = index + 1;
    return {
      k0: i,
      k1: 2 * i,
      k2: 3 * i,
      k3: 4 * i,
      k4: i % 7,
      s0: `name-${1000 + i}`,
      s1: `city-${1000 + i}`,
      s2: `street-${1000 + i}`,
      s3: `state-${1000 + i}`,
      s4: `tag-${1000 + i}`,
    };
  });
}

/** What the receiver computes: it has to get at a number and a text of every map. */
export function sumOf(maps: readonly BigMap[]): number {
  let sum = 0;
  for (const map of maps) sum += map.k0 + map.s4.length;
  return sum;
}
