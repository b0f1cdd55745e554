/**
 * Compile cache: what sources compiled to, in a folder, so that a start compiles only what changed.
 *
 * An entry's name is a hash of all that its content depends on: the compiler itself, the module's
 * name, the kind of source and its text. So an entry is never wrong, only unused, and nothing has to
 * be told that a file changed. Several machines may share a folder.
 *
 * Invariants:
 *  1. An entry begins with the digest of the rest; one that does not match is as good as none. So it is
 *     written in place: who reads one that is half written compiles, and writes the same again.
 *  2. The cache is never the reason that something fails: what cannot be read is compiled, what
 *     cannot be written is not kept.
 *  3. Entries hold no path: a project that is moved keeps its cache.
 *
 * V8's own code cache is not kept beside them: modules are compiled lazily in any case, and reading it
 * saves 0.06 ms of about 0.6 ms per module and scheduler, for twice the bytes.
 */

import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CompiledModule, FORMAT_VERSION, type ModuleImport, sha256 } from './module.js';

/** At least so many entries are kept, however small the project. */
const ENTRIES_MIN = 2000;
/** For each module of the project: its last versions. */
const ENTRIES_PER_MODULE = 4;

export interface CacheKey {
  readonly name: string;
  readonly file: string;
  readonly source: string;
}

/** What is kept of a module; the rest follows from the source. */
interface Entry {
  readonly version: string;
  readonly exports: readonly string[];
  readonly imports: readonly ModuleImport[];
  readonly code: string;
  readonly mappings: string;
}

export class CompileCache {
  readonly #folder: string;
  readonly #compiler: string;
  #writable = true;
  #made = false;

  /** @param compiler `compilerIdentity()`; given, so that threads need not find it out again */
  constructor(folder: string, compiler: string) {
    this.#folder = folder;
    this.#compiler = compiler;
  }

  read({ name, file, source }: CacheKey): CompiledModule | undefined {
    const entry = this.#readEntry(this.#pathOf({ name, file, source }));
    if (entry === undefined) return undefined;
    const { version, exports, imports, code, mappings } = entry;
    return {
      format: FORMAT_VERSION,
      name,
      version,
      sourceHash: sha256(source),
      file,
      exports,
      imports,
      code,
      map: mapText(file, source, mappings),
    };
  }

  write(
    { name, file, version, exports, imports, code, map }: CompiledModule,
    source: string,
  ): void {
    if (!this.#writable) return;
    const { mappings } = JSON.parse(map) as { mappings: string };
    const entry: Entry = { version, exports, imports, code, mappings };
    const text = JSON.stringify(entry);
    const path = this.#pathOf({ name, file, source });
    try {
      if (!this.#made) mkdirSync(this.#folder, { recursive: true });
      this.#made = true;
      writeFileSync(path, `${sha256(text)}\n${text}`);
    } catch {
      // No room, or not ours to write to: this run does without.
      this.#writable = false;
      removeQuietly(path);
    }
  }

  /** Keep so many entries as a project of this size can use; the oldest go. */
  prune(modules: number): void {
    const most = Math.max(ENTRIES_MIN, modules * ENTRIES_PER_MODULE);
    try {
      const names = readdirSync(this.#folder);
      if (names.length <= most) return;
      const files = names.map((name) => {
        const path = join(this.#folder, name);
        return { path, written: statSync(path).mtimeMs };
      });
      files.sort((a, b) => a.written - b.written);
      for (const { path } of files.slice(0, names.length - most)) rmSync(path, { force: true });
    } catch {
      // Another machine tidies up, or there is no folder: the next start looks again.
    }
  }

  #readEntry(path: string): Entry | undefined {
    let text: string;
    try {
      text = readFileSync(path, 'utf8');
    } catch {
      return undefined;
    }
    const end = text.indexOf('\n');
    const content = text.slice(end + 1);
    return sha256(content) === text.slice(0, end) ? (JSON.parse(content) as Entry) : undefined;
  }

  #pathOf({ name, file, source }: CacheKey): string {
    const key = [this.#compiler, name, extname(file), source].join('\0');
    return join(this.#folder, `${sha256(key)}.json`);
  }
}

function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The folder is none: there is nothing to remove either.
  }
}

export function mapText(file: string, source: string, mappings: string): string {
  return JSON.stringify({
    version: 3,
    sources: [file],
    sourcesContent: [source],
    names: [],
    mappings,
  });
}

let identity: string | undefined;

/**
 * A hash of the compiler: its own files and those of the runtime that it takes constants from, its
 * version and those of its libraries. A version number alone would let a changed compiler be served
 * what the one before it made.
 * Cost: 5 ms, once.
 */
export function compilerIdentity(): string {
  if (identity !== undefined) return identity;
  const here = fileURLToPath(new URL('.', import.meta.url));
  const parts: string[] = [process.version, String(FORMAT_VERSION), packageText(here)];
  for (const folder of [here, join(here, '../runtime')]) {
    for (const name of readdirSync(folder).sort()) {
      if (/(?<!\.d)\.[jt]s$/.test(name)) parts.push(name, readFileSync(join(folder, name), 'utf8'));
    }
  }
  identity = sha256(parts.join('\0'));
  return identity;
}

/** The package file: above the folder, or above `dist/` where that is the built one. */
function packageText(folder: string): string {
  for (const above of ['../package.json', '../../package.json']) {
    try {
      return readFileSync(join(folder, above), 'utf8');
    } catch {
      // Looked for one further up.
    }
  }
  return '';
}
