/**
 * The other thread of a floor: answers over the raw port of its Worker, as its role says.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { type BigMap, maps100, sumOf } from '../workloads/big-term.js';
import { CREDIT_RETURNED, type Role } from './threads.js';

if (parentPort === null) throw new Error('peer.js runs in a worker thread only');
const port = parentPort;

type Trip = readonly [string, number];
type Big = readonly [string, readonly BigMap[] | Uint8Array];

function echo([, i]: Trip): void {
  port.postMessage(['pong', i]);
}

let left = CREDIT_RETURNED;

function consume([, i]: Trip): void {
  if (--left > 0 && i > 1) return;
  port.postMessage(['credit', CREDIT_RETURNED - left]);
  left = CREDIT_RETURNED;
}

const expected = sumOf(maps100());

function acknowledge([, term]: Big): void {
  const right = term instanceof Uint8Array ? term[0] === term.at(-1) : sumOf(term) === expected;
  if (!right) throw new Error('the message is not what was sent');
  port.postMessage('ack');
}

const rows = new Map<number, readonly unknown[]>();

/** A row is to be kept, a key to be answered with its row. */
function keep(message: number | readonly [number, ...unknown[]]): void {
  if (typeof message === 'number') port.postMessage(rows.get(message));
  else rows.set(message[0], message);
}

const roles = { echo, consume, acknowledge, rows: keep };
port.on('message', roles[workerData as Role]);
