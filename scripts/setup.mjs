// Makes a fresh checkout ready: installs what the lock file names (if needed) and builds (if sources are newer).
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const SOURCES = ['runtime', 'bif', 'loader', 'modules', 'cli', 'bench', 'scripts'];

function run(command, args) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

function install() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = join(root, 'node_modules', '.tsvm-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  console.log('tsvm: installing dependencies …');
  // Not `npm ci`: it refuses a lock file that leaves out binaries of platforms it was not made on.
  run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error']);
  writeFileSync(stamp, lock);
}

function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

function build() {
  const stamp = join(root, 'dist', '.built');
  const inputs = [...SOURCES, 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'].map(
    (name) => join(root, name),
  );
  if (
    existsSync(stamp) &&
    statSync(stamp).mtimeMs > Math.max(...inputs.filter(existsSync).map(newest))
  )
    return;
  console.log('tsvm: building …');
  run('npm', ['run', '--silent', 'build']);
  writeFileSync(stamp, '');
}

install();
build();
