import { once } from 'node:events';
import { MessageChannel, Worker } from 'node:worker_threads';
import { build } from 'esbuild';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Lane } from '../../runtime/lane.js';
import { ringByteLength } from '../../runtime/ring.js';
import { RingReader } from '../../runtime/ring-reader.js';
import { RingWriter } from '../../runtime/ring-writer.js';
import { ringPair } from './ring-pair.js';

test('ring: frames of any size pass a tiny ring in order', () => {
  const payload = fc.oneof(
    fc.integer(),
    fc.string({ maxLength: 300 }),
    fc.array(fc.integer(), { maxLength: 120 }),
    fc.constant(new Map([['on the lane', 1]])),
  );
  const step = fc.oneof(
    fc.record({ kind: fc.constant('write' as const), payload }),
    fc.record({ kind: fc.constant('read' as const), count: fc.nat(5) }),
    fc.record({ kind: fc.constant('flush' as const) }),
    fc.record({ kind: fc.constant('pump' as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const { writer, reader, drain, close } = ringPair(256);
      const written: unknown[] = [];
      const seen: unknown[] = [];
      for (const next of steps) {
        if (next.kind === 'write') {
          writer.write(written.length & 255, written.length, 'b', null, next.payload);
          written.push(next.payload);
        } else if (next.kind === 'read') {
          reader.read((op, a, _b, _c, got) => {
            expect([op, a]).toEqual([seen.length & 255, seen.length]);
            seen.push(got);
          }, next.count);
        } else if (next.kind === 'flush') writer.flush();
        else writer.pump();
      }
      for (const frame of drain()) seen.push(frame.terms[3]);
      expect(seen).toEqual(written);
      expect(writer.backlogBytes).toBe(0);
      expect(reader.available).toBe(false);
      close();
    }),
    { numRuns: 300 },
  );
});

test('ring: nothing is seen before flush', () => {
  const { writer, reader, close } = ringPair();
  writer.write(7, 1, 2, 3, 4);
  expect(reader.available).toBe(false);
  expect(reader.read(() => {}, 10)).toBe(0);
  writer.flush();
  expect(reader.available).toBe(true);
  const got: unknown[] = [];
  expect(reader.read((...frame) => got.push(frame), 10)).toBe(1);
  expect(got).toEqual([[7, 1, 2, 3, 4]]);
  close();
});

test('ring: when it is full, frames wait in the backlog and keep their order', () => {
  const { writer, reader, drain, close } = ringPair(256);
  for (let index = 0; index < 1000; index += 1) writer.write(1, index, 0, 0, 0);
  expect(writer.backlogBytes).toBeGreaterThan(0);
  expect(writer.pump()).toBe(false);
  expect(drain().map((frame) => frame.terms[0])).toEqual([...Array(1000).keys()]);
  expect(writer.backlogBytes).toBe(0);
  expect(reader.read(() => {}, 1)).toBe(0);
  close();
});

test('ring: binary data that the peer does not take counts as backlog', () => {
  const { writer, drain, close } = ringPair();
  for (let index = 0; index < 40; index += 1) {
    writer.write(1, 0, 0, 0, ['big', new Uint8Array(1 << 20)]);
  }
  expect(writer.backlogBytes).toBeGreaterThan(1 << 20);
  writer.flush();
  expect(drain().length).toBe(40);
  expect(writer.backlogBytes).toBe(0);
  close();
});

test('ring: a frame whose handler throws is consumed, the next one comes', () => {
  const { writer, reader, close } = ringPair();
  for (const n of [1, 2, 3]) writer.write(1, n, 0, 0, 0);
  writer.flush();
  const seen: unknown[] = [];
  const handler = (_op: number, n: unknown): void => {
    seen.push(n);
    if (n === 2) throw new Error('handler');
  };
  expect(() => reader.read(handler, 10)).toThrow('handler');
  expect(reader.read(handler, 10)).toBe(1);
  expect(seen).toEqual([1, 2, 3]);
  close();
});

test('ring: reading from within a handler does nothing', () => {
  const { writer, reader, close } = ringPair();
  for (const n of [1, 2]) writer.write(1, n, 0, 0, 0);
  writer.flush();
  const seen: unknown[] = [];
  const handler = (_op: number, n: unknown): void => {
    expect(reader.read(handler, 10)).toBe(0);
    seen.push(n);
  };
  expect(reader.read(handler, 10)).toBe(2);
  expect(seen).toEqual([1, 2]);
  close();
});

test('ring: after close what was written is read, then the ring has ended', () => {
  const { writer, reader, close } = ringPair();
  writer.write(1, 'last', 0, 0, 0);
  writer.close();
  expect(reader.ended).toBe(false);
  expect(reader.read(() => {}, 10)).toBe(1);
  expect(reader.ended).toBe(true);
  close();
});

test('lane: messages that the event loop took and wake-ups do not disturb the order', async () => {
  const buffer = new SharedArrayBuffer(ringByteLength(4096));
  const { port1, port2 } = new MessageChannel();
  const [out, back] = [new Lane(port1), new Lane(port2)];
  const [writer, reader] = [new RingWriter(buffer, out), new RingReader(buffer, back)];
  const woken = new Promise<void>((resolve) => back.onWake(resolve));
  writer.write(1, 0, 0, 0, new Map([[0, 0]]));
  out.wake();
  await woken;
  writer.write(1, 0, 0, 0, /1/);
  out.wake();
  writer.write(1, 0, 0, 0, /2/);
  writer.flush();
  const seen: unknown[] = [];
  reader.read((_op, _a, _b, _c, payload) => seen.push(payload), 10);
  expect(seen).toEqual([new Map([[0, 0]]), /1/, /2/]);
  port1.close();
});

test('ring: two threads, every frame arrives once, whole and in order', async () => {
  const bundle = await build({
    stdin: {
      contents: `
        import { parentPort, workerData } from 'node:worker_threads';
        import { Lane } from './runtime/lane.ts';
        import { RingReader } from './runtime/ring-reader.ts';
        import { RingWriter } from './runtime/ring-writer.ts';
        const lane = new Lane(workerData.port);
        const reader = new RingReader(workerData.inbound, lane);
        const writer = new RingWriter(workerData.outbound, lane);
        const idle = new Int32Array(new SharedArrayBuffer(4));
        for (let next = 0; next < workerData.count; ) {
          const count = reader.read((op, a, b, c, payload) => {
            writer.write(op, a, b, c, payload);
          }, 64);
          writer.pump();
          next += count;
          if (count === 0) Atomics.wait(idle, 0, 0, 0.02);
        }
        while (!writer.pump());
        writer.close();
        parentPort.once('message', () => workerData.port.close());`,
      resolveDir: process.cwd(),
      loader: 'ts',
    },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
  });
  for (const dataBytes of [2048, 1 << 16]) {
    const count = dataBytes === 2048 ? 10_000 : 50_000;
    const there = new SharedArrayBuffer(ringByteLength(dataBytes));
    const back = new SharedArrayBuffer(ringByteLength(dataBytes));
    const { port1, port2 } = new MessageChannel();
    const worker = new Worker(bundle.outputFiles[0]?.text ?? '', {
      eval: true,
      workerData: { inbound: there, outbound: back, port: port2, count },
      transferList: [port2],
    });
    const lane = new Lane(port1);
    const writer = new RingWriter(there, lane);
    const reader = new RingReader(back, lane);
    const idle = new Int32Array(new SharedArrayBuffer(4));
    let received = 0;
    let waits = 0;
    const check = (op: number, a: unknown, b: unknown, c: unknown, payload: unknown): void => {
      expect([op, a, b]).toStrictEqual([received & 255, received, `pid ${received % 100}`]);
      expect(c).toStrictEqual(extra(received));
      expect(payload).toStrictEqual({ type: 'stress', n: received, list: [received, 'x'] });
      received += 1;
    };
    // Other threads want this core too: whoever has nothing to do lets them.
    const exchange = (): void => {
      writer.pump();
      if (reader.read(check, 64) === 0) Atomics.wait(idle, 0, 0, 0.02);
    };
    for (let n = 0; n < count; n += 1) {
      const payload = { type: 'stress', n, list: [n, 'x'] };
      writer.write(n & 255, n, `pid ${n % 100}`, extra(n), payload);
      // Only a full ring shows that positions wrap and that the backlog keeps the order.
      while (writer.backlogBytes > 4096) {
        waits += 1;
        exchange();
      }
    }
    while (received < count) exchange();
    expect(waits).toBeGreaterThan(0);
    worker.postMessage('done');
    await once(worker, 'exit');
  }
});

/** Now and then something that goes by the lane, or that is longer than the ring's frames. */
function extra(n: number): unknown {
  if (n % 1000 === 7) return [new RegExp(`${n}`), new Map([[n, { n }]])];
  if (n % 500 === 3) return Array.from({ length: 300 }, (_, index) => n * index);
  return n % 3 === 0 ? null : `text ${n}`;
}
