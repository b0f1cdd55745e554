/**
 * The versions that code_load loads: compiled here, before any clock runs, and held as the texts of builds.
 */
import { formatBuild } from '../loader/build-file.js';
import { compile } from '../loader/compile.js';
import type { Params } from './sampling.js';

const SMALL_FUNCTIONS = 50;
const MODULE = 'code-loaded';

/** 50 small functions, `version` and `loop`. */
function source(version: number): string {
  const small = Array.from(
    { length: SMALL_FUNCTIONS },
    (_, at) =>
      `export function f${at + 1}(x: number): number { return x * ${at + 1} + ${version}; }`,
  );
  return `import { receive, send, type Pid } from 'tsvm';
import * as me from './${MODULE}.js';
type Call = readonly ['call', Pid<readonly [number, number, number]>, number, number];
${small.join('\n')}
export function version(): number { return ${version}; }
export async function loop(): Promise<never> {
  const [, from, ref, x] = await receive<Call>();
  send(from, [ref, ${version}, me.f7(x)] as const);
  return await me.loop();
}
`;
}

/** `params.versions` builds, of the versions 1, 2, 3 … */
export async function codeLoadBuilds(params: Params): Promise<readonly string[]> {
  const builds: string[] = [];
  for (let version = 1; version <= (params['versions'] ?? 0); version++) {
    const module = await compile(source(version), { name: MODULE, file: `/${MODULE}.ts` });
    builds.push(formatBuild(module, { out: '/', modules: '/' }));
  }
  return builds;
}
