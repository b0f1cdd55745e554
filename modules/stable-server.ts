/**
 * stable-server: a gen-server whose state is kept.
 *
 * What a callback changes is in the tables of the machine before its reply goes out, or anything else that
 * follows from its result. When the server starts again, by its supervisor or in the next life of the machine,
 * it has the state that was acknowledged last.
 *
 * Ask it with `tsvm/gen-server`: `call`, `cast` and all others work as on any server.
 *
 * Source: OTP, module `gen_server`, with the state in `mnesia` or `disk_log`.
 */

import { ProcessError, type Ref } from 'tsvm';
import { checkModule } from './behaviours.js';
import * as genServer from './gen-server.js';
import type { Complete, Server } from './gen-server-types.js';
import * as procLib from './proc-lib.js';
import * as keeping from './stable-keeping.js';
import type { StableArgument, StableModule, StableOptions } from './stable-server-types.js';

export type * from './stable-server-types.js';

const SNAPSHOT_EVERY = 1000;

/** Without a parameter of `init` there is no argument. */
type Rest<G> = [StableArgument<G>] extends [undefined]
  ? [argument?: undefined, options?: StableOptions]
  : [argument: StableArgument<G>, options?: StableOptions];

/**
 * Start a server that is linked to the caller, with the state that is kept under `id`, and wait until its
 * `init` has returned and what it gave is kept.
 *
 * @param id whose state it is; one server at a time has it
 * @throws StartError as `gen-server` does, and `{kind: 'already_started', pid}`: a server with this id lives;
 *   `{kind: 'newer_state' | 'no_code_change' | 'no_upcast'}`: this program cannot go on with what is kept
 */
export function startLink<G extends StableModule>(
  module: G & Complete<G>,
  id: string,
  ...[argument, options]: Rest<G>
): Promise<Server<G>> {
  return procLib.startLink(...startOf(module, id, argument, options)) as Promise<Server<G>>;
}

/** As `startLink`, without the link. */
export function start<G extends StableModule>(
  module: G & Complete<G>,
  id: string,
  ...[argument, options]: Rest<G>
): Promise<Server<G>> {
  return procLib.start(...startOf(module, id, argument, options)) as Promise<Server<G>>;
}

/** As `start`, with a monitor from the first moment. */
export async function startMonitor<G extends StableModule>(
  module: G & Complete<G>,
  id: string,
  ...[argument, options]: Rest<G>
): Promise<{ readonly pid: Server<G>; readonly ref: Ref }> {
  const { value, ref } = await procLib.startMonitor(...startOf(module, id, argument, options));
  return { pid: value as Server<G>, ref };
}

/**
 * Delete what is kept of a server that does not run.
 *
 * @returns whether there was anything @throws `badarg` while it runs
 */
export function forget(id: string): Promise<boolean> {
  return keeping.remove(id);
}

function startOf(
  module: StableModule,
  id: string,
  argument: unknown,
  options: StableOptions = {},
): [procLib.StartOptions, typeof genServer.enter, object, keeping.Keeping, genServer.ServerTraits] {
  checkModule('stable-server', module);
  const { version } = module;
  if (!Number.isInteger(version) || version < 1) {
    throw bad('module: version', 'a whole number from 1, exported', version);
  }
  if (typeof id !== 'string' || id === '') throw bad('id', 'text', id);
  const {
    durability = 'durable',
    snapshotEvery = SNAPSHOT_EVERY,
    hibernateAfterMs,
    debug,
    ...rest
  } = options;
  if (durability !== 'durable' && durability !== 'relaxed') {
    throw bad('durability', "'durable' or 'relaxed'", durability);
  }
  if (!Number.isInteger(snapshotEvery) || snapshotEvery < 1) {
    throw bad('snapshotEvery', 'a whole number from 1', snapshotEvery);
  }
  const kept = { id, argument, durability, snapshotEvery };
  return [rest, genServer.enter, module, kept, { hibernateAfterMs, debug, keeper: keeping }];
}

function bad(what: string, expected: string, got: unknown): ProcessError {
  return new ProcessError(
    'badarg',
    `stable-server: ${what}: expected ${expected}, got ${String(got)}`,
  );
}
