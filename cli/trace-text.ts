/** Trace text: one event of `tsvm trace`, as a line for people. */

import { type InspectOptions, inspect } from 'node:util';
import { isCrash } from '../runtime/crash-reason.js';
import { reasonText } from '../runtime/logger.js';
import type { TraceEvent } from '../runtime/trace-event.js';
import { type Colours, harmless } from './terminal.js';

const FLAT: InspectOptions = { breakLength: Number.POSITIVE_INFINITY, compact: true, depth: 6 };
const TEXT_MAX = 1000;

/** `21:04:05.123  till <n.1.65>  ← { type: 'sell' }`. */
export function traceText(event: TraceEvent, c: Colours): string {
  const { time, pid, name } = event;
  const date = new Date(time);
  const clock = `${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
  const who = name === null ? pid : `${name} ${c.dim(pid)}`;
  return `${c.dim(clock)}  ${who}  ${whatText(event, c)}`;
}

function whatText(event: TraceEvent, c: Colours): string {
  switch (event.type) {
    case 'receive': {
      const waiting = event.mailbox > 0 ? c.dim(`  (${event.mailbox} before it)`) : '';
      return `${c.green('←')} ${shown(event.message)}${waiting}`;
    }
    case 'send':
      return `${c.cyan('→')} ${c.dim(harmless(event.to))} ${shown(event.message)}`;
    case 'call':
      return `${c.bold(event.fn)}(${event.args.map(shown).join(', ')})`;
    case 'return':
      return `${event.fn} ${c.green('=')} ${shown(event.value)}${c.dim(`  ${took(event.ms)}`)}`;
    case 'throw':
      return `${event.fn} ${c.red('threw')} ${shown(event.value)}${c.dim(`  ${took(event.ms)}`)}`;
    case 'spawn':
      return `${c.yellow('spawned')} ${harmless(event.initialCall)}${event.parent === null ? '' : c.dim(` by ${event.parent}`)}`;
    case 'exit':
      return `${c.yellow('ended')} ${reason(event.reason)}`;
    case 'link':
      return `${c.yellow('linked')} with ${event.to}`;
    case 'unlink':
      return `${c.yellow('unlinked')} from ${event.to}`;
  }
}

function reason(value: unknown): string {
  return harmless(isCrash(value) ? reasonText(value) : shown(value));
}

function shown(value: unknown): string {
  const text = harmless(inspect(value, FLAT).replaceAll('\n', ' '));
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text;
}

function took(ms: number): string {
  return ms < 1 ? `${Math.round(ms * 1000)} µs` : `${ms.toFixed(1)} ms`;
}
