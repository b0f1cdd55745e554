/**
 * Access: this thread's engine and what it knows of tables. Opened when a process first uses a table.
 */

import type { Scheduler } from '../scheduler.js';
import { EmbeddedEngine } from './embedded-engine.js';
import type { StorageEngine } from './engine.js';
import { Tables } from './tables.js';

export interface Access {
  readonly engine: StorageEngine;
  readonly tables: Tables;
}

let access: Access | null = null;
let opening: Promise<Access> | null = null;

/** `null` before `openAccess`. */
export function accessNow(): Access | null {
  return access;
}

/** @throws why there are no tables */
export function openAccess(scheduler: Scheduler): Promise<Access> {
  opening ??= open(scheduler).catch((error: unknown) => {
    opening = null;
    throw error;
  });
  return opening;
}

async function open(scheduler: Scheduler): Promise<Access> {
  const boot = await scheduler.host.storage();
  const engine = new EmbeddedEngine(boot, scheduler.life);
  access = { engine, tables: new Tables(engine) };
  return access;
}
