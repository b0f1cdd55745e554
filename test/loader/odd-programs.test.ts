/** Odd programs do the same as Node does with them: with all the budget there is, and with none. */

import { expect, test } from 'vitest';
import { compiledTrace, nativeTrace, preemptedTrace } from './comparison.js';
import { classes } from './odd/classes.js';
import { controlFlow } from './odd/control-flow.js';
import { expressions } from './odd/expressions.js';
import { functions } from './odd/functions.js';
import { closesOnRejection, generators } from './odd/generators.js';
import { promises } from './odd/promises.js';
import { twins } from './odd/twins.js';

const TOPICS = { functions, generators, classes, controlFlow, expressions, promises, twins };

const PRELUDE = `
const tick = () => new Promise((done) => setImmediate(done));
const named = (e) => e instanceof Error ? e.name + ':' + (e.constructor === Error ? e.message : '') : e;
`;

let preemptions = 0;

for (const [topic, programs] of Object.entries(TOPICS)) {
  for (const [name, text] of Object.entries(programs)) {
    test(`${topic}: ${name}: as Node runs it`, async () => {
      const source = PRELUDE + text;
      const native = await nativeTrace(source);
      expect(native.end, 'on Node').toEqual(['returned', 'undefined']);
      expect(await compiledTrace(source)).toEqual(native);
      const { preemptions: count, ...preempted } = await preemptedTrace(source);
      preemptions += count;
      expect(preempted).toEqual(native);
    });
  }
}

test('generators: for await closes a plain iterator whose promise is rejected', async () => {
  const expected = ['closed', 'Error:v', 1, 'gen closed', 'Error:w'];
  expect((await compiledTrace(PRELUDE + closesOnRejection)).events).toEqual(expected);
  expect((await preemptedTrace(PRELUDE + closesOnRejection)).events).toEqual(expected);
});

test('odd programs: they did give way', () => {
  expect(preemptions).toBeGreaterThan(100);
});
