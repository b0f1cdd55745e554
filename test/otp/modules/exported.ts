/** Exported functions and modules in messages: they go by name, and arrive as what the name means. */
import assert from 'node:assert/strict';
import { exportName, freeze, type Pid, receive, self, send, spawnOpt } from 'tsvm';
import * as exported from './exported.js';
import { take } from './support.js';

export const greet = (name: string): string => `hello ${name}`;

interface Tools {
  readonly module: typeof exported;
  readonly fn: typeof greet;
  readonly more: Map<string, typeof greet>;
}

/** Calls what it is sent, and sends the tools back. */
export async function worker(report: Pid): Promise<void> {
  const { module, fn, more } = await receive<Tools>();
  const said = [module.greet('a'), fn('b'), more.get('c')?.('c')];
  send(report, { said, same: module === exported, fn, module });
}

async function sendTools(peer: number, tools: Tools): Promise<void> {
  const pid: Pid<Tools> = spawnOpt({ scheduler: peer }, worker, self());
  send(pid, tools);
  const answer = await take<Record<string, unknown>>(() => true, 'answer');
  assert.deepEqual(answer['said'], ['hello a', 'hello b', 'hello c']);
  assert.equal(answer['same'], true);
  assert.deepEqual(exportName(answer['fn']), { module: 'exported', name: 'greet' });
  assert.equal(answer['module'], exported);
}

export async function s1_5_code_goes_by_name(peer: number): Promise<void> {
  await sendTools(peer, { module: exported, fn: greet, more: new Map([['c', greet]]) });
}

export async function s1_5_code_in_a_spawn(peer: number): Promise<void> {
  spawnOpt({ scheduler: peer }, starter, exported, greet, self());
  assert.equal(await take(() => true, 'answer'), 'hello x, hello y');
}

export function starter(module: typeof exported, fn: typeof greet, report: Pid): void {
  send(report, `${module.greet('x')}, ${fn('y')}`);
}

export async function s1_5_frozen_code(peer: number): Promise<void> {
  const list = freeze({ module: exported, fn: greet });
  assert.equal(Object.isFrozen(exported), false);
  spawnOpt({ scheduler: peer }, frozenWorker, list, self());
  assert.equal(await take(() => true, 'answer'), 'hello x, hello y');
}

export function frozenWorker(list: { module: typeof exported; fn: typeof greet }, to: Pid): void {
  send(to, `${list.module.greet('x')}, ${list.fn('y')}`);
}

export async function s1_5_code_beside_binary_data(peer: number): Promise<void> {
  const bytes = new Uint8Array([7]);
  spawnOpt({ scheduler: peer }, binaryWorker, { module: exported, bytes, fn: greet }, self());
  assert.equal(await take(() => true, 'answer'), 'hello 7, hello y');
}

export function binaryWorker(
  { module, bytes, fn }: { module: typeof exported; bytes: Uint8Array; fn: typeof greet },
  to: Pid,
): void {
  send(to, `${module.greet(String(bytes[0]))}, ${fn('y')}`);
}

export async function s8_2_names_of_code(): Promise<void> {
  assert.deepEqual(exportName(greet), { module: 'exported', name: 'greet' });
  assert.deepEqual(exportName(exported), { module: 'exported', name: null });
  assert.equal(exportName({}), undefined);
  assert.equal(
    exportName(() => {}),
    undefined,
  );
}
