/**
 * Random programs do the same as Node does with them. `TSVM_PROGRAMS=5000` runs more of them, and
 * `TSVM_SEED=…` others; a failure prints seed and program.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compiledTrace, nativeTrace, preemptedTrace } from './comparison.js';
import { randomProgram } from './random-program.js';

const PROGRAMS = Number(process.env['TSVM_PROGRAMS'] ?? 200);
const SEED = Number(process.env['TSVM_SEED'] ?? 20_261_123);
const LENGTH = 500;
const MS_PER_PROGRAM = 800;

let preemptions = 0;
let events = 0;

test(
  'random programs: as Node runs them, with all the budget and with none',
  async () => {
    // What a program leaves unhandled is no concern of its trace.
    const ignore = (): void => {};
    process.on('unhandledRejection', ignore);
    try {
      await fc.assert(
        fc.asyncProperty(tapes(), async (tape) => {
          const source = randomProgram(tape);
          const native = await nativeTrace(source);
          // Now and then esbuild takes an expression for the head of an arrow function.
          fc.pre(!String(native.end).includes('Transform failed'));
          events += native.events.length;
          expect(await compiledTrace(source), source).toEqual(native);
          const { preemptions: count, ...preempted } = await preemptedTrace(source);
          preemptions += count;
          expect(preempted, source).toEqual(native);
        }),
        {
          seed: SEED,
          numRuns: PROGRAMS,
          interruptAfterTimeLimit: 60_000 + (PROGRAMS * MS_PER_PROGRAM) / 2,
        },
      );
    } finally {
      process.off('unhandledRejection', ignore);
    }
    expect(events).toBeGreaterThan(PROGRAMS);
    expect(preemptions).toBeGreaterThan(PROGRAMS);
  },
  60_000 + PROGRAMS * MS_PER_PROGRAM,
);

function tapes(): fc.Arbitrary<number[]> {
  return fc.array(fc.nat(999), { maxLength: LENGTH, size: 'max' });
}
