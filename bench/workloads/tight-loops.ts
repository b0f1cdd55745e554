/**
 * Small jobs for `counting`: loops and calls with so little in them that a check weighs most.
 *
 * Each is prepared outside of the clock and checked behind it, as those of `cpu`.
 */
import { expectSame, type Kernel } from './cpu-kernels.js';

export const TIGHT_KERNELS: Readonly<Record<string, Kernel>> = {
  array_sum: { prepare: upTo, run: arraySum, check: checkArraySum },
  for_of: { prepare: upTo, run: forOf, check: checkArraySum },
  matrix_multiply: { prepare: matrices, run: multiply, check: checkProduct },
  sieve: { prepare: (size) => size, run: sieve, check: checkSieve },
  short_loops: { prepare: (size) => size, run: shortLoops, check: checkShortLoops },
  collatz: { prepare: (size) => size, run: collatz, check: checkCollatz },
  string_building: { prepare: (size) => size, run: stringBuilding, check: checkString },
  map_counting: { prepare: (size) => size, run: mapCounting, check: checkCounts },
  helper_calls: { prepare: (size) => size, run: helperCalls, check: checkHelperCalls },
  trees: { prepare: (size) => size, run: trees, check: checkTrees },
};

/** A loop, for the guard ends a native call that takes longer than it permits. */
function upTo(size: number): number[] {
  const numbers: number[] = [];
  for (let i = 0; i < size; i++) numbers.push(i);
  return numbers;
}

function arraySum(numbers: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < numbers.length; i++) sum += numbers[i] as number;
  return sum;
}

function forOf(numbers: readonly number[]): number {
  let sum = 0;
  for (const number of numbers) sum += number;
  return sum;
}

function checkArraySum(result: number, size: number): void {
  expectSame('the sum', result, (size * (size - 1)) / 2);
}

interface Matrices {
  readonly side: number;
  readonly a: Float64Array;
  readonly b: Float64Array;
}

/** `size` numbers, or a few less, in each of two squares. */
function matrices(size: number): Matrices {
  const side = Math.floor(Math.sqrt(size));
  const a = Float64Array.from({ length: side * side }, (_, i) => i % side);
  return { side, a, b: a.slice().fill(2) };
}

function multiply({ side, a, b }: Matrices): Float64Array {
  const product = new Float64Array(side * side);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      let sum = 0;
      for (let i = 0; i < side; i++) {
        sum += (a[row * side + i] as number) * (b[i * side + column] as number);
      }
      product[row * side + column] = sum;
    }
  }
  return product;
}

function checkProduct(result: Float64Array, size: number): void {
  const side = Math.floor(Math.sqrt(size));
  expectSame('the last product', result.at(-1), side * (side - 1));
}

function sieve(size: number): number {
  const composite = new Uint8Array(size + 1);
  let primes = 0;
  for (let i = 2; i <= size; i++) {
    if (composite[i] === 1) continue;
    primes += 1;
    for (let j = i * 2; j <= size; j += i) composite[j] = 1;
  }
  return primes;
}

function checkSieve(result: number, size: number): void {
  if (size === 2_000_000) expectSame('primes below two million', result, 148_933);
  if (size > 10_000) return;
  let primes = 0;
  for (let n = 2; n <= size; n++) {
    let divisor = 2;
    while (divisor * divisor <= n && n % divisor !== 0) divisor += 1;
    if (divisor * divisor > n) primes += 1;
  }
  expectSame('primes', result, primes);
}

function shortLoops(size: number): number {
  let sum = 0;
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < 4; j++) sum = (sum + i * j) | 0;
  }
  return sum;
}

function checkShortLoops(result: number, size: number): void {
  expectSame('the sum', result, Number(BigInt.asIntN(32, BigInt(size) * BigInt(size - 1) * 3n)));
}

/** The longest way to 1 that begins below `size`. */
function collatz(size: number): number {
  let longest = 0;
  for (let start = 1; start < size; start++) {
    let steps = 0;
    let n = start;
    while (n !== 1) {
      n = n % 2 === 0 ? n / 2 : 3 * n + 1;
      steps += 1;
    }
    if (steps > longest) longest = steps;
  }
  return longest;
}

function checkCollatz(result: number, size: number): void {
  if (size === 30_000) expectSame('the longest way', result, 307);
}

function stringBuilding(size: number): string {
  let text = '';
  for (let i = 0; i < size; i++) text += i % 2 === 0 ? 'a' : 'bc';
  return text;
}

function checkString(result: string, size: number): void {
  expectSame('the text', result, `${'abc'.repeat(size >> 1)}${size % 2 === 1 ? 'a' : ''}`);
}

const KEYS = 1000;

function mapCounting(size: number): Map<number, number> {
  const counts = new Map<number, number>();
  for (let i = 0; i < size; i++) {
    const key = (i * 7919) % KEYS;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

function checkCounts(result: ReadonlyMap<number, number>, size: number): void {
  let sum = 0;
  for (const count of result.values()) sum += count;
  expectSame('all counts', sum, size);
}

function helperCalls(size: number): number {
  let state = 1;
  for (let i = 0; i < size; i++) state = mixed(state, i);
  return state;
}

/** A function that calls others; none of them calls itself. */
function mixed(state: number, i: number): number {
  const shifted = rotated(state ^ i, 7);
  return rotated(shifted, 13) ^ state;
}

function rotated(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

function checkHelperCalls(result: number, size: number): void {
  let state = 1;
  for (let i = 0; i < size; i++) {
    const word = state ^ i;
    const shifted = (word << 7) | (word >>> 25);
    state = ((shifted << 13) | (shifted >>> 19)) ^ state;
  }
  expectSame('the state', result, state);
}

interface Tree {
  readonly left: Tree | null;
  readonly right: Tree | null;
}

/** Builds a tree of `size` levels and counts its nodes. */
function trees(size: number): number {
  return nodesOf(grown(size));
}

function grown(levels: number): Tree | null {
  if (levels === 0) return null;
  return { left: grown(levels - 1), right: grown(levels - 1) };
}

function nodesOf(tree: Tree | null): number {
  return tree === null ? 0 : 1 + nodesOf(tree.left) + nodesOf(tree.right);
}

function checkTrees(result: number, size: number): void {
  expectSame('nodes', result, 2 ** size - 1);
}
