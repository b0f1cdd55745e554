/**
 * Types of gen-event, checked by `npm run typecheck`; this file never runs.
 *
 * Each line marked as an error must be one: if the types let it through, the mark itself is the error.
 */

import {
  addHandler,
  call,
  type EventManager,
  type GenEvent,
  named,
  notify,
  startLink,
  swapHandler,
  syncNotify,
} from 'tsvm/gen-event';
import * as counting from './events.js';

type Order = { type: 'placed'; price: number } | { type: 'cancelled' };

type Counting = GenEvent<{
  state: number;
  event: Order;
  init: number;
  calls: { count: () => number; reset: (request: { to: number }) => string };
}>;

export const init: Counting['init'] = (n) => ({ state: n });

export const handleEvent: Counting['handleEvent'] = (event, n) =>
  event.type === 'placed' ? { state: n + event.price } : { remove: true };

export const handleCall: Counting['handleCall'] = {
  count: (_, n) => ({ reply: n, state: n }),
  reset: ({ to }) => ({ reply: 'done', state: to }),
};

export async function managers(): Promise<void> {
  const orders: EventManager<Order> = await startLink<Order>();
  await addHandler(orders, counting, 1);
  await addHandler(orders, [counting, 'second'], 2);
  // @ts-expect-error init takes a number
  await addHandler(orders, counting, 'one');
  // @ts-expect-error init takes an argument
  await addHandler(orders, counting);
  // @ts-expect-error no handleEvent
  await addHandler(orders, { init }, 1);
  notify(orders, { type: 'placed', price: 5 });
  await syncNotify(orders, { type: 'cancelled' });
  notify(named<Order>('orders'), { type: 'cancelled' });
  // @ts-expect-error no such event
  notify(orders, { type: 'lost' });
  const n: number = await call(orders, counting, { type: 'count' });
  const done: string = await call(orders, counting, { type: 'reset', to: 0 });
  void [n, done];
  // @ts-expect-error no such request
  await call(orders, counting, { type: 'burn' });
  // @ts-expect-error the reply of count is a number
  const text: string = await call(orders, counting, { type: 'count' });
  void text;
  const prices = await startLink<{ type: 'price' }>();
  // @ts-expect-error counting does not take these events
  await addHandler(prices, counting, 1);
  // @ts-expect-error nor can it come by a swap
  await swapHandler(prices, { handler: counting }, { handler: counting });
}

// @ts-expect-error an event is not answered
export const answering: Counting['handleEvent'] = (_, state) => ({ state, reply: 1 });

// @ts-expect-error the state is a number
export const wrongState: Counting['handleEvent'] = () => ({ state: 'x' });

// @ts-expect-error count and reset must be there
export const missing: Counting['handleCall'] = { count: (_, n) => ({ reply: n, state: n }) };
