import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ControlServer } from '../../runtime/vm/control-socket.js';
import { DataFolder, DataFolderInUseError, findMachine } from '../../runtime/vm/data-folder.js';
import { temporaryFolder } from './support.js';

/** As a machine does it: listen, then claim. */
async function machineIn(path: string): Promise<DataFolder> {
  const folder = await DataFolder.open(path);
  const server = await ControlServer.listen(folder.socket, {});
  onTestFinished(() => server.close());
  try {
    await folder.claim('0.0.0');
  } catch (error) {
    server.close();
    throw error;
  }
  return folder;
}

test('data folder: of many that find a dead claim at once, one gets the folder', async () => {
  const path = await temporaryFolder();
  await DataFolder.open(path);
  const dead = {
    pid: 1,
    since: new Date(0).toISOString(),
    socket: join(path, 'none.sock'),
    version: '',
  };
  await writeFile(join(path, 'run', 'machine.7.json'), JSON.stringify(dead));
  expect(await findMachine(path)).toBeNull();
  const results = await Promise.allSettled(Array.from({ length: 20 }, () => machineIn(path)));
  const refused = results.filter((result) => result.status === 'rejected');
  expect(refused).toHaveLength(19);
  for (const { reason } of refused) expect(reason).toBeInstanceOf(DataFolderInUseError);
  expect((await readdir(join(path, 'run'))).filter((name) => name.endsWith('.json'))).toEqual([
    'machine.8.json',
  ]);
  expect(await findMachine(path)).toMatchObject({ pid: process.pid });
});

test('data folder: once released it is free, also after a release that was cut off', async () => {
  const path = await temporaryFolder();
  (await machineIn(path)).release();
  expect(await findMachine(path)).toBeNull();
  await writeFile(join(path, 'run', 'machine.1.json'), '{"pid":');
  const folder = await machineIn(path);
  expect(await findMachine(path)).toMatchObject({ socket: folder.socket });
});

test('data folder: a process of the same number is not taken for the dead machine', async () => {
  const path = await temporaryFolder();
  await DataFolder.open(path);
  const other = {
    pid: process.pid,
    since: new Date().toISOString(),
    socket: join(path, 'x.sock'),
    version: '',
  };
  await writeFile(join(path, 'run', 'machine.1.json'), JSON.stringify(other));
  expect(await findMachine(path)).toBeNull();
  await machineIn(path);
});
