/**
 * Supervisor reports: what a supervisor tells the log of its children, with the domain `otp`, `sasl`.
 *
 * Source: OTP, module `supervisor`; SASL User's Guide, "Supervisor Report", "Progress Report"; SEMANTICS 13.10.
 */

import { log, type Pid } from 'tsvm';
import { ownName } from './proc-lib.js';
import { inWords } from './reasons.js';
import type { ChildSpec } from './supervisor-types.js';

/** What is reported: a child has ended, or cannot be started or stopped; or the supervisor gives up. */
export type ErrorContext = 'child_terminated' | 'start_error' | 'shutdown_error' | 'shutdown';

const DOMAIN: readonly string[] = ['otp', 'sasl'];

const TEXTS: Readonly<Record<ErrorContext, string>> = {
  child_terminated: 'ended',
  start_error: 'did not start',
  shutdown_error: 'did not stop in order',
  shutdown: 'was restarted too often; the supervisor ends',
};

/** A failure, at level `error`. */
export function reportFailure(
  strategy: string,
  errorContext: ErrorContext,
  spec: ChildSpec,
  reason: unknown,
  pid: Pid | undefined,
): void {
  const supervisor = ownName();
  log.error(
    {
      label: 'supervisor',
      supervisor,
      strategy,
      errorContext,
      reason,
      offender: offender(spec, pid),
    },
    {
      domain: DOMAIN,
      reportText: () =>
        `supervisor ${supervisor}: child ${JSON.stringify(spec.id)} ${TEXTS[errorContext]}: ${inWords(reason)}`,
    },
  );
}

/** A child was started, at level `info`. */
export function reportProgress(spec: ChildSpec, pid: Pid): void {
  log.info(() => ({ label: 'progress', supervisor: ownName(), started: offender(spec, pid) }), {
    domain: DOMAIN,
    reportText: progressText,
  });
}

function progressText(report: Readonly<Record<string, unknown>>): string {
  const { id, pid } = report['started'] as { readonly id: string; readonly pid: Pid };
  return `supervisor ${String(report['supervisor'])}: child ${JSON.stringify(id)} started as ${pid}`;
}

function offender(
  { id, restart, shutdown, significant, type, modules }: ChildSpec,
  pid: Pid | undefined,
): Readonly<Record<string, unknown>> {
  return { id, pid, restart, shutdown, significant, type, modules };
}
