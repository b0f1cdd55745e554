/** Application restart: what an upgrade asks of the application controller, which is a process. */

import { LIBRARY } from './library.js';

export interface RunningApplication {
  readonly name: string;
  readonly version: string;
  readonly type: 'permanent' | 'transient' | 'temporary';
}

export interface Applications {
  /** None where no controller runs. */
  running(): Promise<readonly RunningApplication[]>;
  /** Stop it, if it runs. */
  stop(name: string): Promise<void>;
  /** Stop it, if it runs, and start it as it was started before. */
  restart(name: string): Promise<void>;
}

const MODULE = 'tsvm/application';
/** The name of the controller. */
const CONTROLLER = 'tsvm.applications';

/** @param run calls an exported function in a process of its own. @param isNamed is a process registered so? */
export function applicationsOf(
  run: (module: string, name: string, args: readonly unknown[]) => Promise<unknown>,
  isNamed: (name: string) => boolean,
): Applications {
  /** What was stopped, and how it had been started. */
  const stopped = new Map<string, RunningApplication['type']>();
  const running = async (): Promise<readonly RunningApplication[]> => {
    if (!LIBRARY.names.includes(MODULE) || !isNamed(CONTROLLER)) return [];
    return (await run(MODULE, 'whichApplications', [])) as readonly RunningApplication[];
  };
  const stop = async (name: string): Promise<void> => {
    const found = (await running()).find((each) => each.name === name);
    if (found === undefined) return;
    stopped.set(name, found.type);
    await run(MODULE, 'stop', [name]);
  };
  return {
    running,
    stop,
    async restart(name) {
      await stop(name);
      // It begins with the version and the configuration that its definition says now.
      await run(MODULE, 'changeConfig', []);
      await run(MODULE, 'start', [name, stopped.get(name) ?? 'temporary']);
    },
  };
}
