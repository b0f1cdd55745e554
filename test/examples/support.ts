/**
 * Starts an example as its users do, on a copy of it that a test may edit, and talks to it.
 */

import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startVm, type Vm, type VmEventName, type VmEvents } from 'tsvm/vm';
import { WebSocket } from 'ws';
import type { Line, ServerMessage } from '../../examples/chat/modules/wire.js';

const ROOT: string = fileURLToPath(new URL('../..', import.meta.url));
const WAIT_MS = 10_000;

/** A copy of an example's folder. npm packages are found as from the original. */
export async function copyExample(name: string): Promise<Copy> {
  const folder = await mkdtemp(join(tmpdir(), `tsvm-${name}-`));
  // Not what the example has kept where somebody tried it.
  const filter = (path: string): boolean => basename(path) !== '.tsvm';
  await cp(join(ROOT, 'examples', name), folder, { recursive: true, filter });
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction');
  return {
    folder,
    modules: join(folder, 'modules'),
    data: join(folder, '.tsvm'),
    async edit(module, changes) {
      const file = join(folder, 'modules', `${module}.ts`);
      let text = await readFile(file, 'utf8');
      for (const [from, to] of Object.entries(changes)) {
        if (!text.includes(from)) throw new Error(`${module}.ts has no ${JSON.stringify(from)}`);
        text = text.replace(from, to);
      }
      await writeFile(file, text);
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

export interface Copy {
  readonly folder: string;
  readonly modules: string;
  /** Where its machine keeps what it keeps. */
  readonly data: string;
  /** Replace each text by another in a module, in one write. */
  edit(module: string, changes: Readonly<Record<string, string>>): Promise<void>;
  remove(): Promise<void>;
}

/** The next event of a machine. */
export function nextEvent<E extends VmEventName>(
  vm: Vm,
  event: E,
  where: (value: VmEvents[E]) => boolean = () => true,
): Promise<VmEvents[E]> {
  return within(`an event '${event}' of the machine`, (resolve) => {
    const stop = vm.on(event, (value) => {
      if (!where(value)) return;
      stop();
      resolve(value);
    });
  });
}

export interface Chat {
  readonly vm: Vm;
  readonly url: string;
  readonly copy: Copy;
  connect(query?: { name?: string; room?: string }): Promise<Client>;
  stop(): Promise<void>;
}

/** The chat on a machine of its own, on a free port. */
export async function startChat(schedulers: number): Promise<Chat> {
  const copy = await copyExample('chat');
  process.env['PORT'] = String(await freePort());
  const { modules, data } = copy;
  const options = { modules, data, schedulers, watch: true, logger: false } as const;
  const vm = await startVm(options).catch(async (error: unknown) => {
    await copy.remove();
    throw error;
  });
  const announced = nextEvent(vm, 'announce');
  await vm.run('tsvm/application', 'ensureAllStarted', ['chat']);
  const url = await announced;
  const clients: Client[] = [];
  return {
    vm,
    url,
    copy,
    async connect(query = {}) {
      const client = await Client.connect(url, query);
      clients.push(client);
      return client;
    },
    async stop() {
      for (const client of clients) client.socket.terminate();
      await vm.stop();
      await copy.remove();
    },
  };
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return within('a free port', (resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

type Taken<T extends ServerMessage['type']> = Extract<ServerMessage, { type: T }>;

/** One browser, without the browser. Keeps what it was told until a test takes it. */
export class Client {
  readonly socket: WebSocket;
  /** The close code, once closed. */
  readonly closed: Promise<number>;
  #told: ServerMessage[] = [];
  readonly #listeners = new Set<() => void>();

  constructor(url: string) {
    this.socket = new WebSocket(url);
    this.closed = new Promise((resolve) => this.socket.once('close', resolve));
    this.socket.on('error', () => {});
    this.socket.on('message', (data) => {
      this.#told.push(JSON.parse(String(data)) as ServerMessage);
      for (const listener of this.#listeners) listener();
    });
  }

  /** Connect and wait until the room has taken us in. */
  static async connect(url: string, query: { name?: string; room?: string }): Promise<Client> {
    const client = new Client(`${url.replace('http', 'ws')}ws?${new URLSearchParams(query)}`);
    await client.take('welcome');
    return client;
  }

  send(message: unknown): void {
    this.socket.send(JSON.stringify(message));
  }

  say(text: string): void {
    this.send({ type: 'say', text });
  }

  /** What was told and not taken. */
  get told(): readonly ServerMessage[] {
    return this.#told;
  }

  /** The messages of people that were told and not taken. */
  get lines(): readonly Line[] {
    return this.#told.flatMap((each) => (each.type === 'line' ? [each.line] : []));
  }

  /** Wait until the newest message is one of a type; it stays. Not for one that came before. */
  hears<T extends ServerMessage['type']>(
    type: T,
    where: (message: Taken<T>) => boolean,
  ): Promise<void> {
    return within(`a message '${type}'`, (resolve) => {
      const listener = (): void => {
        const newest = this.#told.at(-1);
        if (newest?.type !== type || !where(newest as Taken<T>)) return;
        this.#listeners.delete(listener);
        resolve();
      };
      this.#listeners.add(listener);
    });
  }

  /** The oldest message of a type, also one that came before; the others stay. */
  take<T extends ServerMessage['type']>(
    type: T,
    where: (message: Taken<T>) => boolean = () => true,
  ): Promise<Taken<T>> {
    const matches = (each: ServerMessage): each is Taken<T> =>
      each.type === type && where(each as Taken<T>);
    return within(`a message '${type}'`, (resolve) => {
      const listener = (): void => {
        const index = this.#told.findIndex(matches);
        if (index < 0) return;
        this.#listeners.delete(listener);
        resolve(this.#told.splice(index, 1)[0] as Taken<T>);
      };
      this.#listeners.add(listener);
      listener();
    });
  }

  async takeLine(text: string): Promise<Taken<'line'>> {
    return await this.take('line', ({ line }) => line.text === text);
  }
}

function within<T>(what: string, start: (resolve: (value: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), WAIT_MS);
    start((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}
