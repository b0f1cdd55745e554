/**
 * The folder of the package, from the sources and from `dist/` alike: workloads and Erlang
 * programs are read from there, not from what the compiler wrote.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function findRoot(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (folder === dirname(folder))
      throw new Error('tsvm bench: no package.json above its own file');
  }
}

const packageRoot = findRoot();

/** A path inside the package. */
export function packagePath(...segments: string[]): string {
  return join(packageRoot, ...segments);
}
