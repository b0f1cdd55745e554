/**
 * Native error: V8's own `Error`, before `ses` replaces the global one.
 *
 * The replacement hands a hook `Error.prepareStackTrace` wrapped call sites, at a cost of some 20
 * microseconds a frame. A hook set here is called by V8 with its own: it is the machine's alone, and
 * what users set goes through the replacement as before.
 *
 * `harden.ts` imports this file before `ses`.
 */

export const NativeError: ErrorConstructor & {
  prepareStackTrace?: ((error: Error, frames: NodeJS.CallSite[]) => unknown) | undefined;
} = Error;
