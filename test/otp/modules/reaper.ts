/** Clean-up after a failed test: ends what it left, so that the tests after it start from nothing. */
import { exit, processes, processInfo, registered, self, unregister, whereis } from 'tsvm';

/** Kills every process but the caller and those of the machine itself, which have no initial call. */
export async function reap(): Promise<void> {
  for (const name of registered()) {
    if (whereis(name) !== undefined) await unregister(name).catch(() => {});
  }
  for (const pid of await processes()) {
    if (pid === self()) continue;
    const info = await processInfo(pid);
    if (info !== undefined) exit(pid, 'kill');
  }
}
