/** Clean-up after a failed test: ends what it left, so that the tests after it start from nothing. */
import { exit, monitor, processes, receive, registered, self, unregister } from 'tsvm';

const PATIENCE_MS = 1000;

/** Ends every process but the caller, and waits until they are gone. */
export async function reap(): Promise<void> {
  for (const name of registered()) await unregister(name).catch(() => {});
  for (const pid of await processes()) {
    if (pid === self()) continue;
    const ref = monitor(pid);
    exit(pid, 'kill');
    await receive((m) => (m as { ref?: unknown }).ref === ref, PATIENCE_MS);
  }
}
