/**
 * Import specifiers: which module of the project one means, and which are left to Node.
 */

import { posix } from 'node:path';

export type Resolved =
  | { readonly kind: 'tsvm' }
  /** A module of the project, or of the library (`tsvm/…`). */
  | { readonly kind: 'module'; readonly name: string }
  /** A built-in or an npm package: trusted, native, loaded by Node. */
  | { readonly kind: 'node' }
  /** A path that leads out of the modules folder. */
  | { readonly kind: 'outside' };

const SOURCE_EXTENSION = /\.(?:ts|mts|js|mjs)$/;
const OTHER_EXTENSION = /\.(?:json|node|cjs|cts|wasm)$/;

/**
 * @param from name of the importing module: `chat/room`
 * @param specifier as written: `./greeting.js`, `tsvm`, `node:fs`, `ws`
 */
export function resolveSpecifier(from: string, specifier: string): Resolved {
  if (specifier === 'tsvm') return { kind: 'tsvm' };
  if (specifier.startsWith('tsvm/')) {
    return { kind: 'module', name: specifier.replace(SOURCE_EXTENSION, '') };
  }
  if (!/^\.{1,2}\//.test(specifier) || OTHER_EXTENSION.test(specifier)) return { kind: 'node' };
  const name = posix.join(posix.dirname(from), specifier.replace(SOURCE_EXTENSION, ''));
  return name.startsWith('../') ? { kind: 'outside' } : { kind: 'module', name };
}
