/**
 * The versions that code_load and hot_load load: compiled here, before any clock runs, and held as the texts of builds.
 */
import { formatBuild } from '../loader/build-file.js';
import { compile } from '../loader/compile.js';
import type { Params } from './sampling.js';

const SMALL_FUNCTIONS = 50;
export const MODULE = 'code-loaded';

/** How a process waits for its next call: in a frame of its version, or in none. */
const WAITS = {
  receive: 'return await me.loop();',
  hibernate: 'return await hibernate(me.loop);',
} as const;

/** 50 small functions, `version` and `loop`. */
function source(version: number, wait: keyof typeof WAITS): string {
  const small = Array.from(
    { length: SMALL_FUNCTIONS },
    (_, at) =>
      `export function f${at + 1}(x: number): number { return x * ${at + 1} + ${version}; }`,
  );
  return `import { hibernate, receive, send, type Pid } from 'tsvm';
import * as me from './${MODULE}.js';
type Call = readonly ['call', Pid<readonly [number, number, number]>, number, number];
${small.join('\n')}
export function version(): number { return ${version}; }
export async function loop(): Promise<never> {
  const [, from, ref, x] = await receive<Call>();
  send(from, [ref, ${version}, me.f7(x)] as const);
  ${WAITS[wait]}
}
`;
}

/** `params.versions` builds, of the versions 1, 2, 3 … */
export async function codeLoadBuilds(
  params: Params,
  wait: keyof typeof WAITS = 'receive',
): Promise<readonly string[]> {
  const builds: string[] = [];
  for (let version = 1; version <= (params['versions'] ?? 0); version++) {
    const module = await compile(source(version, wait), { name: MODULE, file: `/${MODULE}.ts` });
    builds.push(formatBuild(module, { out: '/', modules: '/' }));
  }
  return builds;
}
