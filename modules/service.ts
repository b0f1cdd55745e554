/**
 * Services: servers of the library that run under a name that the program chose, and are asked through
 * functions.
 *
 * Source: OTP, `pg`, Elixir, `Registry`: asking one that does not run is `badarg`.
 */

import { ExitError, type Name, ProcessError } from 'tsvm';
import * as genServer from './gen-server.js';
import type { ReplyTo, RequestOf } from './gen-server-types.js';

/**
 * Ask a service, without a limit of time: it answers at once, or its end does.
 *
 * @param what the module that the user knows
 * @param service the name that the user gave; the server's own may have more in it
 * @throws badarg when no such service runs; exits as `call` does
 */
export async function askService<D extends Name<never>, const Q extends RequestOf<D>>(
  what: string,
  service: string,
  server: D,
  request: Q,
): Promise<ReplyTo<D, Q>> {
  try {
    return await genServer.call(server, request, Number.POSITIVE_INFINITY);
  } catch (error) {
    const { reason } = (error instanceof ExitError ? error.reason : {}) as { reason?: unknown };
    if (reason !== 'noproc') throw error;
    throw notRunning(what, service);
  }
}

export function notRunning(what: string, service: string): ProcessError {
  const text = `${what}: none runs under the name ${JSON.stringify(service)}: start it with startLink, below a supervisor`;
  return new ProcessError('badarg', text);
}
