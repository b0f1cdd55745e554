/**
 * Control socket: how other programs of the same user reach a running machine.
 *
 * One request and one answer a line, both JSON:
 *
 *   → {"tsvm":1,"id":1,"request":"load","files":["/app/modules/room.ts"]}
 *   ← {"tsvm":1,"id":1,"ok":true,"result":…}
 *   ← {"tsvm":1,"id":1,"ok":false,"error":{"code":"load_error","message":"…","details":…}}
 *
 * `tsvm` is the version of this protocol. A machine refuses another version and names its own.
 *
 * Invariants:
 *  1. Requests of one connection are answered in order, one at a time.
 *  2. A request line and the number of connections are bounded: nobody can fill the machine's memory.
 *  3. A connection that asked the machine to stop stays open until the operating system closes it:
 *     so who waits for its end knows that the process is gone, not only that it said so.
 */

import { chmod } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

export const PROTOCOL_VERSION = 1;

const LINE_MAX: number = 1024 * 1024;
const CONNECTIONS_MAX = 64;
const IDLE_MS = 60_000;

export type ControlErrorCode =
  | 'bad_request'
  | 'other_version'
  | 'unknown_request'
  | 'not_ready'
  | 'load_error'
  /** An upgrade that cannot be done: nothing was touched. */
  | 'refused'
  | 'failed'
  /** Of the client: nobody answers. */
  | 'unreachable';

/** A request that was refused or failed. `details` is plain data. */
export class ControlError extends Error {
  override readonly name = 'ControlError';
  readonly code: ControlErrorCode;
  readonly details: unknown;

  constructor(code: ControlErrorCode, message: string, details?: unknown) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

export type ControlRequest = Readonly<Record<string, unknown>>;
/**
 * @param progress tells the asking side how far it has come; plain data
 * @throws ControlError; anything else is answered as `failed`
 */
export type ControlHandler = (
  request: ControlRequest,
  progress: (value: unknown) => void,
  connection: ControlConnection,
) => unknown;

/** Who asks. */
export interface ControlConnection {
  /** Call this when the connection has ended: what it asked for and goes on has nobody any more. */
  onClose(action: () => void): void;
}

interface Answer {
  readonly tsvm: number;
  readonly id: unknown;
  readonly ok: boolean;
  readonly result?: unknown;
  readonly error?: {
    readonly code: ControlErrorCode;
    readonly message: string;
    readonly details?: unknown;
  };
}

/** Before the answer of a request that takes a while, any number of times. */
interface Progress {
  readonly tsvm: number;
  readonly id: unknown;
  readonly progress: unknown;
}

/** The machine's side. */
export class ControlServer {
  readonly #server: Server;
  readonly #handlers: ReadonlyMap<string, ControlHandler>;
  readonly #connections = new Set<Socket>();
  /** Who waits for the end of this process. */
  readonly #waiting = new Set<Socket>();

  /**
   * Listen on a socket that only this user can open; its folder must be closed to others already.
   *
   * @param handlers by the name of the request
   */
  static async listen(
    path: string,
    handlers: Readonly<Record<string, ControlHandler>>,
  ): Promise<ControlServer> {
    const control = new ControlServer(handlers);
    await new Promise<void>((resolve, reject) => {
      control.#server.once('error', reject);
      control.#server.listen(path, resolve);
    });
    if (process.platform !== 'win32') await chmod(path, 0o600);
    return control;
  }

  private constructor(handlers: Readonly<Record<string, ControlHandler>>) {
    this.#handlers = new Map(Object.entries(handlers));
    this.#server = createServer((socket) => this.#serve(socket));
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  /** Refuse new connections, and end all but those that wait for the end of the process. */
  close(): void {
    this.#server.close();
    for (const socket of this.#connections) {
      socket.unref();
      if (!this.#waiting.has(socket)) socket.end();
    }
  }

  #serve(socket: Socket): void {
    this.#connections.add(socket);
    socket.on('close', () => this.#connections.delete(socket));
    // A client that goes away while it is answered needs no answer.
    socket.on('error', () => socket.destroy());
    socket.setTimeout(IDLE_MS, () => {
      if (!this.#waiting.has(socket)) socket.destroy();
    });
    let partial = '';
    let queue = Promise.resolve();
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      const lines = (partial + chunk).split('\n');
      partial = lines.pop() ?? '';
      for (const line of lines)
        if (line.trim() !== '') queue = queue.then(() => this.#answer(socket, line));
      if (partial.length > LINE_MAX) {
        partial = '';
        const error = new ControlError(
          'bad_request',
          `a request is longer than ${LINE_MAX} characters`,
        );
        socket.end(`${JSON.stringify(refusal(null, error))}\n`);
      }
    });
  }

  async #answer(socket: Socket, line: string): Promise<void> {
    const connection: ControlConnection = {
      onClose: (action) => void (socket.destroyed ? action() : socket.once('close', action)),
    };
    let id: unknown = null;
    let answer: Answer;
    // Who waits for an answer is not idle.
    socket.setTimeout(0);
    try {
      const request = parseRequest(line);
      id = request['id'] ?? null;
      const handler = this.#handlerOf(request);
      if (request['request'] === 'stop') this.#waiting.add(socket);
      const progress = (value: unknown): void => {
        const line: Progress = { tsvm: PROTOCOL_VERSION, id, progress: value };
        if (socket.writable) socket.write(`${JSON.stringify(line)}\n`);
      };
      const result = (await handler(request, progress, connection)) ?? null;
      answer = { tsvm: PROTOCOL_VERSION, id, ok: true, result };
    } catch (error) {
      answer = refusal(id, error);
    }
    socket.setTimeout(IDLE_MS);
    if (socket.writable) socket.write(`${JSON.stringify(answer)}\n`);
  }

  #handlerOf(request: ControlRequest): ControlHandler {
    if (request['tsvm'] !== PROTOCOL_VERSION) {
      throw new ControlError(
        'other_version',
        `expected a request of protocol version ${PROTOCOL_VERSION} ("tsvm":${PROTOCOL_VERSION}), got ${JSON.stringify(request['tsvm'])}`,
      );
    }
    const name = request['request'];
    const handler = typeof name === 'string' ? this.#handlers.get(name) : undefined;
    if (handler !== undefined) return handler;
    const known = [...this.#handlers.keys()].join(', ');
    throw new ControlError(
      'unknown_request',
      `expected a request of ${known}, got ${JSON.stringify(name)}`,
    );
  }
}

function parseRequest(line: string): ControlRequest {
  try {
    const request: unknown = JSON.parse(line);
    if (typeof request === 'object' && request !== null && !Array.isArray(request)) {
      return request as ControlRequest;
    }
  } catch {
    // Said below: what is no JSON and what is no object are the same to the sender.
  }
  throw new ControlError('bad_request', 'expected one JSON object a line');
}

function refusal(id: unknown, error: unknown): Answer {
  const { code, message, details } =
    error instanceof ControlError ? error : new ControlError('failed', messageOf(error));
  return { tsvm: PROTOCOL_VERSION, id, ok: false, error: { code, message, details } };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The asking side. */
export class ControlClient {
  /** Resolves when the connection has ended. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #answers = new Map<number, (answer: Answer) => void>();
  readonly #progress = new Map<number, (value: unknown) => void>();
  #requests = 0;

  /** @throws the system error when nobody listens */
  static connect(path: string): Promise<ControlClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new ControlClient(socket));
      });
    });
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    // An error ends the connection, and that is what all who wait here hear of.
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    createInterface({ input: socket }).on('line', (line) => this.#take(line));
  }

  /** @throws ControlError */
  async ask(
    request: string,
    fields: ControlRequest,
    timeoutMs: number,
    onProgress?: (value: unknown) => void,
  ): Promise<unknown> {
    const id = ++this.#requests;
    if (onProgress !== undefined) this.#progress.set(id, onProgress);
    this.#socket.write(`${JSON.stringify({ tsvm: PROTOCOL_VERSION, id, request, ...fields })}\n`);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), timeoutMs);
    });
    const answered = new Promise<Answer>((resolve) => this.#answers.set(id, resolve));
    const answer = await Promise.race([answered, late, this.closed]);
    clearTimeout(timer);
    this.#answers.delete(id);
    this.#progress.delete(id);
    if (!answer) {
      const what =
        answer === null ? `did not answer in ${timeoutMs / 1000} s` : 'ended before it answered';
      throw new ControlError('unreachable', `the machine ${what}`);
    }
    if (answer.ok) return answer.result;
    const { code, message, details } = answer.error ?? {
      code: 'failed',
      message: 'no reason was given',
    };
    throw new ControlError(code, message, details);
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(line: string): void {
    let answer: Answer | Progress;
    try {
      answer = JSON.parse(line) as Answer | Progress;
    } catch {
      // Whatever answers here is no machine.
      this.close();
      return;
    }
    if ('progress' in answer) {
      this.#progress.get(Number(answer.id))?.(answer.progress);
      return;
    }
    // An answer without our number is to what was not understood: the only request under way.
    const take = this.#answers.get(Number(answer.id)) ?? [...this.#answers.values()][0];
    take?.(answer);
  }
}
