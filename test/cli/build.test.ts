import { appendFile, cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { application, greeter, start, tsvm, writeFiles } from './support.js';

const GREETER = 'modules/chat/greeter.ts';

describe('build', () => {
  test('build: writes an application of builds that starts, and loads what is copied in', async () => {
    const dir = await greeter();
    const built = await tsvm(['build', '.', '--out', 'out'], { cwd: dir });
    expect(built).toMatchObject({ status: 0, err: '' });
    expect(built.out).toMatch(/^built 2 modules into out in \d+ ms\n/);
    expect(built.out).toMatch(/ {2}chat\/greeter\.tsvm\.js {2}[0-9a-f]{10} {2}[\d.]+ kB\n/);
    expect(built.out).toContain('start it with: tsvm start out\n');

    const machine = await start(join(dir, 'out'));
    await machine.says('hello, stranger');

    // A new build, in two halves: it is loaded when it and its set are whole, and once.
    const text = await readFile(join(dir, GREETER), 'utf8');
    await writeFiles(dir, { [GREETER]: text.replace('hello', 'good morning') });
    const json = await tsvm(['build', dir, '--out', join(dir, 'new'), '--json']);
    const { modules } = JSON.parse(json.out) as {
      modules: { name: string; version: string; bytes: number }[];
    };
    const [greeterBuild] = modules;
    expect(greeterBuild).toMatchObject({ name: 'chat/greeter', bytes: expect.any(Number) });
    const whole = await readFile(join(dir, 'new/chat/greeter.tsvm.js'), 'utf8');
    const half = Math.floor(whole.length / 2);
    const target = join(dir, 'out/chat/greeter.tsvm.js');
    await writeFile(target, whole.slice(0, half));
    await machine.says('not loaded: ');
    expect(machine.out).toContain('the build is truncated');
    await appendFile(target, whole.slice(half));
    await machine.says('the set of builds is not whole: chat/greeter.tsvm.js is version ');
    expect(machine.out).not.toContain('loaded chat/greeter');
    await cp(join(dir, 'new/tsvm.manifest.json'), join(dir, 'out/tsvm.manifest.json'));
    await machine.says(`loaded chat/greeter@${greeterBuild?.version} in `);
    await machine.says('good morning, stranger');

    // One for another module stays out.
    await writeFile(join(dir, 'out/other.tsvm.js'), whole);
    await machine.says('the build is for module "chat/greeter", its path says "other"');
    const { status, out } = await machine.stop();
    expect(status).toBe(0);
    expect(out.match(/loaded chat\/greeter/g)).toHaveLength(1);
  });

  test('build: writes nothing when modules do not compile, and shows each', async () => {
    const dir = await application({
      'modules/main.ts': 'export const start = 1;\n',
      'modules/one.ts': 'export const = 1;\n',
      'modules/two.ts': 'export function (\n',
    });
    const { status, out, err } = await tsvm(['build', '--out', 'out'], { cwd: dir });
    expect({ status, out }).toEqual({ status: 1, out: '' });
    expect(err).toContain('error: 2 modules do not load\n');
    expect(err).toContain('modules/one.ts:1:14: ');
    expect(err).toContain('> 1 | export function (');
    expect(await readdir(dir)).not.toContain('out');
    const json = await tsvm(['build', '--out', 'out', '--json'], { cwd: dir });
    expect(JSON.parse(json.out)).toMatchObject({
      event: 'failure',
      errors: [{ line: 1 }, { line: 1 }],
    });
  });

  test('build: an import of a module that does not exist', async () => {
    const dir = await application({
      'modules/main.ts': "import { a } from './nowhere.js';\nexport const start = a;\n",
    });
    const { status, err } = await tsvm(['build', '--out', 'out'], { cwd: dir });
    expect(status).toBe(1);
    expect(err).toContain('modules/main.ts:1:');
    expect(err).toContain('nowhere');
  });

  test('build: does not write among the sources, nor over another application', async () => {
    const dir = await greeter();
    const refused = async (out: string): Promise<string> => {
      const { status, err } = await tsvm(['build', '--out', out], { cwd: dir });
      expect(status).toBe(1);
      return err;
    };
    expect(await refused('modules/out')).toContain(
      '--out modules/out is in the modules folder modules',
    );
    expect(await refused('.')).toContain('--out . is the folder of the application itself');
    await mkdir(join(dir, 'other'));
    await writeFiles(dir, { 'other/tsvm.json': '{}' });
    expect(await refused('other')).toContain('--out other is the folder of another application');
  });
});
