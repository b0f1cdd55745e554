/** The scheduler that "pinned to i" means: where the machine has fewer, they are shared in turn. */
import { schedulers } from 'tsvm';

export function slot(i: number): number {
  return ((i - 1) % schedulers()) + 1;
}
