import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { application, tsvm, writeFiles } from './support.js';

const PACKAGES = fileURLToPath(new URL('../../node_modules', import.meta.url));

interface Line {
  readonly check: string;
  readonly file?: string;
  readonly line?: number;
  readonly message?: string;
  readonly skipped?: string;
  readonly frame?: string;
  readonly hint?: string;
}

const lines = (out: string): Line[] =>
  out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);

describe('check', () => {
  test('check: nothing found is said, with status 0, and a note where there is no TypeScript', async () => {
    const dir = await application({ 'modules/main.ts': 'export async function start() {}\n' });
    const { status, out, err } = await tsvm(['check', dir]);
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(out).toContain('note: types were not checked: there is no typescript in ');
    expect(out).toMatch(/nothing found; checked 1 module in /);
  });

  test('check: all findings of all modules, grouped by file, with their places', async () => {
    const dir = await application({
      'modules/main.ts':
        "import { late } from './work.js';\nlet n = 0;\nexport function start() {\n  n++;\n  late();\n}\nglobalThis.x = n;\n",
      'modules/work.ts': 'export async function late() {}\nexport const early = () => late();\n',
      'modules/broken.ts': 'export const = 1;\n',
      'modules/lost.ts': "import { a } from './nowhere.js';\nexport const b = () => a();\n",
    });
    const { status, out } = await tsvm(['check', '--no-types'], { cwd: dir });
    expect(status).toBe(1);
    expect(out.split('\n').filter((line) => /^\S/.test(line))).toEqual([
      'modules/broken.ts',
      'modules/lost.ts',
      'modules/main.ts',
      expect.stringMatching(/^5 findings in 3 files; checked 4 modules in /),
    ]);
    expect(out).toContain('  4:3  isolation  "n" is a variable of the module');
    expect(out).toContain('> 4 |   n++;');
    expect(out).toContain('  5:3  floating  nobody waits for late');
    expect(out).toContain('  7:1  isolation  "globalThis" belongs to the whole scheduler thread');
    expect(out).toMatch(/1:\d+ {2}load {2}.*nowhere/);
    expect(out).toContain('hint: ');
    const json = await tsvm(['check', '--no-types', '--json'], { cwd: dir });
    expect(json.status).toBe(1);
    expect(lines(json.out).map(({ check, line }) => [check, line])).toEqual([
      ['load', 1],
      ['load', 1],
      ['isolation', 4],
      ['floating', 5],
      ['isolation', 7],
    ]);
  });

  test('check: types, by the TypeScript and the options of the project', async () => {
    const dir = await application({
      'package.json': '{ "type": "module" }',
      'modules/main.ts':
        'export const n: number = "text";\nexport function f(a) {\n  return a;\n}\n',
    });
    await symlink(PACKAGES, join(dir, 'node_modules'));
    const strict = lines((await tsvm(['check', dir, '--json'])).out);
    expect(strict).toMatchObject([
      { check: 'types', line: 1, message: expect.stringContaining('(TS2322)') },
      { check: 'types', line: 2, message: expect.stringContaining('(TS7006)') },
    ]);
    expect(strict[0]?.file).toBe(join(dir, 'modules/main.ts'));
    expect(strict[0]?.frame).toContain('> 1 | export const n');
    await writeFiles(dir, {
      'tsconfig.json': '{ "compilerOptions": { "strict": false }, "include": [] }',
    });
    const { out, status } = await tsvm(['check', dir, '--json']);
    expect(lines(out).map(({ line }) => line)).toEqual([1]);
    expect(status).toBe(1);
  });

  test('check: a folder of modules that is no application', async () => {
    const dir = await application({
      'modules/main.ts': 'let n = 0;\nexport const f = () => n++;\n',
    });
    const { status, out } = await tsvm(['check', join(dir, 'modules'), '--no-types']);
    expect(status).toBe(1);
    expect(out).toContain('1 finding in 1 file; checked 1 module in ');
  });

  test('check: tasks that float, in every form, and those that do not', async () => {
    const source = `import { sleep, spawn } from 'tsvm';
import * as self from './main.js';
import { readFile } from 'node:fs/promises';
import { again } from './again.js';
export async function work() {}
const arrow = async () => {};
class K {
  async m() { this.m(); this.#p(); }
  async #p() {}
  plain() {}
}
export async function start(list: string[]) {
  sleep(1);
  self.work();
  readFile('x');
  again();
  arrow();
  list.length > 0 && work();
  list.length > 0 ? work() : 0;
  (async () => {})();
  list.forEach(async () => {});
  work?.();
  // These do not float.
  await sleep(1);
  void work();
  const task = work();
  spawn(work);
  await Promise.all(list.map(async () => work()));
  new K().plain();
  if (list.length > 9) return work();
  return task;
}
`;
    const dir = await application({
      'modules/main.ts': source,
      'modules/again.ts': "export * from './inner.js';\n",
      'modules/inner.ts': "import { work } from './main.js';\nexport { work as again };\n",
    });
    const { out } = await tsvm(['check', dir, '--no-types', '--json']);
    const found = lines(out);
    expect(found.every(({ check }) => check === 'floating')).toBe(true);
    expect(found.map(({ line }) => line)).toEqual([8, 8, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22]);
  });

  test('build and start: all isolation faults of a module are reported', async () => {
    const dir = await application({
      'modules/main.ts':
        'let n = 0;\nexport function start() {\n  n++;\n}\nexport const w = new WeakMap();\n',
    });
    for (const args of [
      ['build', dir, '--out', join(dir, 'out')],
      ['start', dir],
    ]) {
      const { status, err } = await tsvm(args);
      expect(status).toBe(1);
      expect(err).toContain('main.ts:3:3: "n" is a variable of the module');
      expect(err).toContain('main.ts:5:18: "w" holds a WeakMap');
      expect(err).toContain('error: a module does not load');
    }
  });
});
