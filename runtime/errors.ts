/**
 * The families of errors, never mixed.
 *
 *  - `ProcessError`: a failure inside one process that a built-in function raises. It can be caught;
 *    uncaught it becomes the exit reason of that process alone.
 *  - `ExitError`: `exit(reason)`. It can be caught, as `exit/1` can in Erlang.
 *  - `Unwind`: the process is already dead (a kill, a fatal signal to itself); what is left of its
 *    stack is thrown away. The scheduler never looks at it.
 *  - `InvariantError`: a bug in the machine itself. No process may swallow it.
 *
 * Source: OTP Reference Manual, "Errors and Error Handling" › "Exceptions".
 */

export type ErrorTag =
  | 'badarg'
  | 'noproc'
  | 'undef'
  | 'badfun'
  | 'timeout'
  | 'timeout_value'
  | 'system_limit'
  | 'calling_self'
  | 'process_exit';

/** A failure inside one process, raised by a built-in function. `reason` is OTP's own tag. */
export class ProcessError extends Error {
  override readonly name = 'ProcessError';
  readonly reason: ErrorTag;

  constructor(reason: ErrorTag, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** An error for `instanceof` that takes no stack: that is a fifth of the time of a process that exits. */
class Stackless {
  message: string;

  constructor(message: string) {
    this.message = message;
  }
}
Object.setPrototypeOf(Stackless.prototype, Error.prototype);
const StacklessError: ErrorConstructor = Stackless as unknown as ErrorConstructor;

/** `exit(reason)`: ends the process unless it is caught. A decision, not a failure: it has no stack. */
export class ExitError extends StacklessError {
  override readonly name = 'ExitError';
  readonly reason: unknown;

  constructor(reason: unknown) {
    super('exit');
    this.reason = reason;
  }
}

/**
 * A process was ended because its code ran for longer than the guard permits without a place where it
 * could give way. Never thrown: it becomes the exit reason.
 */
export class GuardError extends Error {
  override readonly name = 'GuardError';
  readonly reason = 'guard';

  /** @param frames where the code stood, a line a frame */
  constructor(limitMs: number, frames: string) {
    const place = placeIn(frames);
    super(
      `code ran for more than ${limitMs} ms without a place where it could give way` +
        `${place === '' ? '' : `, at ${place}`}: a regular expression, native code or a package. ` +
        'Run it with dirty(), or raise guardMs (tsvm start --guard-ms)',
    );
    this.stack = `${this.name}: ${this.message}${frames === '' ? '' : `\n${frames}`}`;
  }
}

/** The innermost frame that is likely to be of the user's own. */
export function placeIn(frames: string): string {
  const lines = frames.split('\n');
  const found = lines.find((line) => !NOT_OWN.test(line)) ?? lines[0] ?? '';
  return found.trim().replace(/^at /, '');
}

const NOT_OWN: RegExp = /<anonymous>|\bnode:|node_modules/;

/** Thrown through the frames of a process that is dead already. */
export class Unwind {
  readonly name = 'Unwind';
}

export const UNWIND: Unwind = new Unwind();

/** A bug in the machine. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

export function unreachable(value: never): never {
  throw new InvariantError(`unreachable: ${String(value)}`);
}

/**
 * `badarg`, said so that a user can act on it.
 *
 * @param what the function and argument, as in `send: to`
 * @param expected as in `a pid, an alias or a registered name`
 */
export function badarg(what: string, expected: string, came: unknown): ProcessError {
  return new ProcessError('badarg', `${what}: expected ${expected}, got ${describe(came)}`);
}

/** A short, safe picture of any value for an error message. */
export function describe(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.length > 80 ? `${JSON.stringify(value.slice(0, 77))}…` : JSON.stringify(value);
    case 'function':
      return `function ${value.name || '(anonymous)'}`;
    case 'bigint':
      return `${value}n`;
    case 'symbol':
    case 'undefined':
    case 'number':
    case 'boolean':
      return String(value);
    default:
      return value === null ? 'null' : describeObject(value as object);
  }
}

function describeObject(value: object): string {
  const name = Array.isArray(value) ? 'array' : (value.constructor?.name ?? 'object');
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    // A cycle or a bigint inside: the name alone has to do.
  }
  if (text === undefined) return name;
  const short = text.length > 80 ? `${text.slice(0, 77)}…` : text;
  return name === 'Object' || name === 'array' ? short : `${name} ${short}`;
}
