import { expect, test } from 'vitest';
import { benchmarkNamed, benchmarks } from '../../bench/catalog.js';
import { namesOf, selectAll, selectMatching, withoutBeam } from '../../bench/selection.js';

const all = selectAll(benchmarks, [1, 2]);

function matching(filter: string): string[] {
  return namesOf(selectMatching(all, filter).selected);
}

test('catalog: every name is there once, and every counterpart exists', () => {
  const names = benchmarks.flatMap(({ figures }) => figures.map(({ name }) => name));
  expect(new Set(names).size).toBe(names.length);
  for (const { tsvm, beam } of benchmarks) {
    for (const side of [tsvm, beam]) {
      if (side !== null && 'sameAs' in side)
        expect(benchmarkNamed(side.sameAs).name).toBe(side.sameAs);
    }
  }
  expect(() => benchmarkNamed('ping')).toThrow(RangeError);
});

test('selection: what needs two schedulers is not run on one', () => {
  const names = namesOf(all);
  expect(names).toContain('ping_pong_cross.p99@s2');
  expect(names).not.toContain('ping_pong_cross.p99@s1');
  expect(names).toContain('throughput_cross@s1');
});

test('filter: a whole name, and the beginning of one up to a dot', () => {
  expect(matching('ring.1k')).toEqual(['ring.1k@s1', 'ring.1k@s2']);
  expect(matching('ring@s1')).toEqual(['ring.1k@s1', 'ring.100k@s1']);
  expect(matching('ring.1k@s2')).toEqual(['ring.1k@s2']);
  expect(matching('ring')).toHaveLength(5);
});

test('filter: commas, stars, parts of names, and single figures of a benchmark', () => {
  expect(matching('ring.100k@s1, throughput_cross@s1')).toEqual([
    'ring.100k@s1',
    'throughput_cross@s1',
  ]);
  expect(matching('*.scan@s2')).toEqual(['selective_receive.scan@s2']);
  expect(matching('alternating')).toEqual(['ring.1k_alternating@s2']);
  expect(matching('ping_pong_cross.p50')).toEqual(['ping_pong_cross.p50@s2']);
});

test('filter: what means nothing is told, and is never a regular expression', () => {
  expect(selectMatching(all, 'ring,rong').unknown).toEqual(['rong']);
  expect(selectMatching(all, '(').unknown).toEqual(['(']);
  expect(selectMatching(all, '').unknown).toEqual(['']);
});

test('selection: without the BEAM, what only the BEAM has is left out', () => {
  const names = namesOf(withoutBeam(all));
  expect(names).not.toContain('fan_in.off_heap@s1');
  expect(names).toContain('big_message.maps_frozen.rate@s1');
});
