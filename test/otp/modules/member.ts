/** A server that does what it is told: an order is an exported function with its arguments, called in the server. */
import { exit } from 'tsvm';
import {
  type CallResult,
  call,
  type InitResult,
  type Result,
  type Server,
  type ServerOptions,
  start,
} from 'tsvm/gen-server';
import * as member from './member.js';

type AnyFunction = (...args: never[]) => unknown;

export function init(state: unknown): InitResult<unknown> {
  return { state };
}

export const handleCall = {
  async act(
    { fn, args }: { readonly fn: AnyFunction; readonly args: readonly unknown[] },
    state: unknown,
  ): Promise<CallResult<unknown, unknown>> {
    return { reply: await fn(...(args as never[])), state };
  },
  state: (_: unknown, state: unknown): CallResult<unknown, unknown> => ({ reply: state, state }),
  crash: (): never => {
    throw new Error('planned');
  },
};

export const handleCast = {
  set: ({ to }: { readonly to: unknown }, _: unknown): Result<unknown> => ({ state: to }),
  end: ({ reason }: { readonly reason: unknown }): never => exit(reason),
};

export type Member = Server<typeof member>;

export function startMember(options: ServerOptions = {}, state?: unknown): Promise<Member> {
  return start(member, state, options);
}

/** Let a member call a function. */
export function by<A extends readonly unknown[], R>(
  pid: Member,
  fn: (...args: A) => R | Promise<R>,
  ...args: A
): Promise<R> {
  const order = { type: 'act', fn: fn as unknown as AnyFunction, args } as const;
  return call(pid, order) as Promise<R>;
}
