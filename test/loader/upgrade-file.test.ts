/** Upgrade files: what is read of them, and what is refused. */
import { expect, test } from 'vitest';
import type { CompiledModule } from '../../loader/module.js';
import {
  parseUpgradeFile,
  stepProblems,
  translationOrder,
  UpgradeRefusedError,
} from '../../loader/upgrade-file.js';

const PATH = 'tsvm.upgrade.json';
const parse = (value: unknown): ReturnType<typeof parseUpgradeFile> =>
  parseUpgradeFile(JSON.stringify(value), PATH);

function problems(action: () => unknown): readonly string[] {
  try {
    action();
  } catch (error) {
    if (error instanceof UpgradeRefusedError) return error.problems;
    throw error;
  }
  return [];
}

test('upgrade file: steps and limits are read', () => {
  const { steps, limits } = parse({
    limits: { codeChangeMs: 100 },
    steps: [
      { check: 'health:ready' },
      { update: 'room', from: 1, to: 2, extra: { a: 1 }, after: ['wire'] },
      { load: 'wire', from: ['x', 3] },
      { restart: 'chat' },
    ],
  });
  expect(limits).toEqual({ codeChangeMs: 100 });
  expect(steps).toEqual([
    { kind: 'check', module: 'health', fn: 'ready' },
    { kind: 'update', module: 'room', from: [1], to: 2, extra: { a: 1 }, after: ['wire'] },
    { kind: 'load', module: 'wire', from: ['x', 3], to: undefined, extra: undefined, after: [] },
    { kind: 'restart', application: 'chat' },
  ]);
});

test.each<[string, unknown, RegExp]>([
  ['is no object', [], /expected an object such as/],
  ['has no steps', {}, /"steps": expected a list, got nothing/],
  [
    'has a misspelt key',
    { steps: [], limit: {} },
    /unknown key "limit" \(there are steps, limits\)/,
  ],
  ['has a wrong limit', { steps: [], limits: { restMs: 0 } }, /"restMs": expected 1 to/],
  ['has an unknown limit', { steps: [], limits: { rest: 1 } }, /unknown key "rest"/],
  [
    'has an unknown step',
    { steps: [{ updat: 'room' }] },
    /step 1: expected one of check, add, .* got updat/,
  ],
  ['has two steps in one', { steps: [{ add: 'a', remove: 'b' }] }, /got add, remove/],
  ['has a step without a name', { steps: [{ add: '' }] }, /step 1: "add": expected a name/],
  ['has a check that is none', { steps: [{ check: 'health' }] }, /expected "module:function"/],
  ['has a key too many', { steps: [{ remove: 'a', extra: 1 }] }, /unknown key "extra"/],
  ['has a wrong version', { steps: [{ load: 'a', from: {} }] }, /"from": expected a version/],
  ['has wrong dependencies', { steps: [{ update: 'a', after: 'b' }] }, /"after": expected a list/],
  ['names a module twice', { steps: [{ load: 'a' }, { update: 'a' }] }, /"a" has two steps/],
])('upgrade file: one that %s is refused', (_what, value, expected) => {
  expect(problems(() => parse(value)).join('\n')).toMatch(expected);
});

test('upgrade file: what is no JSON is refused, and all problems are told at once', () => {
  expect(problems(() => parseUpgradeFile('{ "steps": [', PATH))[0]).toMatch(/is not valid JSON/);
  expect(problems(() => parse({ a: 1, steps: [{ b: 1 }, 5] }))).toHaveLength(3);
});

test('upgrade file: states are translated behind those that they come after; a circle is refused', () => {
  const order = (steps: readonly object[]): unknown =>
    Object.fromEntries(translationOrder(parse({ steps }).steps as never, PATH));
  expect(
    order([
      { update: 'c', after: ['a', 'b'] },
      { update: 'b', after: ['a'] },
      { update: 'a' },
      { load: 'd' },
    ]),
  ).toEqual({ a: 0, b: 1, c: 2, d: 0 });
  const circle = [
    { update: 'a', after: ['b'] },
    { update: 'b', after: ['a'] },
  ];
  expect(problems(() => order(circle))[0]).toMatch(/circle: a after b after a/);
});

test('upgrade file: names that do not exist and steps that contradict what there is', () => {
  const module = (
    name: string,
    version: string,
    exports: string[] = [],
  ): [string, CompiledModule] => [name, { name, version, exports } as unknown as CompiledModule];
  const ground = {
    builds: new Map([module('room', '2'), module('index', '1'), module('kept', '2')]),
    current: new Map([module('room', '1', ['ready']), module('gone', '1'), module('kept', '1')]),
    applications: ['chat'],
  };
  const told = (step: object): readonly string[] =>
    stepProblems(parse({ steps: [step] }).steps, ground);
  expect(told({ update: 'rom' })).toEqual(['step 1: update: there is no build of module "rom"']);
  expect(told({ update: 'index' })).toEqual([
    'step 1: update: module "index" is not loaded; add it',
  ]);
  expect(told({ add: 'kept' })[0]).toMatch(/"kept" is loaded already, in another version/);
  expect(told({ remove: 'never' })).toEqual(['step 1: remove: module "never" is not loaded']);
  expect(told({ remove: 'room' })[0]).toMatch(/is in the set of builds/);
  expect(told({ check: 'nowhere:f' })).toEqual(['step 1: check: there is no module "nowhere"']);
  expect(told({ check: 'room:f' })).toEqual(['step 1: check: module "room" exports no "f"']);
  expect(told({ restart: 'chart' })[0]).toMatch(/"chart" does not run \(there are chat\)/);
  expect(told({ update: 'room', after: ['index'] })[0]).toMatch(/no step is for module "index"/);
  const fine = [
    { update: 'room' },
    { add: 'index' },
    { remove: 'gone' },
    { check: 'room:ready' },
    { restart: 'chat' },
  ];
  expect(stepProblems(parse({ steps: fine }).steps, ground)).toEqual([]);
});
