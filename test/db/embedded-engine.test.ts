/** The embedded engine keeps the contract: two hands on one storage thread, as two schedulers have. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
// The storage thread is a file of the built package.
import { EmbeddedEngine } from '../../dist/runtime/db/embedded-engine.js';
import { StorageHost } from '../../dist/runtime/vm/storage-host.js';
import { engineContract } from './engine-contract.js';

const data = mkdtempSync(join(tmpdir(), 'tsvm-engine-'));
afterAll(() => rmSync(data, { recursive: true, force: true }));

engineContract('embedded', async () => {
  const host = new StorageHost({
    data,
    warn: (text) => {
      throw new Error(text);
    },
  });
  const hand = async (life: number): Promise<EmbeddedEngine> =>
    new EmbeddedEngine(await host.attach(life), life);
  return { hands: [await hand(1), await hand(2)], stop: () => host.close() };
});
