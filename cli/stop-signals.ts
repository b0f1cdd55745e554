/** Stop signals: the first asks a machine to stop in order, a second ends the program at once. */

import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
/** A key press can reach a process twice, from the terminal and from npm; so soon it is one. */
const SAME_SIGNAL_MS = 100;

/** @returns a function that stops listening */
export function onStopSignals(stop: (signal: NodeJS.Signals) => void): () => void {
  let first = 0;
  const listeners = SIGNALS.map((signal) => {
    const listener = (): void => {
      if (first === 0) {
        first = performance.now();
        stop(signal);
      } else if (performance.now() - first > SAME_SIGNAL_MS) {
        process.exit(128 + constants.signals[signal]);
      }
    };
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  return () => {
    for (const forget of listeners) forget();
  };
}
