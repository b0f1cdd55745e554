/**
 * Build files: one compiled module as one self-describing file, `<name>.tsvm.js`.
 *
 *   // tsvm-module {"format":1,"name":"chat/room","version":"…","source":"chat/room.ts",…}
 *   …code…
 *   the source map, as a comment in base64
 *   // tsvm-digest sha256 <hex digest of all that comes before this line>
 *
 * Invariants:
 *  1. A file whose last line is not the right digest is not a build: half-written, truncated and
 *     changed files are told from whole ones without waiting for anything.
 *  2. Builds hold no absolute path: the same source gives the same bytes in every folder. The header
 *     says where the sources are as seen from the folder of builds.
 *  3. Writing is atomic: a temporary file beside it, then a rename.
 */

import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { BuildFormatError, CorruptBuildError, ModuleNameError, UnreadableError } from './errors.js';
import {
  type CompiledModule,
  FORMAT_VERSION,
  isModuleName,
  type ModuleImport,
  sha256,
} from './module.js';

export const BUILD_EXTENSION = '.tsvm.js';

const HEADER = '// tsvm-module ';
// In two parts, or tools that look for the map of this file would find that line.
const MAP = `//# source${'MappingURL'}=data:application/json;base64,`;
const DIGEST = '// tsvm-digest sha256 ';

interface Header {
  readonly format: number;
  readonly name: string;
  readonly version: string;
  readonly sourceHash: string;
  /** The source file below the modules folder. */
  readonly source: string;
  /** The modules folder as seen from the folder of builds. */
  readonly sourceRoot: string;
  readonly exports: readonly string[];
  readonly imports: readonly ModuleImport[];
}

export interface BuildPlaces {
  /** The folder that build files are below. */
  readonly out: string;
  /** The modules folder that the source is below. */
  readonly modules: string;
}

export function buildPath(out: string, name: string): string {
  return join(out, `${name}${BUILD_EXTENSION}`);
}

/** The text of a module's build file. */
export function formatBuild(module: CompiledModule, { out, modules }: BuildPlaces): string {
  const source = toPosix(relative(modules, module.file));
  const header: Header = {
    format: module.format,
    name: module.name,
    version: module.version,
    sourceHash: module.sourceHash,
    source,
    sourceRoot: toPosix(relative(out, modules)) || '.',
    exports: module.exports,
    imports: module.imports,
  };
  const map = { ...(JSON.parse(module.map) as object), sources: [source] };
  const code = module.code.endsWith('\n') ? module.code : `${module.code}\n`;
  const encoded = Buffer.from(JSON.stringify(map)).toString('base64');
  const text = `${HEADER}${JSON.stringify(header)}\n${code}${MAP}${encoded}\n`;
  return `${text}${DIGEST}${sha256(text)}\n`;
}

/** Write a module's build file, whole or not at all. Returns its path. */
export async function writeBuild(module: CompiledModule, places: BuildPlaces): Promise<string> {
  const path = buildPath(places.out, module.name);
  await writeWhole(path, formatBuild(module, places));
  return path;
}

export async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.${Date.now().toString(36)}.tmp`;
  await mkdir(dirname(path), { recursive: true });
  try {
    await writeFile(temporary, text);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

export interface ParseBuildOptions {
  readonly path: string;
  /** The folder of builds; with it, the name in the build must be the one its path says. */
  readonly root?: string | undefined;
}

export async function readBuild(options: ParseBuildOptions): Promise<CompiledModule> {
  let text: string;
  try {
    // By a call: each hop through the pool of threads waits behind busy schedulers, for milliseconds.
    text = readFileSync(options.path, 'utf8');
  } catch (error) {
    throw new UnreadableError(`cannot read the build: ${(error as Error).message}`, {
      file: options.path,
    });
  }
  return parseBuild(text, options);
}

/**
 * @throws CorruptBuildError (not a build, truncated, changed), BuildFormatError (another tsvm's),
 *   ModuleNameError (a build for another module)
 */
export function parseBuild(text: string, options: ParseBuildOptions): CompiledModule {
  const { path: file } = options;
  if (!text.startsWith(HEADER)) {
    const message = text === '' ? 'the build is empty' : 'not a build: its first line is no header';
    throw new CorruptBuildError(message, { file, hint: REBUILD });
  }
  const headerEnd = text.indexOf('\n');
  const header = parseHeader(
    text.slice(HEADER.length, headerEnd === -1 ? undefined : headerEnd),
    file,
  );
  if (header.format !== FORMAT_VERSION) {
    throw new BuildFormatError(
      `build format ${header.format}, this tsvm reads format ${FORMAT_VERSION}`,
      { file, module: header.name, hint: 'build it with the tsvm that is to run it' },
    );
  }
  checkDigest(text, header.name, file);
  checkName(header.name, options);
  const mapStart = text.lastIndexOf(`\n${MAP}`) + 1;
  const mapEnd = text.indexOf('\n', mapStart);
  const map = Buffer.from(text.slice(mapStart + MAP.length, mapEnd), 'base64').toString();
  return {
    format: header.format,
    name: header.name,
    version: header.version,
    sourceHash: header.sourceHash,
    file: sourceFile(header, options),
    exports: header.exports,
    imports: header.imports,
    code: text.slice(headerEnd + 1, mapStart),
    map,
  };
}

const REBUILD = 'build it again: tsvm build';

function parseHeader(json: string, file: string): Header {
  try {
    const header = JSON.parse(json) as Header;
    if (typeof header.format === 'number' && typeof header.name === 'string') return header;
  } catch {
    // Said below: a header that is cut off and one that is no JSON are the same to the user.
  }
  throw new CorruptBuildError('the header of the build is cut off or damaged', {
    file,
    hint: REBUILD,
  });
}

function checkDigest(text: string, module: string, file: string): void {
  const at = text.lastIndexOf(`\n${DIGEST}`) + 1;
  const digest = text.slice(at + DIGEST.length).trimEnd();
  if (at === 0 || !/^[0-9a-f]{64}$/.test(digest) || !text.endsWith('\n')) {
    throw new CorruptBuildError('the build is truncated: its last line is no digest', {
      file,
      module,
      hint: REBUILD,
    });
  }
  if (sha256(text.slice(0, at)) !== digest) {
    throw new CorruptBuildError('the build is damaged: its content does not match its digest', {
      file,
      module,
      hint: REBUILD,
    });
  }
}

function checkName(name: string, { path: file, root }: ParseBuildOptions): void {
  if (!isModuleName(name)) throw new ModuleNameError(`"${name}" is no module name`, { file });
  if (root === undefined) return;
  const expected = toPosix(relative(root, file)).slice(0, -BUILD_EXTENSION.length);
  if (name !== expected) {
    throw new ModuleNameError(`the build is for module "${name}", its path says "${expected}"`, {
      file,
      module: name,
      hint: `move it to ${name}${BUILD_EXTENSION} below the folder of builds`,
    });
  }
}

/** The user's source where it is there, else a name to show: the build may be far from it. */
function sourceFile(
  { name, source, sourceRoot }: Header,
  { path, root }: ParseBuildOptions,
): string {
  const depth = name.split('/').length - 1;
  const folder = root ?? resolve(dirname(path), '../'.repeat(depth) || '.');
  const found = resolve(folder, sourceRoot, source);
  return existsSync(found) ? found : resolve(folder, source);
}

function toPosix(path: string): string {
  return path.replaceAll('\\', '/');
}
