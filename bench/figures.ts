/**
 * Figures: what a benchmark's samples become, one JSON line each.
 *
 * The words are those of the benchmark definitions: the name with the number of schedulers behind
 * `@s`, the median as `value`, and `better` says which direction is good.
 */
import type { FigureSpec } from './catalog.js';
import type { Values } from './sampling.js';
import { summarize } from './statistics.js';

export type VmName = 'tsvm' | 'beam' | 'floor';

export interface FigureLine {
  readonly vm: VmName;
  readonly bench: string;
  readonly value: number;
  readonly unit: string;
  readonly n: number;
  readonly better: 'higher' | 'lower';
  readonly min: number;
  readonly max: number;
  readonly samples: readonly number[];
  readonly schedulers: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly machine: string;
  /** Cores that others kept busy meanwhile, where the system tells. */
  readonly others?: number;
  /** Shortened run: not a figure of record. */
  readonly quick?: true;
}

/** What all figures of one run of one benchmark share. */
export type RunFacts = Pick<
  FigureLine,
  'vm' | 'n' | 'schedulers' | 'versions' | 'machine' | 'others' | 'quick'
>;

export function figureName(spec: FigureSpec, schedulers: number): string {
  return `${spec.name}@s${schedulers}`;
}

/** The line of one figure; `undefined` when this VM does not tell it. */
export function figureLine(
  spec: FigureSpec,
  facts: RunFacts,
  samples: readonly Values[],
): FigureLine | undefined {
  const values: number[] = [];
  for (const sample of samples) {
    const value = sample[spec.key];
    if (value !== undefined) values.push(round(value * (spec.scale ?? 1)));
  }
  if (values.length === 0) return undefined;
  const { vm, n, schedulers, ...rest } = facts;
  const { median, min, max } = summarize(values);
  return {
    vm,
    bench: figureName(spec, schedulers),
    value: median,
    unit: spec.unit,
    n,
    better: spec.better,
    min,
    max,
    samples: values,
    schedulers,
    ...rest,
  };
}

/** How many times better the first is than the second: above 1 the first is ahead, whatever the unit. */
export function timesBetter(first: FigureLine, second: FigureLine): number {
  return first.better === 'higher' ? first.value / second.value : second.value / first.value;
}

/** Six significant digits: more would only pretend. */
function round(value: number): number {
  return Number(value.toPrecision(6));
}
