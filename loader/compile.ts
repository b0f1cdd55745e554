/**
 * Compile: the text of one source file to a compiled module.
 *
 * esbuild strips the types, lowers what Node 20 lacks and writes CommonJS; the passes of
 * `transform.ts` do the rest; the two maps are chained, so that positions lead to the user's text.
 */

import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping';
import { transform as esbuild, type Message, type TransformOptions } from 'esbuild';
import { chainMappings } from './chain-maps.js';
import { mapText } from './compile-cache.js';
import {
  type LoadError,
  ModuleSyntaxError,
  placed,
  TopLevelAwaitError,
  UnsupportedSyntaxError,
} from './errors.js';
import { type CompiledModule, contentVersion, FORMAT_VERSION, sha256 } from './module.js';
import { isSyntaxFault } from './syntax.js';
import {
  readModule,
  type TransformContext,
  type Transformed,
  type TransformInput,
  transform,
} from './transform.js';

export interface CompileOptions {
  /** The module's name: path below the modules folder without extension. */
  readonly name: string;
  /** The source file, absolute. */
  readonly file: string;
}

const OPTIONS: TransformOptions = {
  format: 'cjs',
  platform: 'node',
  target: 'node20',
  // Async functions and generators are `pass-coroutines.ts`'s; `for await` becomes a loop of awaits.
  supported: { 'async-await': true, 'for-await': false, 'async-generator': true },
  define: { 'import.meta': 'module.meta' },
  charset: 'utf8',
  legalComments: 'none',
  sourcemap: 'external',
  sourcesContent: true,
  logLevel: 'silent',
};

/**
 * @throws LoadError with file, line, column and code frame
 * Cost: 1–3 ms for a module of 100–300 lines, half of it in esbuild's own threads.
 */
export async function compile(source: string, options: CompileOptions): Promise<CompiledModule> {
  const { name, file } = options;
  const stripped = await stripTypes(source, options);
  const { output, exports, imports, input } = transformed({
    moduleName: name,
    file,
    source,
    code: stripped.code,
    map: new TraceMap(stripped.map),
  });
  const code = output.toString();
  const own = output.generateDecodedMap({ hires: 'boundary' });
  const mappings = chainMappings(own.mappings, input.map);
  return {
    format: FORMAT_VERSION,
    name,
    version: contentVersion(code, mappings),
    sourceHash: sha256(source),
    file,
    exports,
    imports,
    code,
    map: mapText(file, source, mappings),
  };
}

/** Read a source for checks that go beyond one module. @throws LoadError */
export async function readSource(
  source: string,
  options: CompileOptions,
): Promise<TransformContext> {
  const { code, map } = await stripTypes(source, options);
  const { name: moduleName, file } = options;
  return readModule({ moduleName, file, source, code, map: new TraceMap(map) });
}

/** Modules are strict. esbuild is not, with files that import and export nothing: `let = 1` gets by it. */
function transformed(input: TransformInput): Transformed {
  try {
    return transform(input);
  } catch (error) {
    if (error instanceof RangeError && error.message.includes('call stack')) {
      throw new UnsupportedSyntaxError('an expression or statement is nested too deeply', {
        file: input.file,
        module: input.moduleName,
        hint: 'a chain of more than about 2,000 operators, or as many nested blocks: use an array and a loop',
      });
    }
    if (!isSyntaxFault(error)) throw error;
    const { file, source, moduleName: module, map } = input;
    const { line, column } = originalPositionFor(map, error.loc.start);
    const place = line === null ? { file } : { file, line, column: column + 1 };
    throw new ModuleSyntaxError(error.description, placed(source, place, { module }));
  }
}

async function stripTypes(
  source: string,
  { name, file }: CompileOptions,
): Promise<{ code: string; map: string }> {
  const extension = /\.[^./\\]+$/.exec(file)?.[0] ?? '.ts';
  if (extension === '.tsx' || extension === '.jsx') {
    throw new UnsupportedSyntaxError(`${extension} files are not modules: JSX is not supported`, {
      file,
      module: name,
      hint: 'render in a plain module and name it .ts',
    });
  }
  const loader = extension === '.js' || extension === '.mjs' ? 'js' : 'ts';
  try {
    return await esbuild(source, { ...OPTIONS, loader, sourcefile: file });
  } catch (error) {
    const [message] = (error as { errors?: Message[] }).errors ?? [];
    if (message === undefined) throw error;
    throw errorFrom(message, source, file, name);
  }
}

function errorFrom(message: Message, source: string, file: string, module: string): LoadError {
  const { location, text, notes } = message;
  const place = {
    file,
    line: location?.line,
    // esbuild counts columns in UTF-8 bytes.
    column: location
      ? Buffer.from(location.lineText).subarray(0, location.column).toString().length + 1
      : undefined,
    length: location?.length || undefined,
  };
  const note = notes.find(({ location: at }) => at === null)?.text;
  if (text.startsWith('Top-level await')) {
    return new TopLevelAwaitError(
      'await outside of a function: a module is evaluated on every scheduler, outside of any process',
      placed(source, place, {
        module,
        hint: 'move it into an exported async function and spawn that',
      }),
    );
  }
  if (text.includes('JSX')) {
    return new UnsupportedSyntaxError(
      'JSX is not supported in a module',
      placed(source, place, { module }),
    );
  }
  return new ModuleSyntaxError(
    text,
    placed(source, place, { module, hint: note || location?.suggestion || undefined }),
  );
}
