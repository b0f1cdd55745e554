/**
 * A large project: modules of a service as people write them, generated, so that start-up can be
 * measured at any size. The same seed gives the same text.
 *
 * A module has 80–130 lines: types, constants, a class, plain and async functions, a process loop
 * with a receive, and it imports two to five modules that come before it.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const SEED = 20_261_123;
const MODULES_PER_FOLDER = 40;
const IMPORTS_MIN = 2;
const IMPORTS_MAX = 5;

/** Write so many modules below a folder. @returns their lines in all */
export async function writeLargeProject(folder: string, modules: number): Promise<number> {
  const random = generator(SEED);
  let lines = 0;
  const files = Array.from({ length: modules }, (_, at) => {
    const text = moduleText(at, random);
    lines += text.split('\n').length;
    return { path: join(folder, `${moduleName(at)}.ts`), text };
  });
  for (const path of new Set(files.map((file) => dirname(file.path)))) {
    await mkdir(path, { recursive: true });
  }
  for (const { path, text } of files) await writeFile(path, text);
  return lines;
}

function moduleName(at: number): string {
  return `part${Math.floor(at / MODULES_PER_FOLDER)}/unit${at}`;
}

type Random = (below: number) => number;

function moduleText(at: number, random: Random): string {
  const imports = importsOf(at, random);
  const parts = [header(at, imports), types(at), store(at)];
  const functions = 1 + random(4);
  for (let n = 0; n < functions; n++) parts.push(pick(random)(at, n, imports));
  parts.push(server(at, imports));
  return parts.join('\n');
}

function importsOf(at: number, random: Random): number[] {
  const found = new Set<number>();
  const count = Math.min(at, IMPORTS_MIN + random(IMPORTS_MAX - IMPORTS_MIN + 1));
  while (found.size < count) found.add(random(at));
  return [...found].sort((a, b) => a - b);
}

function header(at: number, imports: readonly number[]): string {
  const lines = imports.map(
    (one) => `import { summarize${one}, type Item${one} } from '../${moduleName(one)}.js';`,
  );
  return [
    '/**',
    ` * Unit ${at}: keeps items, answers questions about them and tells others of changes.`,
    ' */',
    "import { type Pid, receive, self, send, spawn } from 'tsvm';",
    ...lines,
    '',
    `const LIMIT = ${100 + at};`,
    `const NAMES = ['first', 'second', 'third', 'unit ${at}'] as const;`,
    '',
  ].join('\n');
}

function types(at: number): string {
  return `export interface Item${at} {
  readonly id: number;
  readonly name: string;
  readonly tags: readonly string[];
  readonly weight?: number;
}

type Request${at} =
  | { readonly kind: 'add'; readonly item: Item${at} }
  | { readonly kind: 'find'; readonly id: number; readonly from: Pid }
  | { readonly kind: 'stop' };
`;
}

function store(at: number): string {
  return `class Store${at} {
  readonly #items: Map<number, Item${at}> = new Map();
  #total = 0;

  add(item: Item${at}): boolean {
    if (this.#items.size >= LIMIT) return false;
    this.#items.set(item.id, item);
    this.#total += item.weight ?? 1;
    return true;
  }

  find(id: number): Item${at} | undefined {
    return this.#items.get(id);
  }

  get total(): number {
    return this.#total;
  }

  *byTag(tag: string): Generator<Item${at}> {
    for (const item of this.#items.values()) if (item.tags.includes(tag)) yield item;
  }
}
`;
}

type Part = (at: number, n: number, imports: readonly number[]) => string;

const PARTS: readonly Part[] = [
  (at, n) => `/** How heavy the items are, the heaviest first. */
function weigh${n}(items: readonly Item${at}[]): number[] {
  const weights: number[] = [];
  for (const { weight = 1, tags } of items) {
    if (tags.length === 0) continue;
    weights.push(Math.min(weight, LIMIT) * tags.length);
  }
  return weights.sort((a, b) => b - a);
}
`,
  (
    at,
    n,
  ) => `async function collect${n}(from: Pid<Request${at}>, ids: readonly number[]): Promise<Item${at}[]> {
  const found: Item${at}[] = [];
  for (const id of ids) {
    send(from, { kind: 'find', id, from: self() });
    const answer = await receive<Item${at} | null>();
    if (answer === null) continue;
    found.push({ ...answer, name: answer.name.trim() || NAMES[${n % 4}] });
  }
  return found;
}
`,
  (
    at,
    n,
  ) => `const describe${n} = async ({ id, name, ...rest }: Item${at}, indent = 2): Promise<string> => {
  const lines = [\`\${' '.repeat(indent)}#\${id} \${name}\`];
  try {
    for (const [key, value] of Object.entries(rest)) lines.push(\`\${key}: \${JSON.stringify(value)}\`);
    return lines.join('\\n');
  } catch (error) {
    throw new Error(\`cannot describe item \${id} of unit ${at}\`, { cause: error });
  } finally {
    lines.length = 0;
  }
};
`,
  (at, n) => `function parse${n}(text: string): Item${at} | undefined {
  const [id, name, ...tags] = text.split(/[,;]\\s*/);
  switch (id) {
    case undefined:
    case '':
      return undefined;
    case 'last':
      return { id: LIMIT, name: name ?? NAMES[0], tags };
    default:
      return { id: Number.parseInt(id, 10) || ${n}, name: name ?? 'nameless', tags, weight: tags.length };
  }
}
`,
];

function pick(random: Random): Part {
  return PARTS[random(PARTS.length)] as Part;
}

function server(at: number, imports: readonly number[]): string {
  const others = imports.map((one) => `summarize${one}({ id: ${at}, name, tags: [] })`);
  return `export function summarize${at}({ id, name, tags }: Item${at}): string {
  const own = \`\${id}:\${name}\${tags.length > 0 ? \` (\${tags.join(', ')})\` : ''}\`;
  return id === ${at} ? own : [own, ${others.join(', ')}].join(' / ');
}

export async function serve${at}(): Promise<void> {
  const store = new Store${at}();
  for (;;) {
    const request = await receive<Request${at}>();
    if (request.kind === 'stop') return;
    if (request.kind === 'add') store.add(request.item);
    else send(request.from, store.find(request.id) ?? null);
  }
}

export function start${at}(): Pid<Request${at}> {
  return spawn(serve${at});
}
`;
}

/** A linear congruential generator (Numerical Recipes): the same on every machine. */
function generator(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
