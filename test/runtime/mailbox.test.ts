/** The mailbox against the plainest model of one: an array and a place in it. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Mailbox, NONE } from '../../runtime/mailbox.js';

/** A list of messages with epochs, and how many of them the receive in progress has seen. */
class Model {
  messages: { value: number; epoch: number }[] = [];
  seen = 0;

  take(match: (value: number) => boolean): number | typeof NONE {
    const at = this.messages.findIndex(({ value }, index) => index >= this.seen && match(value));
    if (at < 0) {
      this.seen = this.messages.length;
      return NONE;
    }
    this.seen = 0;
    return (this.messages.splice(at, 1)[0] as { value: number }).value;
  }

  skipTo(epoch: number): void {
    const older = this.messages.filter((message) => message.epoch < epoch).length;
    this.seen = older;
  }
}

type Step =
  | { readonly kind: 'push'; readonly count: number; readonly value: number }
  | { readonly kind: 'take' | 'remove' | 'pushFirst'; readonly value: number }
  | { readonly kind: 'shift' | 'rewind' | 'mark' | 'skip' };

const value = fc.integer({ min: 0, max: 5 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('push'), count: fc.nat(3), value }) },
  // More than a chunk holds.
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('push'), count: fc.nat(700), value }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constantFrom('take', 'take', 'remove', 'pushFirst'), value }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constantFrom('shift', 'rewind', 'mark', 'skip') }),
  },
) as fc.Arbitrary<Step>;

test('mailbox: any sequence of operations gives what a list of messages gives', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const mailbox = new Mailbox();
      const model = new Model();
      let epoch = 1;
      let marked = 0;
      for (const each of steps) {
        switch (each.kind) {
          case 'push':
            for (let n = 0; n < each.count; n++) {
              mailbox.push((each.value + n) % 6, epoch);
              model.messages.push({ value: (each.value + n) % 6, epoch });
            }
            break;
          case 'pushFirst': {
            mailbox.pushFirst(each.value, epoch);
            const oldest = model.messages[0]?.epoch ?? epoch;
            model.messages.unshift({ value: each.value, epoch: oldest });
            model.seen = 0;
            break;
          }
          case 'take': {
            const match = (message: number): boolean => message === each.value;
            expect(mailbox.take(match)).toBe(model.take(match));
            break;
          }
          case 'remove': {
            // The machine's own: not while a receive has a place in the mailbox.
            mailbox.rewind();
            model.seen = 0;
            const at = model.messages.findIndex((message) => message.value === each.value);
            expect(mailbox.remove((message) => message === each.value)).toBe(at >= 0);
            if (at >= 0) model.messages.splice(at, 1);
            break;
          }
          case 'shift': {
            mailbox.rewind();
            model.seen = 0;
            expect(mailbox.shift()).toBe(model.take(() => true));
            break;
          }
          case 'rewind':
            mailbox.rewind();
            model.seen = 0;
            break;
          case 'mark':
            epoch += 1;
            marked = epoch;
            break;
          case 'skip':
            mailbox.skipTo(marked);
            model.skipTo(marked);
            break;
        }
        expect(mailbox.length).toBe(model.messages.length);
        expect(mailbox.hasUnseen).toBe(model.seen < model.messages.length);
        expect(mailbox.peek(3)).toEqual(model.messages.slice(0, 3).map((message) => message.value));
      }
    }),
    { numRuns: 300 },
  );
});

test('mailbox: a match that throws leaves every message where it was', () => {
  const mailbox = new Mailbox();
  for (const message of [1, 2, 3]) mailbox.push(message, 0);
  const failing = (): never => {
    throw new Error('no');
  };
  expect(() => mailbox.take(failing)).toThrow('no');
  expect(mailbox.take((message: number) => message === 2)).toBe(2);
  expect([mailbox.shift(), mailbox.shift(), mailbox.shift()]).toEqual([1, 3, NONE]);
});
