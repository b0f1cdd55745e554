/**
 * Types of gen-statem and gen-event, checked by `npm run typecheck`; this file never runs.
 *
 * Each line marked as an error must be one: if the types let it through, the mark itself is the error.
 */

import { send } from 'tsvm';
import { call, cast, type GenStatem, replyTo, type Statem, start } from 'tsvm/gen-statem';
import * as door from './statem.js';

/** Each state has data of its own. */
type Door = GenStatem<{
  states: { locked: { code: string; wrong: number }; open: { code: string } };
  init: string;
  calls: { unlock: (request: { code: string }) => boolean; status: () => string };
  casts: { close: () => void };
  info: { type: 'knock' };
  stateTimeout: undefined;
  timeouts: { alarm: { level: number } };
  common: 'status' | 'alarm';
}>;

export const init: Door['init'] = (code) => ({ state: 'locked', data: { code, wrong: 0 } });

export const states: Door['states'] = {
  locked: {
    enter: (from, data) => {
      const before: 'locked' | 'open' = from;
      const wrong: number = data.wrong;
      void [before, wrong];
      return { keep: true, actions: { stateTimeoutMs: 'cancel' } };
    },
    call: {
      unlock({ code }, data, from) {
        if (code !== data.code) {
          return { keep: true, data: { ...data, wrong: data.wrong + 1 }, reply: false };
        }
        const actions = [replyTo(from, true), { stateTimeoutMs: 1000 }];
        return { next: 'open', data: { code }, actions };
      },
    },
    cast: { close: () => ({ keep: true }) },
    info: (message) => {
      const type: 'knock' = message.type;
      void type;
      return { keep: true, actions: [{ timeout: 'alarm', ms: 5, content: { level: 1 } }] };
    },
  },
  open: {
    call: { unlock: () => ({ keep: true, reply: true }) },
    cast: {
      close: (_, { code }) => ({
        next: 'locked',
        data: { code, wrong: 0 },
        actions: { postpone: true },
      }),
    },
    stateTimeout: (_, { code }) => ({ next: 'locked', data: { code, wrong: 0 } }),
  },
};

export const common: Door['common'] = {
  call: { status: (_, data, _from, state) => ({ keep: true, reply: `${state} ${data.code}` }) },
  timeout: { alarm: ({ level }) => ({ stop: level }) },
};

declare const machine: Statem<typeof door>;

/** The request decides the reply; what the machine does not know is refused. */
export async function calls(): Promise<void> {
  const unlocked: boolean = await call(machine, { type: 'unlock', code: '1' });
  const status: string = await call(machine, { type: 'status' });
  void [unlocked, status];
  cast(machine, { type: 'close' });
  send(machine, { type: 'knock' });
  // @ts-expect-error code is missing
  await call(machine, { type: 'unlock' });
  // @ts-expect-error there is no such request
  await call(machine, { type: 'burn' });
  // @ts-expect-error close is a cast
  await call(machine, { type: 'close' });
  // @ts-expect-error the reply is a boolean
  const text: string = await call(machine, { type: 'unlock', code: '1' });
  void text;
  await start(door, '1234');
  // @ts-expect-error init takes a string
  await start(door, 1234);
  // @ts-expect-error neither states nor handleEvent
  await start({ init });
}

type Locked = Door['states']['locked'];
type Open = Door['states']['open'];

// @ts-expect-error unlock is missing
export const withoutUnlock: Locked = { cast: { close: () => ({ keep: true }) } };

// @ts-expect-error a state is missing
export const withoutOpen: Door['states'] = { locked: states.locked };

// @ts-expect-error status is missing from what is common
export const withoutStatus: Door['common'] = { timeout: common.timeout };

export const wrongReply: Locked['call'] = {
  // @ts-expect-error unlock is answered with a boolean
  unlock: () => ({ keep: true, reply: 'yes' }),
};

export const wrongData: Locked['cast'] = {
  // @ts-expect-error wrong is missing
  close: () => ({ keep: true, data: { code: '' } }),
};

export const dataMissing: Open['cast'] = {
  // @ts-expect-error open has nothing that fits locked
  close: () => ({ next: 'locked' }),
};

/** What locked has fits open too. */
export const dataFits: Locked['cast'] = { close: () => ({ next: 'open' }) };

export const wrongState: Open['cast'] = {
  // @ts-expect-error no such state
  close: () => ({ next: 'ajar', data: { code: '' } }),
};

export const wrongTimeout: Open['cast'] = {
  // @ts-expect-error no such time-out
  close: () => ({ keep: true, actions: { timeout: 'alert', ms: 1, content: { level: 1 } } }),
};

export const wrongContent: Open['cast'] = {
  // @ts-expect-error the level is a number
  close: () => ({ keep: true, actions: { timeout: 'alarm', ms: 1, content: { level: 'x' } } }),
};

// @ts-expect-error this machine has no event time-out
export const noEventTimeout: Open['info'] = () => ({ keep: true, actions: { eventTimeoutMs: 1 } });

// @ts-expect-error a cast is not answered
export const answered: Open['cast'] = { close: () => ({ keep: true, reply: 1 }) };

// @ts-expect-error an enter call may not postpone
export const entering: Open['enter'] = () => ({ keep: true, actions: { postpone: true } });

// @ts-expect-error an enter call may not change the state
export const leaving: Open['enter'] = () => ({ next: 'locked', data: { code: '', wrong: 0 } });

/** One function for all states, which are any data. */
type Lift = GenStatem<{
  state: { at: 'floor'; floor: number } | { at: 'moving'; to: number };
  data: { trips: number };
  calls: { goTo: (request: { floor: number }) => boolean; where: () => string };
  stateTimeout: undefined;
}>;

export const liftInit: Lift['init'] = () => ({
  state: { at: 'floor', floor: 0 },
  data: { trips: 0 },
});

export const liftEvent: Lift['handleEvent'] = (event, state, data) => {
  if (event.type === 'call' && event.name === 'goTo') {
    if (state.at === 'moving') return { keep: true, actions: { postpone: true } };
    const actions = [replyTo(event.from, true), { stateTimeoutMs: 10 }];
    return { next: { at: 'moving', to: event.request.floor }, data, actions };
  }
  if (event.type === 'call') {
    // @ts-expect-error where is answered with a string
    replyTo(event.from, 5);
    return { keep: true, actions: replyTo(event.from, state.at) };
  }
  // @ts-expect-error there is no event time-out
  if (event.type === 'event_timeout') return { keep: true };
  return { keep: true };
};

// @ts-expect-error not a state
export const sunk: Lift['handleEvent'] = () => ({ next: { at: 'sea' } });

declare const lift: Statem<{ init: typeof liftInit; handleEvent: typeof liftEvent }>;

export async function lifts(): Promise<void> {
  const went: boolean = await call(lift, { type: 'goTo', floor: 3 });
  const where: string = await call(lift, { type: 'where' });
  void [went, where];
  // @ts-expect-error floor is a number
  await call(lift, { type: 'goTo', floor: 'x' });
}
