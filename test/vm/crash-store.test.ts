/** The crash store on disk: what it holds after any end of its writer and any damage. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { CrashReport, CrashSignature } from '../../runtime/hosting.js';
import { CrashHistory } from '../../runtime/vm/crash-history.js';
import { decodeRecords, encodeRecord, type StoreRecord } from '../../runtime/vm/crash-record.js';
import { CrashSampling, CrashTally } from '../../runtime/vm/crash-sampling.js';
import { crashFolder, segmentPath } from '../../runtime/vm/crash-segments.js';
import { CrashStore } from '../../runtime/vm/crash-store.js';

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tsvm-crash-store-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const HERE: CrashSignature = { reasonClass: 'RangeError', place: '/app/room.ts:1:2' };

function report(time: number, signature: CrashSignature = HERE): CrashReport {
  return {
    time,
    signature,
    module: 'room',
    version: 'abc',
    pid: '<n.1.1>' as CrashReport['pid'],
    scheduler: 1,
    initialCall: 'room.start',
    name: null,
    label: undefined,
    parent: null,
    reason: { kind: 'error', name: 'RangeError', message: 'too far – ünïcode\n', stack: '' },
    ancestors: [],
    trapExit: false,
    details: { big: 12n, none: Number.NaN, list: [undefined] },
    neighbours: [],
    messageQueueLength: 0,
    messages: [],
    links: [],
    linkCount: 0,
    dictionary: [],
    reductions: 7,
  };
}

async function open(data: string, problems: string[] = []): Promise<CrashStore> {
  const onProblem = (text: string): void => void problems.push(text);
  return await CrashStore.open({ data, node: 'n', frameOf: () => '> 1 | x', onProblem });
}

async function timesIn(data: string): Promise<number[]> {
  const times: number[] = [];
  for await (const found of new CrashHistory(data).reports()) times.push(found.report.time);
  return times;
}

/** A segment as a killed machine leaves it: three reports, no end. */
async function killedSegment(data: string): Promise<string> {
  const store = await open(data);
  for (const time of [1000, 2000, 3000]) store.add([report(time)], []);
  return segmentPath(crashFolder(data), 1);
}

describe('records', () => {
  const records: StoreRecord[] = [1, 2, 3].map((at) => ({
    type: 'crash',
    id: `1-${at}`,
    group: '00000000',
    frame: null,
    report: report(at),
  }));
  const lines = records.map(encodeRecord);
  const bytes = Buffer.concat(lines);
  const idsIn = (data: Buffer): string[] =>
    [...decodeRecords(data)].flatMap(({ record }) => (record as { id?: string } | null)?.id ?? []);

  test('a file cut anywhere gives every record before the cut, and calls the rest damaged', () => {
    for (let size = 0; size <= bytes.length; size++) {
      const whole = Math.floor(size / (lines[0] as Buffer).length);
      expect(idsIn(bytes.subarray(0, size))).toEqual(['1-1', '1-2', '1-3'].slice(0, whole));
      const found = [...decodeRecords(bytes.subarray(0, size))];
      expect(found.reduce((sum, { from, to }) => sum + to - from, 0)).toBe(size);
    }
  });

  test('a flipped bit anywhere costs the records that it touches and no other', () => {
    const length = (lines[0] as Buffer).length;
    for (let at = 0; at < bytes.length; at++) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] as number) ^ (1 << (at % 8));
      const found = idsIn(flipped);
      const touched = Math.floor(at / length);
      // The line feed ends one line and begins the next.
      const lost = (at + 1) % length === 0 ? [touched, touched + 1] : [touched];
      const expected = ['1-1', '1-2', '1-3'].filter((_, one) => !lost.includes(one));
      expect(found).toEqual(expected);
    }
  });

  test('what JSON has no word for becomes text', () => {
    const [found] = decodeRecords(lines[0] as Buffer);
    const details = { big: '12n', none: 'NaN', list: ['(undefined)'] };
    expect(found?.record).toMatchObject({ report: { details } });
  });
});

describe('repair', () => {
  test('a whole end without its mark is nobody’s fault: nothing is said, nothing is lost', async () => {
    const data = temporaryFolder();
    await killedSegment(data);
    const store = await open(data);
    expect(store.repairs).toEqual([]);
    expect(await timesIn(data)).toEqual([1000, 2000, 3000]);
  });

  test('a cut tail is cut back to the last whole record, kept beside it, and said once', async () => {
    const data = temporaryFolder();
    const file = await killedSegment(data);
    const size = readFileSync(file).length;
    truncateSync(file, size - 10);
    const { repairs } = await open(data);
    expect(repairs).toMatchObject([{ file, bytes: expect.any(Number) }]);
    const kept = readFileSync(join(crashFolder(data), '000001.damaged'));
    expect(kept.length).toBe(repairs[0]?.bytes);
    expect(await timesIn(data)).toEqual([1000, 2000]);
    expect((await open(data)).repairs).toEqual([]);
  });

  test('a tail with a flipped bit, or with zeros behind it as a disk leaves them', async () => {
    for (const damage of [
      (file: string) => {
        const bytes = readFileSync(file);
        const at = bytes.length - 20;
        bytes[at] = (bytes[at] as number) ^ 4;
        writeFileSync(file, bytes);
        return [1000, 2000];
      },
      (file: string) => {
        appendFileSync(file, Buffer.alloc(5000));
        return [1000, 2000, 3000];
      },
    ]) {
      const data = temporaryFolder();
      const expected = damage(await killedSegment(data));
      const store = await open(data);
      expect(store.repairs).toHaveLength(1);
      store.add([report(4000)], []);
      store.close();
      const history = new CrashHistory(data);
      const times = [];
      for await (const found of history.reports()) times.push(found.report.time);
      expect(times).toEqual([...expected, 4000]);
      expect(history.damages).toEqual([]);
      expect(readdirSync(crashFolder(data)).sort()).toEqual([
        '000001.crashes',
        '000001.damaged',
        '000002.crashes',
      ]);
    }
  });

  test('damage in the middle stays, and every reading says so', async () => {
    const data = temporaryFolder();
    const store = await open(data);
    for (const time of [1000, 2000, 3000]) store.add([report(time)], []);
    store.close();
    const file = segmentPath(crashFolder(data), 1);
    const bytes = readFileSync(file);
    const at = bytes.indexOf('"time":2000');
    bytes[at] = (bytes[at] as number) ^ 1;
    writeFileSync(file, bytes);
    expect((await open(data)).repairs).toEqual([]);
    const history = new CrashHistory(data);
    expect((await history.groups())[0]).toMatchObject({ count: 2, reports: 2 });
    expect(history.damages).toMatchObject([{ file }]);
  });
});

test('kill -9 while it writes: whatever was said to be kept is kept', async () => {
  const data = temporaryFolder();
  const dist = fileURLToPath(new URL('../../dist/runtime/vm/crash-store.js', import.meta.url));
  const script = `
    const { CrashStore } = await import(${JSON.stringify(dist)});
    const store = await CrashStore.open({
      data: ${JSON.stringify(data)}, node: 'n', frameOf: () => null, onProblem: () => {},
    });
    const signature = { reasonClass: 'Error', place: 'x:1:1' };
    for (let n = 1; ; n++) {
      const text = 'x'.repeat(Math.random() * 50_000);
      store.add([{ time: n, signature, text }], [{ signature, count: 10, first: n, last: n }]);
      process.stdout.write(n + '\\n');
      await new Promise((resolve) => setImmediate(resolve));
    }`;
  let total = 0;
  for (let round = 1; round <= 4; round++) {
    const child: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', script]);
    let said = '';
    child.stdout?.on('data', (text: Buffer) => {
      said += text.toString();
      if (said.split('\n').length > 20 * round) child.kill('SIGKILL');
    });
    const [, signal] = (await once(child, 'close')) as [unknown, string];
    expect(signal).toBe('SIGKILL');
    const kept = Number(said.trimEnd().split('\n').at(-1));
    expect(kept).toBeGreaterThan(10);
    const history = new CrashHistory(data);
    const [group] = await history.groups();
    const crashes = (group?.count ?? 0) - total;
    // One batch more than was said may be written, and half of it: a report without its count.
    expect([kept * 11, kept * 11 + 1, (kept + 1) * 11]).toContain(crashes);
    total += crashes;
  }
  await open(data);
  const [group] = await new CrashHistory(data).groups();
  expect(group?.count).toBe(total);
});

test('a disk that takes nothing: said once, counted, and written when it takes something', async () => {
  const data = temporaryFolder();
  const problems: string[] = [];
  const store = await open(data, problems);
  const folder = crashFolder(data);
  renameSync(folder, `${folder}-away`);
  writeFileSync(folder, 'a file');
  store.add([report(1), report(2)], [{ signature: HERE, count: 40, first: 3, last: 4 }]);
  store.add([report(5)], []);
  expect(problems).toEqual([expect.stringContaining('cannot be kept')]);
  rmSync(folder);
  mkdirSync(folder);
  store.add([report(6)], []);
  store.close();
  expect(problems).toEqual([expect.anything(), expect.stringContaining('are kept again')]);
  const [group] = await new CrashHistory(data).groups();
  expect(group).toMatchObject({ count: 44, reports: 1, first: 1, last: 6 });
});

test('two stores in one folder write segments of their own', async () => {
  const data = temporaryFolder();
  const [one, two] = [await open(data), await open(data)];
  for (const time of [1, 2, 3]) {
    one.add([report(time)], []);
    two.add([report(time + 10)], []);
  }
  one.close();
  two.close();
  expect((await timesIn(data)).sort((a, b) => a - b)).toEqual([1, 2, 3, 11, 12, 13]);
  expect((await new CrashHistory(data).find('2-3'))?.report.time).toBe(13);
});

test('a full segment is followed by the next', async () => {
  const data = temporaryFolder();
  const store = await open(data);
  const big = { ...report(1), messages: ['x'.repeat(1_000_000)] };
  for (let at = 0; at < 20; at++) store.add([big], []);
  store.close();
  expect(readdirSync(crashFolder(data))).toEqual(['000001.crashes', '000002.crashes']);
  expect((await new CrashHistory(data).groups())[0]?.count).toBe(20);
});

describe('sampling', () => {
  test('of equal crashes a hundred at once, then one a second; others are not kept from theirs', () => {
    const sampling = new CrashSampling();
    const admitted = (signature: CrashSignature, now: number): number =>
      Array.from({ length: 500 }, () => sampling.admits(signature, now)).filter(Boolean).length;
    expect(admitted(HERE, 0)).toBe(100);
    expect(admitted({ ...HERE, place: 'elsewhere' }, 0)).toBe(100);
    expect(admitted(HERE, 3000)).toBe(3);
    expect(admitted(HERE, 2000)).toBe(0);
    expect(admitted(HERE, 1_000_000)).toBe(100);
  });

  test('a tally is exact and bounded, however many kinds there are', () => {
    const tally = new CrashTally();
    for (let at = 0; at < 30_000; at++) {
      const signature = { reasonClass: 'Error', place: `x:${at % 3000}:1` };
      tally.add({ signature, count: 1, first: at, last: at });
    }
    const counted = tally.counted();
    expect(counted).toHaveLength(1001);
    expect(counted.reduce((sum, { count }) => sum + count, 0)).toBe(30_000);
    expect(counted.find(({ signature }) => signature.place === '(several)')?.count).toBe(20_000);
  });
});
