/**
 * A compiled module: the unit that is built, shipped to schedulers and loaded.
 *
 * Plain data: it crosses threads by structured clone and is what a build file holds.
 *
 * The code is the body of `(exports, require, module, $rt) { 'use strict'; … }`. In it
 *   `require('chat/room')`      is the live export table of a tsvm module (or the BIFs for 'tsvm')
 *   `require.esm('ws')`         is a Node built-in or npm package, as an ES import would see it
 *   `require.import(specifier)` is `import()`
 *   `module.define(getters, live)`, `module.star(table)` declare the exports
 *   `module.constants(values, …)` freezes what the module holds
 *   `module.meta`               is `import.meta`
 *   `module.funs(lifted)`       declares the functions that the compiler lifted
 */

import { createHash } from 'node:crypto';

/** Raised when the shape of compiled code or its contract with the runtime changes. */
export const FORMAT_VERSION = 8;

export interface ModuleImport {
  /** As written: `./greeting.js`, `node:fs`, `ws`. */
  readonly specifier: string;
  /** The tsvm module it means; `null` for `tsvm` itself, Node's built-ins and npm packages. */
  readonly module: string | null;
  /** The names the module uses of it, as far as the text tells. */
  readonly names: readonly string[];
  /** Where the import is written, from 1. */
  readonly line: number;
  readonly column: number;
}

export interface CompiledModule {
  readonly format: number;
  /** Path below the modules folder without extension: `chat/room`. */
  readonly name: string;
  /** First 10 hex digits of the SHA-256 of code and mappings: the same source gives the same version. */
  readonly version: string;
  /** SHA-256 of the source text, in hex. */
  readonly sourceHash: string;
  /** The user's source file: absolute, or relative when a build is away from its sources. */
  readonly file: string;
  readonly exports: readonly string[];
  readonly imports: readonly ModuleImport[];
  readonly code: string;
  /** Source map (version 3) as JSON, with the source in it. */
  readonly map: string;
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/**
 * The mappings count as content: an edit that only moves lines must be loaded too, or every stack
 * from then on would name wrong lines.
 */
export function contentVersion(code: string, mappings: string): string {
  return sha256(`${code}\n${mappings}`).slice(0, 10);
}

/** The file name that V8 knows a version of a module by. */
export function scriptName(name: string, version: string): string {
  return `tsvm:${name}@${version}`;
}

const MODULE_NAME = /^[^/\\:@\s][^\\:@\n]*$/;

/** A name that may be a module's: relative, forward slashes, nothing that a path could climb out by. */
export function isModuleName(name: string): boolean {
  return (
    name.length <= 255 &&
    MODULE_NAME.test(name) &&
    name.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
  );
}

/** The name of the function whose generator or twin, of either kind, `name` is; stacks show this one. */
export function userFunctionName(name: string): string {
  const plain = name.replace(/(?:\$tw\d*)?\$co\d*$|\$twin\d*$/, '');
  return plain === name ? name : plain === 'anonymous' ? '' : plain;
}
