/** Validation: a record against the schema that the program gives for its table. */

import type { TableDefinition } from './definition.js';

/** A record does not fit its table, and was refused. */
export class ValidationError extends Error {
  override readonly name = 'ValidationError';
  readonly reason = 'validation';
  readonly table: string;
  /** One line for each thing that is wrong. */
  readonly issues: readonly string[];

  constructor(table: string, issues: readonly string[]) {
    super(`table ${table}: the record does not fit: ${issues.join('; ')}`);
    this.table = table;
    this.issues = issues;
  }
}

/** @returns what is to be kept @throws ValidationError */
export function validated({ name, schema }: TableDefinition, record: object): object {
  if (schema === null) return record;
  const result = schema['~standard'].validate(record);
  // What an asynchronous function of a module gives is no `Promise` of Node's.
  if ('then' in result) {
    result.then(ignore, ignore);
    throw new ValidationError(name, ['its schema is asynchronous, and a write cannot wait']);
  }
  if (result.issues !== undefined) {
    const lines = result.issues.map(({ message, path = [] }) => {
      const place = path.map((part) => String(typeof part === 'object' ? part.key : part));
      return place.length === 0 ? message : `${place.join('.')}: ${message}`;
    });
    throw new ValidationError(name, lines);
  }
  return result.value as object;
}

function ignore(): void {}
