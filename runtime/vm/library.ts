/** The library as this package brings it: builds, and in a checkout also the sources. */

import { fileURLToPath } from 'node:url';
import { Library } from '../../loader/library.js';

export const LIBRARY: Library = new Library({
  builds: fileURLToPath(new URL('../../library', import.meta.url)),
  sources: fileURLToPath(new URL('../../../modules', import.meta.url)),
});
