/** Builds of a module in several versions, for the tests of code replacement. */

import { formatBuild } from '../../loader/build-file.js';
import { compile } from '../../loader/compile.js';
import { MODULES } from '../support/section.js';
import type { Versions } from './modules/code-replacement.js';

/** In version `n + 1`; the last has an `onLoad` that does what the process `code_test` tells it. */
const source = (name: string, n: number): string => `
import { code, fn, hibernate, receive, self, send, sleep, spawn, type Pid } from 'tsvm';
import * as me from './${name}.js';
import { drains, waits } from './code-replacement.js';

const V = ${n + 1};
interface Asked { readonly what: string; readonly from: Pid }

export const v = (): number => V;
export async function vAsync(): Promise<number> { return V; }
${n === 0 ? 'export const onlyInTheFirst = (): number => V;' : ''}

async function reply({ what, from }: Asked): Promise<void> {
  if (what === 'purge') await code.purge('${name}');
  const answer = what === 'qualified' ? attempt(() => me.v()) : what === 'qualifiedAsync' ? await me.vAsync() : V;
  send(from, { answer });
}

function attempt(fn: () => unknown): unknown {
  try { return fn(); } catch (error) { return (error as { reason?: unknown }).reason; }
}

export async function once(): Promise<void> { await reply(await receive<Asked>()); }
export async function loop(): Promise<never> { await reply(await receive<Asked>()); return await me.loop(); }
export async function hibernates(): Promise<never> { await reply(await receive<Asked>()); for (;;) await hibernate(me.hibernates); }
export async function purgesItself(_name: string): Promise<void> { for (;;) await reply(await receive<Asked>()); }

export async function stay(report?: Pid): Promise<never> {
  if (report !== undefined) send(report, 'stay');
  for (;;) await reply(await receive<Asked>());
}
export async function awaitsAnother(report: Pid): Promise<void> {
  send(report, 'awaitsAnother');
  await waits();
  v();
}
export async function sleeps(report: Pid): Promise<void> {
  send(report, 'sleeps');
  await sleep(1e8);
}
export async function awaitsNative(report: Pid): Promise<void> {
  send(report, 'awaitsNative');
  await new Promise(() => {});
}
export async function floats(report: Pid): Promise<unknown> {
  send(report, 'floats');
  void waitsHere();
  return await waits();
}
async function waitsHere(): Promise<void> {
  await receive((message) => message === 'never');
}
export async function receivesTwice(report: Pid): Promise<unknown> {
  const both = [waitsHere(), waitsHere()];
  send(report, 'receivesTwice');
  void both[0];
  return await waits();
}
async function* values(report: Pid): AsyncGenerator<number> {
  send(report, 'inGenerator');
  yield 1;
  await sleep(1e8);
}
export async function inGenerator(report: Pid): Promise<void> { return await drains(values(report)); }
export async function inNested(report: Pid): Promise<number> {
  const nested = async (): Promise<number> => {
    send(report, 'inNested');
    await waits();
    return report.length;
  };
  return await nested();
}
export function spins(report: Pid): void {
  send(report, 'spins');
  for (;;);
}
function spin(): void { for (;;); }
export async function spinsBelow(report: Pid): Promise<void> {
  send(report, 'spinsBelow');
  await sleep(0);
  [1].forEach(spin);
}

export const closure = (): (() => number) => () => V;
export const lifted = (): (() => number) => fn(() => V);
export function* generator(): Generator<number> { yield 1; yield 2; yield 3; }

${
  n === 3
    ? `export async function onLoad(): Promise<string> {
  send('code_test', { hook: 'runs', from: self() });
  for (;;) {
    const what = await receive<string>();
    if (what === 'ok') return 'ok';
    if (what === 'no') return 'no';
    if (what === 'throw') throw new Error('not today');
    if (what === 'exit') { const { exit } = await import('tsvm'); exit('gone'); }
    if (what === 'spawn') send('code_test', { child: spawn(stay) });
  }
}`
    : ''
}
`;

let made = 0;

/** Four versions of a module that nobody else has. */
export async function freshVersions(): Promise<Versions> {
  made += 1;
  const name = `versioned-${made}`;
  const builds = await Promise.all(
    [0, 1, 2, 3].map(async (n) => {
      const module = await compile(source(name, n), { name, file: `${MODULES}/${name}.ts` });
      return formatBuild(module, { out: MODULES, modules: MODULES });
    }),
  );
  return { name, builds };
}
