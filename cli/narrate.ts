/** Narrate: from the machine's events to the records that people and programs read. */

import type { Vm } from '../runtime/vm/machine.js';
import { expose } from './exit-text.js';
import type { Narrator } from './narrator.js';

export interface NarrateOptions {
  /** Whether the entry process lives on this life of a scheduler. */
  readonly isEntryOn: (life: number) => boolean;
}

export function narrate(vm: Vm, narrator: Narrator, { isEntryOn }: NarrateOptions): void {
  vm.on('load', ({ reports, removed, by }) => {
    const loaded = reports.filter(({ changed }) => changed);
    for (const [at, { module, version, ms, schedulers, killed, translated }] of loaded.entries()) {
      const ofSet = at === 0 ? { killed, translated } : { killed: 0, translated: 0 };
      narrator.say({ event: 'load', module, version, ms, schedulers, by, ...ofSet });
    }
    for (const module of removed) narrator.say({ event: 'remove', module, by });
  });
  vm.on('upgradeFailed', ({ message: text, ...failure }) =>
    narrator.say({ event: 'upgrade_failed', ...failure, text }),
  );
  vm.on('loadError', (error) => {
    const { message, ...data } = error.toData();
    const stays = vm.modules.find(({ name }) => name === error.module)?.version;
    narrator.say({ event: 'load_error', ...data, text: message, stays });
  });
  vm.on('crashLogged', ({ pid, time: _, ...report }) => {
    const exposed = expose(report.reason, (file) => vm.sourceOf(file));
    narrator.say({ event: 'crash', process: pid, ...report, ...exposed });
  });
  vm.on('crashesOmitted', (count) => narrator.say({ event: 'crashes_omitted', count }));
  vm.on('schedulerDown', ({ slot, life, cause }) =>
    narrator.say({ event: 'scheduler_down', scheduler: slot, cause, entry: isEntryOn(life) }),
  );
  vm.on('schedulerUp', ({ slot }) => narrator.say({ event: 'scheduler_up', scheduler: slot }));
  vm.on('announce', (url) => narrator.say({ event: 'address', url }));
  vm.on('log', (event) => narrator.log(event));
}
