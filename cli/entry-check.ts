/** Entry check: the function that a machine begins with is there, or what is there instead. */

import type { Vm } from '../runtime/vm/machine.js';
import { closest } from './closest.js';
import { Failure } from './failure.js';
import { shownPath } from './terminal.js';

const NAMES_SHOWN = 12;

export interface Entry {
  readonly module: string;
  readonly fn: string;
}

/** @param file that names it. @throws Failure that names what there is */
export function checkEntry({ modules }: Vm, file: string, entry: Entry): void {
  const found = modules.find(({ name }) => name === entry.module);
  const wrong = (what: string, word: string, names: readonly string[]): Failure => {
    const meant = closest(word, names);
    const listed = [...names].sort().slice(0, NAMES_SHOWN).join(', ');
    const more = names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : '';
    const there = `there ${names.length === 1 ? 'is' : 'are'} ${listed || 'none'}${more}`;
    return wrongEntry(file, what, meant === undefined ? there : `did you mean ${meant}?`);
  };
  if (found === undefined) {
    const names = modules.map(({ name }) => name);
    throw wrong(`there is no module ${entry.module}`, entry.module, names);
  }
  if (!found.exports.includes(entry.fn)) {
    throw wrong(`module ${entry.module} exports no ${entry.fn}`, entry.fn, found.exports);
  }
}

export function wrongEntry(file: string, what: string, hint?: string): Failure {
  return new Failure(`${shownPath(file)}: "entry": ${what}`, { hint });
}
