/** `tsvm start` of applications: how they start, are configured and stop, and what people see when they do not. */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readConfig } from '../../cli/configuration.js';
import { application, Command, type Ended, tsvm } from './support.js';

/** A module that defines an application of workers. */
function definition(name: string, more: string, code: string): string {
  return `import { type Exit, log, type Pid, receive, register, self, sleep, trapExit } from 'tsvm';
import { defineApplication, getAllEnv } from 'tsvm/application';
import { initAck, startLink as startProcess } from 'tsvm/proc-lib';
import * as supervisor from 'tsvm/supervisor';
import * as me from './${name}.js';

export const application = defineApplication({ name: '${name}', version: '1.2.3', module: me, ${more} });

export function worker(plan: string, name?: string): Promise<Pid> {
  return startProcess({ ...(name === undefined ? {} : { name }), ...(plan === 'late' ? { timeoutMs: 300 } : {}) }, me.work, plan);
}

export async function work(plan: string): Promise<void> {
  if (plan === 'throw') throw new RangeError('no room at all');
  if (plan === 'late' || plan === 'never') await receive();
  if (plan === 'deaf') trapExit(true);
  initAck(self());
  log.notice('${name} works');
  if (plan === 'dies') throw new Error('the work is too hard');
  for (;;) {
    const message = await receive<string>();
    if (message === 'die') throw new Error('the work is too hard');
  }
}
${code}`;
}

const top = (children: string, flags = ''): string =>
  `export function start() { return supervisor.startLink({ ${flags} children: [${children}] }); }\n`;

const child = (id: string, args: string, options = ''): string =>
  `supervisor.child('${id}', me.worker, [${args}], {${options}})`;

const shop = (more: string, code: string): Record<string, string> => ({
  'tsvm.json': '{ "modules": "modules", "application": "shop" }',
  'modules/shop.ts': definition('shop', more, code),
});

async function run(files: Record<string, string>, ...args: string[]): Promise<Ended> {
  const dir = await application(files);
  return await tsvm(['start', '.', '--schedulers', '1', ...args], { cwd: dir });
}

describe('start of an application', () => {
  test('application: what it needs starts first and stops last; tsvm status shows all', async () => {
    const dir = await application({
      ...shop(`applications: ['store']`, top(child('till', `'work'`))),
      'modules/store.ts': definition('store', '', top(child('rack', `'work'`))),
    });
    const machine = new Command(['start', '.', '--schedulers', '1'], { cwd: dir });
    await machine.says(/started +shop/);
    expect(machine.out).toMatch(
      /started +store 1\.2\.3 in [\d.]+ ms\n(.*\n)*.*started +shop 1\.2\.3 in/,
    );
    const status = await tsvm(['status', '.', '--json'], { cwd: dir });
    expect(JSON.parse(status.out)).toMatchObject({
      entry: { entry: 'application shop', running: true },
      applications: [
        { name: 'store', version: '1.2.3' },
        { name: 'shop', version: '1.2.3' },
      ],
    });
    expect((await tsvm(['status', '.'], { cwd: dir })).out).toContain('store 1.2.3, shop 1.2.3');
    const ended = await machine.stop();
    expect(ended.status).toBe(0);
    expect(ended.out).toMatch(
      /stopping: SIGTERM\n.*application shop stopped\n.*application store stopped\n.*stopped\n$/,
    );
  });

  test('application: configured by its definition, a file and the command line', async () => {
    const code = `export async function start() {
  log.notice('env ' + JSON.stringify(await getAllEnv(application)));
  return supervisor.startLink({ children: [] });
}
`;
    const dir = await application({
      ...shop(`env: { a: 1, b: 1, c: 1, d: 'x' }`, code),
      'tsvm.json':
        '{ "modules": "modules", "application": "shop", "config": "given.json", "shutdownMs": 9000 }',
      'given.json': '{ "shop": { "b": 2, "c": 2 }, "elsewhere": { "z": 1 } }',
      'other.json': '{ "shop": { "b": 4 } }',
    });
    const first = new Command(
      ['start', '.', '--schedulers', '1', '--set', 'shop.c=3', '--set', 'shop.d=some text'],
      { cwd: dir },
    );
    await first.says('env {"a":1,"b":2,"c":3,"d":"some text"}');
    expect(first.out).toContain('configures elsewhere, which is no application here');
    await first.stop();
    const second = new Command(['start', '.', '--schedulers', '1', '--config', 'other.json'], {
      cwd: dir,
    });
    await second.says('env {"a":1,"b":4,"c":1,"d":"x"}');
    await second.stop();
    expect((await tsvm(['build', '.', '--out', 'built'], { cwd: dir })).status).toBe(0);
    const built = new Command(['start', 'built', '--schedulers', '1'], { cwd: dir });
    await built.says('env {"a":1,"b":2,"c":2,"d":"x"}');
    await built.stop();
  });

  test('application: a definition that is loaded anew configures what runs', async () => {
    const code = `${top('')}export function configChange({ changed }) {
  log.notice('changed ' + JSON.stringify(changed));
}
`;
    const dir = await application(shop('env: { open: 9, close: 17 }', code));
    const machine = new Command(['start', '.', '--schedulers', '1'], { cwd: dir });
    await machine.says(/started +shop/);
    const file = join(dir, 'modules/shop.ts');
    await writeFile(file, (await readFile(file, 'utf8')).replace('open: 9', 'open: 8'));
    await machine.says('changed {"open":8}');
    await machine.says('application shop is configured anew: open');
    expect((await machine.stop()).status).toBe(0);
  });

  test('application: a permanent one that ends by itself ends the machine with its reason', async () => {
    const { status, out } = await run({
      ...shop(`applications: ['store']`, top(child('till', `'work'`))),
      'modules/store.ts': definition('store', '', top(child('rack', `'dies'`), 'intensity: 0,')),
    });
    expect(status).toBe(1);
    expect(out).toContain('Error: the work is too hard');
    expect(out).toContain('application store (permanent) ended by itself: shutdown');
    expect(out).toMatch(/application store ended: shutdown\n.*stopped, with exit status 1\n$/);
  });

  test('application: stopped by itself in order, the machine ends with status 0', async () => {
    const code = `${top('')}export function startPhase() { setTimeout; stopLater(); }
import { spawn } from 'tsvm';
import { stopAll } from 'tsvm/application';
function stopLater() { spawn(() => stopAll()); }
`;
    const { status, out } = await run(shop(`startPhases: [['end']]`, code));
    expect(out).toContain('stopping: the applications were stopped');
    expect(status).toBe(0);
  });
});

describe('bad input', () => {
  test('child that cannot start: the first failure with its line, and no chain of wrappers', async () => {
    const inner = top([child('till', `'work'`), child('bad', `'throw'`)].join());
    const outer = top(`supervisor.child('inner', me.inner, [], { type: 'supervisor' })`);
    const { status, out } = await run(shop('', inner.replace('start()', 'inner()') + outer));
    expect(status).toBe(1);
    expect(out.match(/ {2}crash {2}/g)).toHaveLength(1);
    expect(out).toContain('RangeError: no room at all\n');
    expect(out).toMatch(/at modules\/shop\.ts:14:\d+ \(work\)/);
    expect(out).toMatch(
      /by the crash above: application shop did not start: child "inner": child "bad": RangeError: no room at all\n/,
    );
    expect(out).not.toContain('failed_to_start_child');
  });

  test('start that throws itself: its line and the lines around it', async () => {
    const { status, out } = await run(
      shop('', `export function start() {\n  throw new TypeError('no shop today');\n}\n`),
    );
    expect(status).toBe(1);
    expect(out).toContain('application shop did not start: TypeError: no shop today\n');
    expect(out).toContain("|   throw new TypeError('no shop today');");
  });

  test('unknown application, as that which is started and as one that is needed', async () => {
    const files = shop(`applications: ['stoer']`, top(''));
    const unknown = await run({
      ...files,
      'tsvm.json': '{ "modules": "modules", "application": "shpo" }',
    });
    expect(unknown.status).toBe(1);
    expect(unknown.err).toContain('tsvm.json: "application": there is no application shpo');
    expect(unknown.err).toContain('hint: did you mean shop?');
    const needed = await run({ ...files, 'modules/store.ts': definition('store', '', top('')) });
    expect(needed.status).toBe(1);
    expect(needed.out).toContain('there is no application stoer; there are shop, store\n');
  });

  test('applications that need each other in a circle: which do', async () => {
    const { status, out } = await run({
      ...shop(`applications: ['store']`, top('')),
      'modules/store.ts': definition('store', `applications: ['shop']`, top('')),
    });
    expect(status).toBe(1);
    expect(out).toContain('applications need each other in a circle: shop → store → shop\n');
  });

  test('two definitions of one name, a name registered by two, a wrong definition', async () => {
    const twice = await run({
      ...shop('', top('')),
      'modules/too.ts': definition('shop', '', top('')).replace('./shop.js', './too.js'),
    });
    expect(twice.out).toContain('application shop is defined by several modules: shop, too\n');
    const both = `registered: ['desk']`;
    const names = await run({
      ...shop(`applications: ['store'], ${both}`, top('')),
      'modules/store.ts': definition('store', both, top('')),
    });
    expect(names.out).toMatch(
      /applications (shop and store|store and shop) register the same name "desk"/,
    );
    const wrong = await run(shop(`depends: ['store']`, top('')));
    expect(wrong.err).toContain('defineApplication: shop: expected only name, version');
    expect([twice.status, names.status, wrong.status]).toEqual([1, 1, 1]);
  });

  test('a name that is taken: the child that wanted it, and that it is', async () => {
    const { status, out } = await run(
      shop('', top([child('one', `'work', 'desk'`), child('two', `'work', 'desk'`)].join())),
    );
    expect(status).toBe(1);
    expect(out).toMatch(/application shop did not start: child "two": it runs already/);
  });

  test('a child that never acknowledges: with a limit it fails, without one it is said and can be stopped', async () => {
    const late = await run(shop('', top(child('slow', `'late'`))));
    expect(late.status).toBe(1);
    expect(late.out).toContain('application shop did not start: child "slow": timeout\n');

    const limited = await run(shop('startMs: 300', top(child('slow', `'never'`))));
    expect(limited.status).toBe(1);
    expect(limited.out).toMatch(
      /application shop did not start: its start took longer than 300 ms; child "slow", shop\.work <.*>, has not come/,
    );

    const dir = await application({
      ...shop(`applications: ['store']`, top(child('slow', `'never'`))),
      'modules/store.ts': definition('store', '', top(child('rack', `'work'`))),
    });
    const machine = new Command(['start', '.', '--schedulers', '1'], { cwd: dir });
    await machine.says(
      /application shop has not started in 10.*; child "slow", shop\.work <.*>, has not come to the end of its start: it waits for a message or an event; Ctrl\+C or tsvm stop/,
    );
    const { status, out } = await machine.stop();
    expect(status).toBe(0);
    expect(out).toMatch(/stopping: SIGTERM\n(.*\n)*.*application store stopped\n.*stopped\n$/);
  });

  test('a storm of restarts: ends at the intensity, then upwards, with the reason of the crash', async () => {
    const { status, out } = await run(shop('', top(child('till', `'dies'`), 'intensity: 20,')));
    expect(status).toBe(1);
    expect(out).toContain('Error: the work is too hard');
    expect(out).toContain('was restarted too often; the supervisor ends');
    expect(out).toContain('application shop (permanent) ended by itself: shutdown');
  });

  test('a child that does not end: killed after its time, and after that of the machine', async () => {
    const limited = await application(shop('', top(child('till', `'deaf'`, 'shutdown: 200'))));
    const first = new Command(['start', '.', '--schedulers', '1'], { cwd: limited });
    await first.says('shop works');
    const { status, out } = await first.stop();
    expect(status).toBe(0);
    expect(out).toContain('child "till" did not stop in order: killed');
    expect(out).toContain('application shop stopped\n');

    const endless = await application(
      shop('', top(child('till', `'deaf'`, 'shutdown: Number.POSITIVE_INFINITY'))),
    );
    const options = ['start', '.', '--schedulers', '1', '--shutdown-ms', '300'];
    const second = new Command(options, { cwd: endless });
    await second.says('shop works');
    const ended = await second.stop();
    expect(ended.status).toBe(0);
    expect(ended.out).toContain('application shop has not stopped in 300 ms and is killed\n');
  });

  test('configuration: a wrong file is named with what it should be', async () => {
    const dir = await application({
      'list.json': '[1]',
      'text.json': '{',
      'deep.json': '{"shop":1}',
    });
    const cases: readonly [string, string][] = [
      ['list.json', 'list.json: expected an object, got [1]'],
      ['text.json', 'text.json is not valid JSON'],
      ['deep.json', 'expected an object for "shop", got 1'],
    ];
    for (const [file, text] of cases) expect(() => readConfig(join(dir, file)), file).toThrow(text);
  });

  test.each([
    [['--config', 'none.json'], 1, 'cannot read the configuration none.json'],
    [['--set', 'shpo.a=1'], 1, '--set shpo.a: there is no application shpo'],
    [['--set', 'shop=1'], 2, 'Expected APPLICATION.KEY=VALUE'],
    [['--shutdown-ms', '0'], 2, 'Expected milliseconds from 1 to'],
  ])('configuration: %j ends with status %i and says why', async (args, status, text) => {
    const ended = await run(shop('', top('')), ...args);
    expect(ended.err).toContain(text);
    expect(ended.status).toBe(status);
    // Of all these only a name of an application has to be looked for in a machine.
    if (!text.includes('there is no application')) expect(ended.out).toBe('');
  });

  test('configuration: for a machine without applications, and two things to start', async () => {
    const entry = await run(
      { 'modules/main.ts': 'export function start(): void {}\n' },
      ...['--set', 'main.a=1'],
    );
    expect(entry.err).toContain('a configuration is for applications');
    const both = await run({
      ...shop('', top('')),
      'tsvm.json': '{ "modules": "modules", "application": "shop", "entry": "shop:start" }',
    });
    expect(both.err).toContain('"application" and "entry" both say what is started');
  });
});
