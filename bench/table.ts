/**
 * The table: a line a figure, the median with its spread, the BEAM beside it, and the floor.
 */
import type { createColors } from 'picocolors';
import { type FigureLine, figureName, timesBetter } from './figures.js';
import { formatRatio, formatValue } from './format.js';
import { counterpart, type Failure, sideOf } from './harness.js';
import type { Selected } from './selection.js';

export type Colors = ReturnType<typeof createColors>;

export interface TableOptions {
  readonly selected: readonly Selected[];
  readonly lines: readonly FigureLine[];
  readonly failures: readonly Failure[];
  readonly colors: Colors;
}

/** A cell as it is measured and as it is printed. */
interface Cell {
  readonly text: string;
  readonly paint?: (text: string) => string;
}

const MISSING = '–';

export function renderTable(options: TableOptions): string {
  const { selected, lines, colors } = options;
  const withBeam = lines.some((line) => line.vm === 'beam');
  const withFloor = lines.some((line) => line.vm === 'floor');
  const head = ['', 'unit', 'tsvm', 'min–max'];
  if (withBeam) head.push('BEAM', 'min–max', 'ratio');
  if (withFloor) head.push('floor');
  const rows: Cell[][] = [head.map((text) => ({ text, paint: colors.dim }))];
  for (const entry of selected) {
    for (const figure of entry.figures) {
      const row = rowOf(options, entry, figure, withBeam, withFloor);
      if (row !== undefined) rows.push(row);
    }
  }
  return layOut(rows);
}

function rowOf(
  { lines, failures, colors }: TableOptions,
  { benchmark, schedulers }: Selected,
  figure: Selected['figures'][number],
  withBeam: boolean,
  withFloor: boolean,
): Cell[] | undefined {
  const find = (vm: FigureLine['vm'], spec: typeof figure, threads: number) =>
    lines.find((line) => line.vm === vm && line.bench === figureName(spec, threads));
  const failed = (vm: 'tsvm' | 'beam'): boolean => {
    const name = `${sideOf(benchmark, vm).name}@s${schedulers}`;
    return failures.some((failure) => failure.vm === vm && failure.bench === name);
  };
  const tsvm = find('tsvm', counterpart(benchmark, figure, 'tsvm'), schedulers);
  const beam = find('beam', counterpart(benchmark, figure, 'beam'), schedulers);
  if (tsvm === undefined && beam === undefined && !failed('tsvm') && !failed('beam'))
    return undefined;
  const cells = (line: FigureLine | undefined, vm: 'tsvm' | 'beam'): Cell[] => [
    line === undefined && failed(vm)
      ? { text: 'failed', paint: colors.red }
      : { text: line === undefined ? MISSING : formatValue(line.value) },
    { text: line === undefined ? '' : spread(line), paint: colors.dim },
  ];
  const row: Cell[] = [
    { text: figureName(figure, schedulers) },
    { text: figure.unit, paint: colors.dim },
    ...cells(tsvm, 'tsvm'),
  ];
  if (withBeam) row.push(...cells(beam, 'beam'), ratio(tsvm, beam, colors));
  if (withFloor) {
    const threads = benchmark.floor?.threads;
    const floor =
      threads === undefined || schedulers < threads ? undefined : find('floor', figure, threads);
    row.push({ text: floor === undefined ? '' : formatValue(floor.value), paint: colors.dim });
  }
  return row;
}

function spread(line: FigureLine): string {
  return `${formatValue(line.min)}–${formatValue(line.max)}`;
}

function ratio(tsvm: FigureLine | undefined, beam: FigureLine | undefined, colors: Colors): Cell {
  if (tsvm === undefined || beam === undefined) return { text: '' };
  const times = timesBetter(tsvm, beam);
  return { text: formatRatio(times), paint: times >= 1 ? colors.green : colors.red };
}

/** Names and units to the left, numbers to the right. */
function layOut(rows: readonly Cell[][]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, { text }] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, text.length);
    }
  }
  return rows
    .map((row) =>
      row
        .map(({ text, paint = (same) => same }, column) => {
          const gap = ' '.repeat((widths[column] ?? 0) - text.length);
          return column < 2 ? paint(text) + gap : gap + paint(text);
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
