/**
 * A formatter for `tsvm/logger`: the text of a line by a template.
 *
 *     formatter: { format, config: { template: ['[', { key: 'domain' }, '] ', { key: 'msg' }], singleLine: true } }
 *
 * Source: OTP, module `logger_formatter`.
 */

import { type LogEvent, loggerConfig } from 'tsvm';

export interface FormatterConfig {
  /** Texts as they are; `msg`, `level` and metadata by their keys. */
  readonly template?: readonly (TemplatePart | string)[];
  /** Line ends become spaces. */
  readonly singleLine?: boolean;
  /** Longer texts are cut. */
  readonly charsLimit?: number;
}

export interface TemplatePart {
  readonly key: string;
}

const DEFAULT_TEMPLATE: readonly (TemplatePart | string)[] = [{ key: 'msg' }];

/** `logger_formatter:format/2`. */
export function format(event: LogEvent, config: FormatterConfig = {}): string {
  const { template = DEFAULT_TEMPLATE, singleLine = false, charsLimit } = config;
  const text = template
    .map((part) => (typeof part === 'string' ? part : partOf(event, part)))
    .join('');
  const line = singleLine ? text.replaceAll(/\s*\n\s*/g, ' ') : text;
  return charsLimit !== undefined && line.length > charsLimit
    ? `${line.slice(0, Math.max(0, charsLimit - 1))}…`
    : line;
}

function partOf(event: LogEvent, { key }: TemplatePart): string {
  if (key === 'msg') return loggerConfig.messageText(event);
  if (key === 'level') return event.level;
  const value = event.meta[key];
  if (value === undefined || value === null) return '';
  if (key === 'time') return new Date(Number(value)).toISOString();
  return typeof value === 'string' ? value : Array.isArray(value) ? value.join('.') : json(value);
}

function json(value: unknown): string {
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return '(unreadable)';
  }
}
