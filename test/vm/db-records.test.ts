/** Records of tables: what a Standard Schema refuses, and more of them than memory holds. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { section, startTestVm } from '../support/section.js';

type Sections = Pick<
  typeof import('../otp/modules/db-records.js'),
  's17_validated' | 's17_validated_asynchronously' | 's17_validated_by_migrate'
>;

section<Sections>('db-records', {
  s17_validated:
    'schema: a record that does not fit: refused at the write, with what is wrong where',
  s17_validated_asynchronously: 'schema: it is asynchronous: refused, for a write cannot wait',
  s17_validated_by_migrate: 'schema: upgrade makes what does not fit: the table is as it was',
});

const ROWS = 24_000;
const UNITS = 2800;
/** A process that keeps all rows ends its thread with this: they are more, and so is what V8 allows beyond it. */
const HEAP_MB = 32;

test('rows: 24,000 of them, more than the heap holds: gone over in bounded memory', async () => {
  const data = await mkdtemp(join(tmpdir(), 'tsvm-rows-'));
  const vm = await startTestVm({ data, schedulerHeapMb: HEAP_MB });
  try {
    await vm.run('db-records', 'fill', [ROWS, UNITS]);
    expect(await vm.run('db-records', 'stream')).toEqual([ROWS, ROWS, ROWS - 1500]);
  } finally {
    await vm.stop();
    await rm(data, { recursive: true, force: true });
  }
}, 240_000);
