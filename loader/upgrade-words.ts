/** Reasons of upgrades that failed, in a few words. */

/** An exit reason, or what a check gave, in one line. */
export function inShort(reason: unknown): string {
  if (typeof reason === 'string') return reason;
  const { kind, name, message, limitMs } = (reason ?? {}) as Readonly<Record<string, unknown>>;
  if (kind === 'timeout') return `took longer than ${String(limitMs)} ms`;
  if (kind === 'error') return `${String(name)}: ${String(message)}`;
  return JSON.stringify(reason) ?? String(reason);
}
