/**
 * via: names that a module keeps, and not the machine.
 *
 * A via name stands wherever a behaviour takes a name: it says which module to ask, and what for. Any
 * module with `registerName` and `whereisName` will do; `tsvm/registry` is one.
 *
 * Invariant: a name is looked up each time it is used, so a process that was restarted under it is found.
 *
 * Source: OTP, `gen_server:server_ref()`, `{via, Module, Name}`; SEMANTICS 10.
 */

import { type Addressed, ExitError, type Pid, ProcessError } from 'tsvm';

/** Whether a process has got a name, or else who has it. */
export type Registered<M = unknown> =
  | { readonly ok: true }
  | { readonly ok: false; readonly pid: Pid<M> };

/**
 * A module that keeps names. It must forget the name of a process that has ended before anybody who heard of
 * that end can ask: nobody takes the name back.
 */
export interface ViaModule {
  /** Give the calling process this name. */
  readonly registerName: (name: never) => Registered | Promise<Registered>;
  readonly whereisName: (name: never) => Found | Promise<Found>;
}

type Found = Pid<never> | undefined;

/** A name that a module keeps, and what the process that has it receives. `{via, Module, Name}`. */
export interface Via<M = unknown> extends Addressed<M> {
  readonly via: ViaModule;
  readonly name: unknown;
}

/** Make a via name. The module is given as its namespace: `import * as registry from 'tsvm/registry'`. */
export function viaName<M>(via: ViaModule, name: unknown): Via<M> {
  // What it accepts is known to the compiler alone.
  return { via, name } as unknown as Via<M>;
}

export function isVia(target: unknown): target is Via<never> {
  return (
    typeof target === 'object' &&
    target !== null &&
    typeof (target as Partial<Via<never>>).via?.whereisName === 'function'
  );
}

/** Who has this name now? */
export async function whereis<M>({ via, name }: Via<M>): Promise<Pid<M> | undefined> {
  return (await via.whereisName(name as never)) as Pid<M> | undefined;
}

/** Give the calling process a name. @returns who has it, if somebody else does */
export async function registerVia({ via, name }: Via<never>): Promise<Pid | undefined> {
  const registered = await via.registerName(name as never);
  return registered.ok ? undefined : registered.pid;
}

/** A pid or a plain name, for what takes nothing else. @throws exits with `noproc` as a call does */
export async function resolved(target: string | Via<never>): Promise<string> {
  if (typeof target === 'string') return target;
  if (!isVia(target)) throw new ProcessError('badarg', 'expected a pid, a name or a via name');
  const pid = await whereis(target);
  if (pid === undefined) throw new ExitError({ reason: 'noproc', call: target.name });
  return pid;
}
