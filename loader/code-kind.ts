/**
 * Code kinds: how a check for reductions gives way at a place of the generated code.
 */

import type { TransformContext } from './transform.js';

/** What may stand in the place of a `yield` there. */
export type CodeKind = 'plain' | 'coroutine' | 'async_generator';

/** The expression by which a coroutine gives way. */
export function yieldOf(kind: CodeKind, context: TransformContext): string {
  return kind === 'async_generator' ? `yield ${context.runtime('PARK')}` : 'yield';
}
