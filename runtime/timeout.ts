/** What a receive with a time limit gives when the limit passed: no message can be equal to it. */
export const TIMEOUT: unique symbol = Symbol('tsvm.timeout');
export type TimedOut = typeof TIMEOUT;
