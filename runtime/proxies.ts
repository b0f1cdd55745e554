/**
 * Proxies: can there be any among the values of this thread?
 *
 * A message that holds a proxy is refused, as `structuredClone` refuses it, and asking V8 whether a value
 * is one costs 10 ns, a tenth of sending a small message. Most programs never make one. So a scheduler
 * thread replaces the constructor, before any module is evaluated, by one that takes note; as long as
 * nobody has used it there is nothing to ask.
 *
 * What is made out of its sight (in a `vm` context, by Node itself) is then copied as what it plays:
 * less strict, isolated all the same.
 *
 * Source: ECMAScript, "Proxy Object Internal Methods".
 */
import { types } from 'node:util';

const { isProxy } = types;

let possible = true;

/** Is the value a proxy? Cost: nothing as long as there are none, else 10 ns. */
export function isProxyValue(value: unknown): boolean {
  return possible && isProxy(value);
}

/** Take note of every proxy from now on. Before the realm is frozen. */
export function watchProxies(): void {
  const { Proxy: Native } = globalThis;
  const { revocable } = Native;
  // A function of Native's own look and name; `Proxy` itself as the handler's target keeps it so.
  const Watched = new Native(Native, {
    construct(target, args: [object, ProxyHandler<object>]) {
      possible = true;
      return new target(...args);
    },
  });
  const watchedRevocable = {
    revocable(target: object, handler: ProxyHandler<object>): ReturnType<typeof revocable> {
      possible = true;
      return revocable(target, handler);
    },
  }.revocable;
  Object.defineProperty(Native, 'revocable', { value: watchedRevocable });
  Object.defineProperty(globalThis, 'Proxy', { value: Watched });
}

/** Those made so far belong to the machine: no process gets at them. */
export function forgetProxies(): void {
  possible = false;
}
