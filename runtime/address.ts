/**
 * Addresses: how pids and references are written and read.
 *
 * A pid is `<node.scheduler.serial>`, a reference `#Ref<node.scheduler.serial>`. `node` is fresh at
 * every start of the machine and `scheduler` numbers the *lives* of scheduler threads, so an
 * address of an earlier life is never mistaken for a living one.
 *
 * The serial of a pid is `counter * CREATORS + creator`: the scheduler that spawns chooses the pid
 * without asking the home of the new process, and the home can tell "not yet spawned" from "dead"
 * by the greatest counter it has seen from that creator.
 */

import type { Pid, Ref } from './terms.js';

/** Bound on the number of scheduler slots of a machine: the creator's slot is part of a pid. */
export const CREATORS = 64;

const LESS_THAN = 60; // '<'
const HASH = 35; // '#'
const ZERO = 48;
const NINE = 57;
const DOT = 46;

export function isPid(value: unknown): value is Pid {
  return typeof value === 'string' && PID.test(value);
}

export function isRef(value: unknown): value is Ref {
  return typeof value === 'string' && REF.test(value);
}

const PID = /^<[a-z0-9]+\.\d+\.\d+>$/;
const REF = /^#Ref<[a-z0-9]+\.\d+\.\d+(\.\d+)?>$/;

/** What a string addresses, told by its first character. */
export function addressKind(address: string): 'pid' | 'ref' | 'name' {
  const first = address.charCodeAt(0);
  if (first === LESS_THAN) return 'pid';
  return first === HASH && address.startsWith('#Ref<') ? 'ref' : 'name';
}

/** The serial at the end of an address, -1 where there is none. `prefixLength` is up to and with the second dot. */
export function serialOf(address: string, prefixLength: number): number {
  const last = address.length - 1;
  if (last <= prefixLength) return -1;
  let serial = 0;
  for (let index = prefixLength; index < last; index++) {
    const digit = address.charCodeAt(index) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    serial = serial * 10 + digit;
  }
  return serial;
}

/** The scheduler life that an address names, -1 if it names none of this node. */
export function homeOf(address: string, node: string): number {
  const open = address.charCodeAt(0) === LESS_THAN ? 1 : 5;
  if (!address.startsWith(node, open) || address.charCodeAt(open + node.length) !== DOT) return -1;
  let home = 0;
  let index = open + node.length + 1;
  for (; index < address.length; index++) {
    const code = address.charCodeAt(index);
    if (code < ZERO || code > NINE) break;
    home = home * 10 + (code - ZERO);
  }
  return address.charCodeAt(index) === DOT ? home : -1;
}

/** A reference's fourth part: the scheduler life where the timer it names lives; -1 without one. */
export function timerHomeOf(ref: Ref): number {
  const third = ref.indexOf('.', ref.indexOf('.', ref.indexOf('.') + 1) + 1);
  return third < 0 ? -1 : serialOf(ref, third + 1);
}
