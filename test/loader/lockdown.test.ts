/** The code table in a hardened realm: in a process of its own, as lockdown cannot be undone. */

import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { compileText, temporaryFolder } from './support.js';

const PROGRAM = `
import 'ses';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { CodeTable } from './code-table.js';
import { installStackMapping } from './source-positions.js';
import { context } from '../runtime/context.js';
import { runtimeFor } from '../runtime/module-runtime.js';

const [options, ...files] = process.argv.slice(2);
if (options !== 'none') lockdown(JSON.parse(options));
context.budget = Number.MAX_SAFE_INTEGER;
const table = new CodeTable({ runtimeFor, bifs: {}, nodeRequire: createRequire });
installStackMapping(table.positions);
installStackMapping(table.positions);
const out = [];
for (const file of files) {
  const module = JSON.parse(readFileSync(file, 'utf8'));
  try {
    table.prepare(module);
    table.commit(module.name, module.version);
  } catch (error) {
    out.push([error.name, error.line, error.column, error.file]);
  }
}
const run = table.lookup('good', 'main');
for (const kind of ['error', 'type', 'native', 'own']) {
  try {
    await run(kind);
  } catch (error) {
    const lines = error.stack.split('\\n');
    out.push(lines.slice(0, 3).map((line) => line.trim()));
  }
}
console.log(JSON.stringify(out));
`;

const GOOD = `type Kind = 'error' | 'type' | 'native' | 'own';
class Own extends Error { override name = 'Own'; }
export async function main(kind: Kind) {
  await raise(kind);
}
async function raise(kind: Kind): Promise<void> {
  if (kind === 'error') throw new Error('one');
  if (kind === 'type') throw new TypeError('two');
  if (kind === 'own') throw new Own('three');
  (null as unknown as { x(): void }).x();
}`;

const BAD = "export const a = 1;\nthrow new RangeError('at load');";

for (const options of [
  'none',
  '{"errorTaming":"unsafe","stackFiltering":"verbose","overrideTaming":"severe","consoleTaming":"unsafe"}',
  '{"errorTaming":"safe","consoleTaming":"unsafe"}',
  '{"errorTaming":"unsafe-debug","consoleTaming":"unsafe"}',
]) {
  test(`lockdown ${options}: stacks stay the user's`, async () => {
    const folder = join(await temporaryFolder(), 'loader');
    await mkdir(folder);
    await writeFile(join(folder, 'good.json'), JSON.stringify(await compileText('good', GOOD)));
    await writeFile(join(folder, 'bad.json'), JSON.stringify(await compileText('bad', BAD)));
    await build({
      stdin: {
        contents: PROGRAM,
        resolveDir: join(import.meta.dirname, '../../loader'),
        loader: 'ts',
      },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: join(folder, 'program.mjs'),
      logLevel: 'error',
    });
    const files = ['good', 'bad'].map((name) => join(folder, `${name}.json`));
    const args = [join(folder, 'program.mjs'), options, ...files];
    const { stdout } = await promisify(execFile)(
      process.env['TSVM_TEST_NODE'] ?? process.execPath,
      args,
    );
    expect(JSON.parse(stdout)).toEqual([
      ['ModuleEvaluationError', 2, 7, '/project/bad.ts'],
      ['Error: one', 'at raise (/project/good.ts:7:31)', 'at main (/project/good.ts:4:9)'],
      ['TypeError: two', 'at raise (/project/good.ts:8:30)', 'at main (/project/good.ts:4:9)'],
      [
        expect.stringContaining('TypeError: Cannot read prop'),
        'at raise (/project/good.ts:10:38)',
        'at main (/project/good.ts:4:9)',
      ],
      ['Own: three', 'at raise (/project/good.ts:9:29)', 'at main (/project/good.ts:4:9)'],
    ]);
  });
}
