import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { tsvm } from './support.js';

const PACKAGE = new URL('../../package.json', import.meta.url);
const { version } = JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string };

describe('tsvm', () => {
  test('tsvm: alone, it prints its help', async () => {
    const { status, out, err } = await tsvm([]);
    expect({ status, err }).toEqual({ status: 0, err: '' });
    for (const name of ['start', 'status', 'stop', 'load', 'check', 'build', 'bench']) {
      expect(out).toMatch(new RegExp(`^  ${name} `, 'm'));
    }
  });

  test('tsvm: --version is the version of the package', async () => {
    expect(await tsvm(['--version'])).toMatchObject({ status: 0, out: `${version}\n` });
  });

  test.each(['start', 'status', 'stop', 'load', 'check', 'build'])(
    'tsvm: %s --help has examples, in lines for a terminal of 80 columns',
    async (name) => {
      const { status, out } = await tsvm([name, '--help']);
      expect(status).toBe(0);
      expect(out).toContain('Examples:');
      expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    },
  );

  test.each([
    [['strat'], "unknown command 'strat'\n(Did you mean start?)"],
    [['start', '--schedlers', '2'], "unknown option '--schedlers'\n(Did you mean --schedulers?)"],
    [['start', '--schedulers', '0'], 'Expected a whole number from 1 to 63'],
    [['start', '--schedulers', 'two'], 'Expected a whole number from 1 to 63'],
    [
      ['start', '--log-level', 'loud'],
      'Expected one of emergency, alert, critical, error, warning, notice, info, debug',
    ],
    [['start', 'a', 'b'], 'too many arguments'],
    [['build'], "required option '--out <dir>' not specified"],
    [['load'], "missing required argument 'file'"],
    [['bench', '--filter', 'no.such.benchmark'], "no benchmark is called 'no.such.benchmark'"],
  ])('tsvm: %j is a wrong use', async (args, message) => {
    const { status, out, err } = await tsvm(args);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toContain(message);
  });
});
