/** An event handler with the least that one can have. */
import type { GenEvent } from 'tsvm/gen-event';

type Quiet = GenEvent<{ state: undefined; event: unknown }>;

export const init: Quiet['init'] = () => ({ state: undefined });

export const handleEvent: Quiet['handleEvent'] = (_event, state) => ({ state });
