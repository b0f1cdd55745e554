import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { installStackMapping } from '../../loader/source-positions.js';
import { context, runningProcess } from '../../runtime/context.js';
import { NativeError } from '../../runtime/native-error.js';
import { createTable, loadErrorOf, loadText } from './support.js';

const table = createTable({ bif: runningProcess });
const before = { prepare: Error.prepareStackTrace, limit: Error.stackTraceLimit };

beforeAll(() => installStackMapping(table.positions));
afterAll(() => {
  Error.prepareStackTrace = before.prepare;
  Error.stackTraceLimit = before.limit;
});

type Fn = (...args: unknown[]) => unknown;

async function framesOf(name: string, source: string, entry = 'main'): Promise<string[]> {
  await loadText(table, name, source);
  context.budget = Number.MAX_SAFE_INTEGER;
  try {
    await (table.table(name)[entry] as Fn)();
  } catch (error) {
    const lines = ((error as Error).stack ?? '').split('\n').map((line) => line.trim());
    const last = lines.findLastIndex((line) => line.includes('/project/'));
    return lines.slice(0, last + 1);
  }
  throw new Error('nothing was thrown');
}

test('stacks: of a function that calls itself, its twin has name and lines of the source', async () => {
  const frames = await framesOf(
    'twin',
    `type N = number;
export function down(n: N): N {
  if (n > 2) throw new Error('deep');
  return 1 + down(n + 1);
}
const up = (n: N): N =>
  n > 1 ? down(2) : 1 + up(n + 1);
export const main = () => up(0);`,
  );
  expect(frames).toEqual([
    'Error: deep',
    'at down (/project/twin.ts:3:20)',
    'at down (/project/twin.ts:4:14)',
    'at up (/project/twin.ts:7:11)',
    'at up (/project/twin.ts:7:25)',
    'at up (/project/twin.ts:7:25)',
    'at ExportTable.main (/project/twin.ts:8:27)',
  ]);
});

test('stacks: file, line, column and name of each frame, across async calls and modules', async () => {
  await loadText(
    table,
    'lib/deep',
    `interface Wide { a: number }

export async function fail(w: Wide): Promise<never> {
  const text: string = 'x';
  throw new RangeError(text + w.a);
}`,
  );
  const frames = await framesOf(
    'one',
    `import { fail } from './lib/deep.js';
type T = { a: number };
class Room {
  #n: T = { a: 1 };
  async join(x: number): Promise<void> { if (x) await fail(this.#n); }
  plain(x: number) { return [x].map((y) => this.join(y)); }
}
const arrow = async (r: Room): Promise<void> => {
  await r.plain(3)[0];
};
export async function main({ a = 1 } = {}) {
  const inner = async () => { await arrow(new Room()); return a; };
  await inner();
}`,
  );
  expect(frames).toEqual([
    'RangeError: x1',
    'at fail (/project/lib/deep.ts:5:9)',
    'at Room.join (/project/one.ts:5:55)',
    'at /project/one.ts:6:49',
    'at Array.map (<anonymous>)',
    'at Room.plain (/project/one.ts:6:33)',
    'at arrow (/project/one.ts:9:11)',
    'at inner (/project/one.ts:12:37)',
    'at main (/project/one.ts:13:9)',
  ]);
});

test('stacks: frames of the machine do not show between those of the user', async () => {
  const frames = await framesOf(
    'two',
    `import { bif } from 'tsvm';
const call = async () => { await bif(); };

export async function main() {
  await call();
}`,
  );
  expect(frames).toEqual([
    expect.stringContaining('be called by a process'),
    'at call (/project/two.ts:2:34)',
    'at main (/project/two.ts:5:9)',
  ]);
});

test('stacks: after a resumption, in constructors, getters, generators and class fields', async () => {
  const frames = await framesOf(
    'three',
    `class Boom {
  x = this.fill();
  fill() {
    throw new Error('full');
  }
}
export async function main() {
  await new Promise((done) => setImmediate(done));
  for await (const x of gen()) void x;
}
async function* gen() {
  yield 1;
  yield new Boom();
}`,
  );
  expect(frames).toEqual([
    'Error: full',
    'at Boom.fill (/project/three.ts:4:11)',
    expect.stringContaining('(/project/three.ts:2:12)'),
    'at new Boom (/project/three.ts:1:1)',
    'at gen (/project/three.ts:13:9)',
    'at main (/project/three.ts:9:3)',
  ]);
});

test('stacks: every version keeps its own lines; a stack of the machine alone stays whole', async () => {
  const source = "export async function main() { throw new Error('v'); }";
  expect((await framesOf('four', source))[1]).toBe('at main (/project/four.ts:1:38)');
  const old = table.table('four')['main'] as Fn;
  expect((await framesOf('four', `\n\n${source}`))[1]).toBe('at main (/project/four.ts:3:38)');
  const error = (await Promise.resolve(old()).then(undefined, (e: unknown) => e)) as Error;
  expect(error.stack).toContain('/project/four.ts:1:38');
  expect(new Error('ours').stack).toContain('source-positions.test.ts');
});

test('stacks: who waited for what failed stands below it, at the line of the await', async () => {
  const frames = await framesOf(
    'waiting',
    `const later = (): Promise<void> => new Promise((done) => setImmediate(done));
class Room {
  async join(): Promise<number> {
    await later();
    throw new RangeError('full');
  }
}
const arrow = async (): Promise<number> => {
  const joined = 1 +
    (await new Room().join());
  return joined;
};
async function* each(): AsyncGenerator<number> {
  yield await arrow();
}
export async function main(): Promise<void> {
  for (const wait of [1]) {
    for await (const x of each()) {
      if (wait) await later();
    }
  }
}`,
  );
  expect(frames.filter((line) => !line.includes('(node:'))).toEqual([
    'RangeError: full',
    'at join (/project/waiting.ts:5:11)',
    'at async arrow (/project/waiting.ts:10:6)',
    'at async each (/project/waiting.ts:14:9)',
    'at async main (/project/waiting.ts:18:5)',
  ]);
});

test('stacks: where several wait for the same task, the callers of one are not mixed with those of others', async () => {
  const frames = await framesOf(
    'shared',
    `const later = (): Promise<void> => new Promise((done) => setImmediate(done));
async function fail(): Promise<void> {
  await later();
  throw new Error('once');
}
const first = async (task: Promise<void>): Promise<void> => { await task; };
const second = async (task: Promise<void>): Promise<void> => { await task; };
export async function main(): Promise<void> {
  const task = fail();
  await Promise.all([first(task), second(task)]);
}`,
  );
  expect(frames.slice(0, 2)).toEqual(['Error: once', 'at fail (/project/shared.ts:4:9)']);
  expect(frames.filter((line) => line.includes('async '))).toEqual([]);
});

test('stacks: an error that is caught and thrown again shows all its callers', async () => {
  const frames = await framesOf(
    'caught',
    `const later = (): Promise<void> => new Promise((done) => setImmediate(done));
async function fail(): Promise<void> {
  await later();
  throw new Error('once');
}
async function first(): Promise<void> {
  try {
    await fail();
  } catch (error) {
    throw new Error('twice', { cause: error });
  }
}
async function middle(): Promise<void> {
  try {
    await first();
  } finally {
    await later();
  }
}
export async function main(): Promise<void> {
  try {
    await middle();
  } catch (error) {
    throw error;
  }
}`,
  );
  expect(frames.filter((line) => !line.includes('(node:'))).toEqual([
    'Error: twice',
    'at first (/project/caught.ts:10:11)',
    'at async middle (/project/caught.ts:15:5)',
    'at async main (/project/caught.ts:22:5)',
  ]);
});

test('evaluation: the error of a module that throws while loading has line and frame', async () => {
  const source = `const config = { port: 1 };
function check(x: { port: number }): void {
  if (x.port < 1024) throw new RangeError('port ' + x.port);
}
check(config);
export const a = 1;`;
  const error = await loadErrorOf(() => loadText(table, 'five', source));
  expect(error).toMatchObject({
    name: 'ModuleEvaluationError',
    file: '/project/five.ts',
    line: 3,
    module: 'five',
  });
  expect(error.message).toContain('RangeError: port 1');
  expect(error.frame).toContain('> 3 |   if (x.port < 1024) throw');
  expect(error.causeStack).toContain('/project/five.ts:5:1');
});

test('stacks: in a storm of errors they have ten frames, and are whole again when it is over', async () => {
  const deep = (n: number): string =>
    n === 0 ? (new NativeError('deep').stack ?? '') : `${deep(n - 1)}`;
  const frames = (): number => deep(40).split('\n').length;
  const whole = frames();
  const storm = Date.now();
  // As long as it takes to be seen as one; a slow computer has to be given several tries.
  while (frames() >= whole && Date.now() - storm < 20_000);
  expect(frames()).toBeLessThanOrEqual(11);
  await vi.waitFor(() => expect(NativeError.stackTraceLimit).toBe(50), 20_000);
  expect(frames()).toBe(whole);
});
