/**
 * Application run: an application and all that it needs, started on a machine, and what people hear of it.
 *
 * The first process is that of `tsvm/application-boot`, which tells this thread what happens.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { isLibraryName } from '../loader/library-names.js';
import type { Config } from '../modules/application.js';
import type { BootEvent, Hanging } from '../modules/application-boot.js';
import type { Pid } from '../runtime/terms.js';
import type { LoadedModule, Vm } from '../runtime/vm/machine.js';
import {
  checkSettings,
  configOf,
  type ReadConfig,
  type Setting,
  strangersIn,
  unknownApplication,
} from './configuration.js';
import type { Narrator } from './narrator.js';
import { shownPath } from './terminal.js';

const BOOT = 'tsvm/application-boot';
const APPLICATION = 'tsvm/application';
const OVER_MS = 1000;

export interface ApplicationRunOptions {
  readonly name: string;
  /** The file that says so. */
  readonly file: string;
  readonly config: ReadConfig;
  readonly settings: readonly Setting[];
  /** Called when everything has started. */
  readonly onReady: () => void;
}

export interface RunningApplication {
  readonly name: string;
  readonly version: string;
}

export class ApplicationRun {
  readonly #vm: Vm;
  readonly #narrator: Narrator;
  readonly #options: ApplicationRunOptions;
  readonly #starting = new Set<string>();
  readonly #running = new Map<string, RunningApplication>();
  #isReady = false;
  #end: () => void = () => {};
  readonly #over: Promise<void> = new Promise((resolve) => {
    this.#end = resolve;
  });

  constructor(vm: Vm, narrator: Narrator, options: ApplicationRunOptions) {
    this.#vm = vm;
    this.#narrator = narrator;
    this.#options = options;
  }

  /** Everything has started. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** In the order of their start. */
  get running(): readonly RunningApplication[] {
    return [...this.#running.values()];
  }

  /** What is being started just now. */
  get starting(): readonly string[] {
    return [...this.#starting];
  }

  /** What the starts that are under way wait for; nothing where nobody can say. */
  async hanging(): Promise<readonly Hanging[]> {
    const asked = this.#vm.run<readonly Hanging[]>(BOOT, 'hanging').catch(() => []);
    return await Promise.race([asked, delay(OVER_MS, [], { ref: false })]);
  }

  /** Everything was told; but nobody waits for long, as the process that tells may have been killed. */
  async over(): Promise<void> {
    await Promise.race([this.#over, delay(OVER_MS, undefined, { ref: false })]);
  }

  /** @throws Failure for an application that nobody defines */
  async start(): Promise<{ readonly pid: Pid; readonly exited: Promise<unknown> }> {
    const { name, file, config, settings } = this.#options;
    const known = await this.#vm.run<readonly string[]>(BOOT, 'definedApplications');
    if (!known.includes(name)) {
      throw unknownApplication(`${shownPath(file)}: "application"`, name, known);
    }
    checkSettings(settings, known);
    for (const stranger of strangersIn(config.values, known)) {
      this.#warn(
        `${shownPath(String(config.file))} configures ${stranger}, which is no application here`,
      );
    }
    const report = await this.#vm.mailbox<BootEvent>((event) => this.#tell(event));
    const layers = { file: config.values, arguments: configOf(settings) };
    const started = await this.#vm.spawnMonitor(BOOT, 'start', [name, layers, report]);
    this.#followDefinitions();
    return started;
  }

  /** A definition that was loaded anew configures what runs. */
  #followDefinitions(): void {
    this.#vm.on('load', ({ reports }) => {
      const defines = ({ name, exports }: LoadedModule): boolean =>
        exports.includes('application') && reports.some(({ module }) => module === name);
      if (!this.#vm.modules.some((each) => !isLibraryName(each.name) && defines(each))) return;
      this.#vm.run<readonly Changed[]>(APPLICATION, 'changeConfig').then(
        (changes) => this.#tellChanges(changes),
        (error: Error) => this.#warn(`the configuration was not changed: ${error.message}`),
      );
    });
  }

  #tellChanges(changes: readonly Changed[]): void {
    for (const { application, change } of changes) {
      const { changed, added, removed } = change;
      const keys = [...Object.keys(changed), ...Object.keys(added), ...removed];
      this.#narrator.say({ event: 'application_config', application, keys });
    }
  }

  #tell(event: BootEvent): void {
    switch (event.event) {
      case 'starting':
        this.#starting.add(event.application);
        break;
      case 'started': {
        const { application, version, ms } = event;
        this.#starting.delete(application);
        this.#running.set(application, { name: application, version });
        this.#narrator.say({ event: 'application_start', application, version, ms });
        break;
      }
      case 'stopped':
        this.#running.delete(event.application);
        this.#narrator.say({ event: 'application_stop', application: event.application });
        break;
      case 'ended':
        // The controller has logged why.
        this.#running.delete(event.application);
        break;
      case 'ready':
        this.#isReady = true;
        this.#options.onReady();
        break;
      case 'over':
        this.#end();
        break;
      case 'stopping':
        break;
      default:
        event satisfies never;
    }
  }

  #warn(text: string): void {
    this.#narrator.log({ level: 'warning', text, pid: null, time: Date.now() });
  }
}

interface Changed {
  readonly application: string;
  readonly change: { readonly changed: Config; readonly added: Config; readonly removed: string[] };
}
