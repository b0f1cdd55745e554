// The second step of the build: each kind of thread in one file. A thread that reads its two hundred modules one by
// one takes three times as long to start.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

await build({
  absWorkingDir: root,
  entryPoints: ['scheduler', 'dirty', 'storage'].map((kind) => `runtime/vm/${kind}-thread.ts`),
  outdir: 'dist/threads',
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'esm',
  // It has a binary beside it, and opens it itself.
  external: ['lmdb'],
  sourcemap: true,
  sourcesContent: false,
  logLevel: 'warning',
});
