/** A next version of stable-ledger that has forgotten about what was kept. */

export const version = 2;
export { apply, handleCall, init } from './stable-ledger.js';
