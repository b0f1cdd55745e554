/**
 * The jobs of `cpu`: plain functions without any process, so that the floor runs the same text.
 *
 * A kernel is prepared outside of the clock, computes inside it, and its result is checked behind
 * it: at the full size against the figure of the benchmark's definition, at any size against a
 * formula or a second way to the same result.
 */
import { DOCUMENT, JsonEncoder } from './json-encoder.js';

export interface Kernel {
  /** What stands ready before the clock starts. */
  readonly prepare: (size: number) => unknown;
  readonly run: (input: never) => unknown;
  /** @throws Error when the result is not right */
  readonly check: (result: never, size: number) => void;
}

const MASK_30_BITS = 2 ** 30 - 1;

export const CPU_KERNELS: Readonly<Record<string, Kernel>> = {
  fib30: { prepare: (size) => size, run: fib, check: checkFib },
  int_loop_100m: { prepare: (size) => size, run: intLoop, check: checkIntLoop },
  float_steps_1m: { prepare: (size) => size, run: floatSteps, check: checkFloatSteps },
  sort_1m: { prepare: randomNumbers, run: sortNumbers, check: checkSorted },
  json_100k: { prepare: (size) => size, run: encodeDocuments, check: checkDocument },
};

/** Raise unless both are the same. */
export function expectSame(what: string, actual: unknown, expected: unknown): void {
  if (!Object.is(actual, expected)) throw new Error(`${what}: expected ${expected}, got ${actual}`);
}

export function fib(n: number): number {
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

function checkFib(result: number, size: number): void {
  let [a, b] = [0, 1];
  for (let i = 0; i < size; i++) [a, b] = [b, a + b];
  expectSame(`fib(${size})`, result, a);
  if (size === 30) expectSame('fib(30)', result, 832_040);
}

function intLoop(size: number): number {
  let sum = 0;
  for (let i = size; i > 0; i--) {
    for (let j = size; j > 0; j--) sum = (sum + i * j) & MASK_30_BITS;
  }
  return sum;
}

function checkIntLoop(result: number, size: number): void {
  const line = (BigInt(size) * BigInt(size + 1)) / 2n;
  expectSame('int_loop', result, Number((line * line) & BigInt(MASK_30_BITS)));
  if (size === 10_000) expectSame('int_loop of 10,000', result, 130_039_872);
}

/** One orbit by steps of a thousandth. @returns its energy, which stays about the same */
function floatSteps(size: number): number {
  let x = 1;
  let y = 0;
  let vx = 0;
  let vy = 1.1;
  for (let i = 0; i < size; i++) {
    const r2 = x * x + y * y;
    const f = 0.001 / (r2 * Math.sqrt(r2));
    vx -= x * f;
    vy -= y * f;
    x += 0.001 * vx;
    y += 0.001 * vy;
  }
  return (vx * vx + vy * vy) / 2 - 1 / Math.sqrt(x * x + y * y);
}

function checkFloatSteps(result: number, size: number): void {
  if (!(Math.abs(result + 0.395) < 0.001)) throw new Error(`the orbit's energy is ${result}`);
  if (size === 1_000_000) expectSame('float_steps', Number(result.toFixed(15)), -0.395050797908837);
}

/** `size` pseudo-random integers, the first of which is the one after 42. */
export function randomNumbers(size: number): number[] {
  const numbers: number[] = [];
  let x = 42;
  for (let i = 0; i < size; i++) {
    x = (x * 16_807) % 2_147_483_647;
    numbers.push(x);
  }
  return numbers;
}

/** A typed array sorts numbers without a comparator: the library's way for a list of numbers. */
function sortNumbers(numbers: readonly number[]): number[] {
  return Array.from(Float64Array.from(numbers).sort());
}

function checkSorted(result: readonly number[], size: number): void {
  expectSame('length of the sorted list', result.length, size);
  for (let i = 1; i < size; i++) {
    if ((result[i - 1] as number) > (result[i] as number)) throw new Error(`not sorted at ${i}`);
  }
  if (size !== 1_000_000) return;
  expectSame('the least', result[0], 71);
  expectSame('the greatest', result[size - 1], 2_147_482_932);
}

function encodeDocuments(size: number): Uint8Array {
  const encoder = new JsonEncoder();
  let last = new Uint8Array();
  for (let i = 0; i < size; i++) last = encoder.encode(DOCUMENT);
  return last;
}

function checkDocument(result: Uint8Array): void {
  const text = new TextDecoder().decode(result);
  expectSame('length of the document', result.length, 563);
  expectSame('the document', text, JSON.stringify(DOCUMENT));
}
