/**
 * Log text: the text and the fields of an event, where no formatter says otherwise.
 *
 * Whatever the values are, this neither fails nor makes much text: both are bounded as in reports.
 */

import { format, type InspectOptions, inspect } from 'node:util';
import type { Formatted, LogEvent, LogMessage, LogReport } from './log-config.js';
import { presentable } from './presentable.js';

const TEXT_MAX = 16_384;
const FLAT: InspectOptions = { breakLength: Number.POSITIVE_INFINITY, depth: 8 };
/** What lines have places of their own for. */
const KNOWN: ReadonlySet<string> = new Set([
  'time',
  'pid',
  'module',
  'function',
  'file',
  'line',
  'domain',
  'reportText',
]);

/** The text of a message; that of a report by `reportText` where the metadata has it. */
export function messageText({ msg, meta }: LogEvent): string {
  return cut(textOf(msg, meta.reportText));
}

/** Text, and as fields what the report and the metadata have besides. */
export function plainFormat(event: LogEvent): Formatted {
  const text = messageText(event);
  const report = 'report' in event.msg ? event.msg.report : undefined;
  const fields = fieldsOf(event.meta, report);
  return fields === undefined ? text : { text, fields };
}

export function fieldsOf(meta: LogEvent['meta'], report?: LogReport): LogReport | undefined {
  const found: [string, unknown][] = report === undefined ? [] : Object.entries(report);
  for (const entry of Object.entries(meta)) {
    if (!KNOWN.has(entry[0]) && entry[1] !== undefined) found.push(entry);
  }
  if (found.length === 0) return undefined;
  return presentable(Object.fromEntries(found)) as LogReport;
}

function textOf(msg: LogMessage, reportText: LogEvent['meta']['reportText']): string {
  try {
    if ('text' in msg) return msg.text;
    if ('format' in msg) return format(msg.format, ...msg.args);
    return reportText === undefined ? pairs(msg.report) : String(reportText(msg.report));
  } catch (error) {
    return `(a message without a text: ${describe(error)})`;
  }
}

function pairs(report: LogReport): string {
  const shown = presentable(report) as LogReport;
  return Object.entries(shown)
    .map(([key, value]) => `${key}: ${typeof value === 'string' ? value : inspect(value, FLAT)}`)
    .join(', ');
}

function describe(error: unknown): string {
  try {
    return String(error);
  } catch {
    return 'an error that cannot be read';
  }
}

function cut(text: string): string {
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text;
}
