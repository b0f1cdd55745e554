/** Processes that fail, by thousands, and one that must not notice. */
import { type Call, crashDetails, dictionary, receive, reply, sleep, spawn } from 'tsvm';
import { spawn as procLibSpawn } from 'tsvm/proc-lib';
import * as storm from './storm.js';

export async function fail(kind: number): Promise<never> {
  await sleep(0);
  if (kind === 0) throw new RangeError(`too far, number ${Math.random()}`); // PLACE
  if (kind === 1) throw 'nothing';
  throw new TypeError('secret=hunter2');
}

/** In groups, so that the machine is not asked to hold all of them at once. */
export async function rage(count: number): Promise<number> {
  for (let at = 0; at < count; at++) {
    spawn(storm.fail, at % 3);
    if (at % 1000 === 999) await sleep(1);
  }
  return count;
}

export async function echo(): Promise<never> {
  for (;;) {
    const { from, request } = await receive<Call<number, number>>();
    reply(from, request);
  }
}

export async function secretive(): Promise<void> {
  procLibSpawn(storm.withSecrets);
  await sleep(50);
}

/** Made here, so that the lines of source in the report do not hold them. */
const secret = (name: string): string => `${name}-${100 + 23}`;

export async function withSecrets(): Promise<never> {
  dictionary.put('api_key', secret('k'));
  crashDetails({
    module: 'storm',
    state: {
      dbPassword: secret('p'),
      ssn: secret('s'),
      list: [['token', secret('t')]],
      shown: 'open',
    },
  });
  throw new Error(`cannot log in with password=${secret('p')}, ok`, {
    cause: new Error(`Authorization: Bearer ${secret('b')}`),
  });
}
