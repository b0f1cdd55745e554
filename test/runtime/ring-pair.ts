/** A ring, its lane and both ends, in one thread. */
import { MessageChannel } from 'node:worker_threads';
import { Lane } from '../../runtime/lane.js';
import { ringByteLength } from '../../runtime/ring.js';
import { RingReader } from '../../runtime/ring-reader.js';
import { RingWriter } from '../../runtime/ring-writer.js';

export interface Frame {
  readonly op: number;
  readonly terms: readonly unknown[];
}

export interface RingPair {
  readonly writer: RingWriter;
  readonly reader: RingReader;
  /** Read all that can be read, pumping meanwhile. */
  drain(): Frame[];
  /** Send one payload through and return what arrives. */
  roundTrip(payload: unknown, transfer?: readonly ArrayBuffer[]): unknown;
  close(): void;
}

export function ringPair(dataBytes: number = 1 << 16): RingPair {
  const buffer = new SharedArrayBuffer(ringByteLength(dataBytes));
  const { port1, port2 } = new MessageChannel();
  const writer = new RingWriter(buffer, new Lane(port1));
  const reader = new RingReader(buffer, new Lane(port2));
  const drain = (): Frame[] => {
    const frames: Frame[] = [];
    let before: number;
    do {
      writer.pump();
      before = frames.length;
      reader.read((op, a, b, c, payload) => frames.push({ op, terms: [a, b, c, payload] }), 1e9);
    } while (frames.length > before || writer.backlogBytes > 0);
    return frames;
  };
  return {
    writer,
    reader,
    drain,
    roundTrip(payload, transfer) {
      writer.write(1, 'to', undefined, undefined, payload, transfer);
      const frames = drain();
      if (frames.length !== 1) throw new Error(`expected one frame, got ${frames.length}`);
      return frames[0]?.terms[3];
    },
    close: () => port1.close(),
  };
}
