/** Finding: one thing that `tsvm check` has to say. A line of its `--json`. */

import type { LoadErrorDetails } from '../loader/errors.js';

export interface Finding extends LoadErrorDetails {
  /** `load`: it does not compile, or imports what is not there. */
  readonly check: 'load' | 'types' | 'isolation' | 'floating';
  readonly message: string;
}

/** By file, then by place; what has no file comes first. */
export function compareFindings(a: Finding, b: Finding): number {
  const [left, right] = [a.file ?? '', b.file ?? ''];
  if (left !== right) return left < right ? -1 : 1;
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}
