/**
 * Selection: which figures a filter means.
 *
 * A filter is a list of patterns with commas. A pattern means the figures whose name it is or
 * begins up to a dot: `ring` and `ring.1k`, but `ring.1k` is not `ring.1k_alternating`. `@s2`
 * behind it means that number of schedulers only, `*` stands for anything. Where that finds
 * nothing, every name that holds the pattern is meant, so `cross` finds all that cross.
 */
import type { Benchmark, FigureSpec } from './catalog.js';
import { figureName } from './figures.js';

export interface Selected {
  readonly benchmark: Benchmark;
  readonly schedulers: number;
  readonly figures: readonly FigureSpec[];
}

/** All that can be run with these numbers of schedulers, in the order of the catalog. */
export function selectAll(
  benchmarks: readonly Benchmark[],
  schedulerCounts: readonly number[],
): Selected[] {
  return benchmarks.flatMap((benchmark) =>
    schedulerCounts
      .filter((schedulers) => (schedulers > 1 ? !benchmark.serial : !benchmark.parallel))
      .map((schedulers) => ({ benchmark, schedulers, figures: benchmark.figures })),
  );
}

/** Leave out what only the BEAM has, for a run without it. */
export function withoutBeam(all: readonly Selected[]): Selected[] {
  return all.filter(({ benchmark }) => 'module' in benchmark.tsvm);
}

/** Keep what the filter means. @returns the patterns that mean nothing as `unknown` */
export function selectMatching(
  all: readonly Selected[],
  filter: string,
): { readonly selected: Selected[]; readonly unknown: string[] } {
  const names = namesOf(all);
  const wanted = new Set<string>();
  const unknown: string[] = [];
  for (const pattern of filter.split(',').map((text) => text.trim())) {
    const found = matching(names, pattern);
    if (found.length === 0) unknown.push(pattern);
    for (const name of found) wanted.add(name);
  }
  const selected = all
    .map((entry) => ({
      ...entry,
      figures: entry.figures.filter((figure) => wanted.has(figureName(figure, entry.schedulers))),
    }))
    .filter((entry) => entry.figures.length > 0);
  return { selected, unknown };
}

/** The names of all figures of a selection. */
export function namesOf(all: readonly Selected[]): string[] {
  return all.flatMap(({ figures, schedulers }) =>
    figures.map((figure) => figureName(figure, schedulers)),
  );
}

function matching(names: readonly string[], pattern: string): string[] {
  if (pattern === '') return [];
  const [name = '', schedulers = '*'] = pattern.split('@', 2);
  const whole = new RegExp(`^${toSource(name)}(\\..*)?@${toSource(schedulers)}$`);
  const found = names.filter((candidate) => whole.test(candidate));
  if (found.length > 0) return found;
  const part = new RegExp(toSource(pattern));
  return names.filter((candidate) => part.test(candidate));
}

/** A pattern as a regular expression: all but `*` stands for itself. */
function toSource(pattern: string): string {
  return pattern
    .split('*')
    .map((text) => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
}
