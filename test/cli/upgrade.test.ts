import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { application, start, temporaryFolder, tsvm, writeFiles } from './support.js';

const counter = (v: number): string => `import * as genServer from 'tsvm/gen-server';
import * as counter from './counter.js';
export const version = ${v};
export const init = () => ({ state: ${v === 1 ? '0' : '{ n: 0 }'} });
export const handleCall = { get: (_: unknown, state: unknown) => ({ reply: JSON.stringify(state), state }) };
export const open = () => genServer.startLink(counter, undefined, { name: 'counter' });
${v === 1 ? '' : 'export const codeChange = { up: (_: unknown, n: number) => ({ n }), down: (_: unknown, { n }: { n: number }) => n };'}
`;
const MAIN = `import { call, log, sleep, type PlainName } from 'tsvm';
import { open } from './counter.js';
export async function start(): Promise<void> {
  await open();
  for (let last = ''; ; await sleep(20)) {
    const now = await call<unknown, string>('counter' as PlainName, { type: 'get' });
    if (now !== last) log.notice('the counter is ' + now);
    last = now;
  }
}
`;
const MODULES = { 'modules/main.ts': MAIN, 'modules/counter.ts': counter(1) };
const UPGRADE = JSON.stringify({
  steps: [{ update: 'counter', from: 1, to: 2 }, { check: 'counter:open' }],
});

describe('upgrade and rollback', () => {
  test('upgrade: builds of another version take the place of what runs, and rollback takes them back', async () => {
    const dir = await application(MODULES);
    const machine = await start(dir, ['--no-watch']);
    await machine.says('the counter is 0');
    await writeFiles(dir, {
      'modules/counter.ts': counter(2).replace(
        'export const open',
        'export const fine = () => true;\nexport const open',
      ),
      'modules/extra.ts': 'export const extra = 1;\n',
      'tsvm.upgrade.json': UPGRADE.replace('counter:open', 'counter:fine'),
    });
    const out = join(await temporaryFolder(), 'next');
    expect(await tsvm(['build', dir, '--out', out])).toMatchObject({ status: 0 });
    const upgraded = await tsvm(['upgrade', out, '--dir', dir]);
    expect(upgraded).toMatchObject({ status: 0, err: '' });
    expect(upgraded.out).toMatch(/ ms {2}prepare {3}3 modules of /);
    expect(upgraded.out).toMatch(
      / ms {2}rest {6}the processes that use what changes stand still\n/,
    );
    expect(upgraded.out).toMatch(/ ms {2}check {5}counter:fine\n/);
    expect(upgraded.out).toMatch(/\nupgraded 2 modules with 1 process state in \d/);
    expect(upgraded.out).toMatch(
      /\n {2}updated {2}counter {2}[0-9a-f]{10} {2}[0-9a-f]{10}\n {2}added {4}extra +[0-9a-f]{10}\n$/,
    );
    await machine.says('the counter is {"n":0}');

    const back = await tsvm(['rollback', dir, '--json']);
    expect(back).toMatchObject({ status: 0, err: '' });
    const lines = back.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(lines.at(-1)).toMatchObject({
      event: 'rollback',
      translated: 1,
      modules: [
        { module: 'counter', what: 'updated' },
        { module: 'extra', what: 'removed' },
      ],
    });
    expect(lines.slice(0, -1)).toMatchObject([
      { event: 'progress', step: 'prepare' },
      { event: 'progress', step: 'rest' },
    ]);
    await machine.says(/rolled back to counter@[0-9a-f]{10} in/);
    await machine.says('removed extra: the upgrade that added it is rolled back\n');

    // A check that fails when all of it is current.
    const failing = UPGRADE.replace('counter:open', 'counter:bad');
    await writeFiles(dir, {
      'modules/counter.ts': counter(2).replace(
        'export const open',
        'export const bad = () => { throw new Error("not as it should be"); };\nexport const open',
      ),
      'tsvm.upgrade.json': failing,
    });
    expect(await tsvm(['build', dir, '--out', out])).toMatchObject({ status: 0 });
    const failed = await tsvm(['upgrade', out, '--dir', dir]);
    expect(failed.status).toBe(1);
    expect(failed.err).toMatch(/counter:bad did not pass: .*not as it should be.*as it was before/);
    await machine.says('removed extra: the upgrade that added it has failed\n');
    await machine.says(
      /failed +the upgrade to .*next failed: check counter:bad did not pass: .*; all is as it was before/,
    );
    await machine.stop();
  });

  test('upgrade: what is refused or fails ends with status 1, and the machine goes on', async () => {
    const dir = await application(MODULES);
    const machine = await start(dir, ['--no-watch']);
    await machine.says('the counter is 0');
    const none = await tsvm(['rollback', dir]);
    expect(none).toMatchObject({ status: 1, out: '' });
    expect(none.err).toContain(
      'error: rollback: nothing was upgraded since this machine was started',
    );

    const nothing = await tsvm(['upgrade', join(dir, 'modules'), '--dir', dir]);
    expect(nothing.status).toBe(1);
    expect(nothing.err).toContain('tsvm.manifest.json');

    const wrong = UPGRADE.replace('"update":"counter"', '"update":"conter"');
    await writeFiles(dir, { 'modules/counter.ts': counter(2), 'tsvm.upgrade.json': wrong });
    const out = join(await temporaryFolder(), 'next');
    expect(await tsvm(['build', dir, '--out', out])).toMatchObject({ status: 0 });
    const refused = await tsvm(['upgrade', out, '--dir', dir, '--json']);
    expect(refused.status).toBe(1);
    expect(JSON.parse(refused.out)).toMatchObject({
      event: 'failure',
      msg: expect.stringContaining(
        'step 1: update: there is no build of module "conter"',
      ) as string,
    });

    const failing = counter(2).replace('=> ({ n })', '=> { throw new Error("not today"); }');
    await writeFiles(dir, {
      'modules/counter.ts': failing,
      'tsvm.upgrade.json': '{ "steps": [] }',
    });
    expect(await tsvm(['build', dir, '--out', out])).toMatchObject({ status: 0 });
    const failed = await tsvm(['upgrade', out, '--dir', dir]);
    expect(failed.status).toBe(1);
    expect(failed.err).toMatch(
      /codeChange failed for 1 of 1 processes that use counter: counter .*not today/,
    );
    expect(failed.err).toContain('counter.ts:7:');
    expect((await machine.stop()).status).toBe(0);
  });

  test('a save in the watched folder and tsvm load translate states as well, and say so', async () => {
    const dir = await application(MODULES);
    const machine = await start(dir);
    await machine.says('the counter is 0');
    await writeFiles(dir, { 'modules/counter.ts': counter(2) });
    await machine.says(/loaded counter@[0-9a-f]{10} in .*; translated 1 state/);
    await machine.says('the counter is {"n":0}');
    const back = counter(1).replace('version = 1', 'version = 3');
    const change = 'export const codeChange = (_: unknown, { n }: { n: number }) => n + 7;\n';
    const sources = await application({
      'modules/main.ts': MAIN,
      'modules/counter.ts': back + change,
    });
    const out = join(await temporaryFolder(), 'next');
    expect(await tsvm(['build', sources, '--out', out])).toMatchObject({ status: 0 });
    const loaded = await tsvm(['load', join(out, 'counter.tsvm.js'), '--dir', dir]);
    expect(loaded).toMatchObject({ status: 0, err: '' });
    expect(loaded.out).toMatch(/^loaded counter@.*\ntranslated 1 state\n$/);
    await machine.says('the counter is 7');
    await machine.stop();
  });

  test('build: an upgrade file that is wrong is refused before anything is written', async () => {
    const dir = await application({ ...MODULES, 'tsvm.upgrade.json': '{ "step": [] }' });
    const { status, err } = await tsvm(['build', '.', '--out', 'out'], { cwd: dir });
    expect(status).toBe(1);
    expect(err).toContain('unknown key "step" (there are steps, limits)');
  });

  test.each(['upgrade', 'rollback'])('%s --help shows how it is used', async (command) => {
    const { status, out } = await tsvm([command, '--help']);
    expect(status).toBe(0);
    expect(out).toContain(`Usage: tsvm ${command} `);
    expect(out).toContain('Examples:');
  });
});
