/** Version: of the tsvm that runs. */

import { readFileSync } from 'node:fs';
import { packagePath } from '../bench/package-root.js';

export function tsvmVersion(): string {
  const text = readFileSync(packagePath('package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
