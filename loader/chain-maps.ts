/**
 * Chain maps: of the edits' map onto esbuild's output and esbuild's map onto the source, one map.
 *
 * What a general library does for any number of maps and sources takes three times as long, and each
 * module of a project goes through here.
 */

import { decodedMappings, encodedMappings, TraceMap } from '@jridgewell/trace-mapping';

/** Column, source, line, column there; or a column that nothing stands for. */
type Segment =
  | [number]
  | [number, number, number, number]
  | [number, number, number, number, number];

/**
 * @param edits decoded mappings of the edits
 * @param esbuild esbuild's map
 * @returns mappings, encoded
 */
export function chainMappings(edits: readonly (readonly Segment[])[], esbuild: TraceMap): string {
  const lines = decodedMappings(esbuild);
  const mappings = edits.map((segments) => {
    const chained: Segment[] = [];
    let line = -1;
    let column = -1;
    for (const segment of segments) {
      if (segment.length === 1) continue;
      const original = atOrBefore(lines[segment[2]], segment[3]);
      if (original === undefined || original.length === 1) continue;
      // What comes after a position belongs to it until the next one: no need to say it twice.
      if (original[2] === line && original[3] === column) continue;
      [, , line, column] = original;
      chained.push([segment[0], 0, line, column]);
    }
    return chained;
  });
  return encodedMappings(new TraceMap({ version: 3, sources: [''], names: [], mappings }));
}

function atOrBefore(
  segments: readonly Readonly<Segment>[] | undefined,
  column: number,
): Readonly<Segment> | undefined {
  if (segments === undefined) return undefined;
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((segments[middle] as Segment)[0] <= column) low = middle + 1;
    else high = middle;
  }
  return segments[low - 1];
}
