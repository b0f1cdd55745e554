/** The process dictionary: private to one process, empty at its start. */
import assert from 'node:assert/strict';
import { dictionary, type Pid, processInfo, self, send, spawnOpt, yieldNow } from 'tsvm';
import { ask, Cast, next } from './support.js';

export async function s1_10_put_get_erase(_peer: number): Promise<void> {
  assert.equal(dictionary.get('a'), undefined);
  assert.equal(dictionary.put('a', 1), undefined, 'put returns the previous value');
  assert.equal(dictionary.put('a', 2), 1);
  assert.equal(dictionary.get('a'), 2);
  assert.equal(dictionary.erase('a'), 2);
  assert.equal(dictionary.erase('a'), undefined);
  assert.equal(dictionary.get('a'), undefined);
}

export async function s1_10_keys_and_entries(_peer: number): Promise<void> {
  assert.deepEqual(dictionary.keys(), []);
  assert.deepEqual(dictionary.entries(), []);
  dictionary.put('a', 1);
  dictionary.put('b', [2]);
  assert.deepEqual([...dictionary.keys()].sort(), ['a', 'b']);
  assert.deepEqual([...dictionary.entries()].sort(), [
    ['a', 1],
    ['b', [2]],
  ]);
  dictionary.erase('a');
  assert.deepEqual(dictionary.keys(), ['b']);
}

export async function s1_10_names_of_object_members_are_ordinary_keys(
  _peer: number,
): Promise<void> {
  for (const key of ['__proto__', 'constructor', 'toString', '']) {
    assert.equal(dictionary.get(key), undefined);
    dictionary.put(key, key.length);
    assert.equal(dictionary.get(key), key.length);
  }
  assert.equal(dictionary.keys().length, 4);
}

export async function s1_10_each_process_has_its_own(peer: number): Promise<void> {
  const cast = new Cast(peer);
  const [near, far] = [cast.near(), cast.puppet()];
  dictionary.put('who', 'test');
  await ask(near, 'put', 'who', 'near');
  await ask(far, 'put', 'who', 'far');
  assert.equal(dictionary.get('who'), 'test');
  assert.equal(await ask(near, 'get', 'who'), 'near');
  assert.equal(await ask(far, 'get', 'who'), 'far');
  assert.deepEqual((await processInfo(far))?.dictionary, [['who', 'far']]);
  await cast.end();
}

/** Counts in its dictionary over many turns. */
export async function counts(report: Pid, to: number): Promise<void> {
  for (let n = 0; n < to; n++) {
    dictionary.put('count', ((dictionary.get('count') as number | undefined) ?? 0) + 1);
    await yieldNow();
  }
  send(report, dictionary.get('count'));
}

export async function s1_10_interleaved_processes_do_not_mix_theirs(peer: number): Promise<void> {
  for (let n = 1; n <= 20; n++) spawnOpt({ scheduler: peer }, counts, self(), n);
  const got: number[] = [];
  for (let n = 1; n <= 20; n++) got.push((await next()) as number);
  assert.deepEqual(
    got.sort((a, b) => a - b),
    Array.from({ length: 20 }, (_, n) => n + 1),
  );
}
