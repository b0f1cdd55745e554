import { expect, onTestFinished, test } from 'vitest';
import { fn } from '../../bif/fn.js';
import { CaptureError } from '../../loader/errors.js';
import { installStackMapping } from '../../loader/source-positions.js';
import { copy } from '../../runtime/copy.js';
import { receivedFun, useFunCode } from '../../runtime/funs.js';
import { compileText, createTable, loadErrorOf, loadText } from './support.js';

type Fn = (...args: unknown[]) => unknown;

/** Stands for the rest of `tsvm` at compile time only: these modules are not run. */
const IMPORT = "import { fn, spawn, spawnOpt, dirty } from 'tsvm';\n";

/** A function body, and the error: message, where the fault is, what else is shown and where. */
interface Refused {
  readonly body: string;
  readonly message: RegExp;
  readonly at: string;
  readonly related?: readonly [message: string, at: string];
}

/** Places are marked in the text: «1» before the fault, «2» before the other place. */
const REFUSED: Readonly<Record<string, Refused>> = {
  'a variable that is assigned after the function is made': {
    body: 'let n = 0; spawn(() => { console.log(«1»n); }); «2»n = 1;',
    message: /"n" is captured by a function that is sent, and assigned afterwards/,
    at: 'assigned here',
  },
  'a variable that the function itself assigns': {
    body: 'let «2»n = 0; spawn(() => { «1»n++; });',
    message: /"n" is captured by a function that is sent, and assigned by it/,
    at: 'declared here',
  },
  'a variable that is assigned in the next round of a loop': {
    body: 'let n = 0; while (n < 3) { fn(() => «1»n); «2»n++; }',
    message: /assigned afterwards/,
    at: 'assigned here',
  },
  'the variable of a loop that its body assigns afterwards': {
    body: 'for (let i = 0; i < 3; i++) { fn(() => «1»i); «2»i++; }',
    message: /assigned afterwards/,
    at: 'assigned here',
  },
  'a var of a loop, which all rounds share': {
    body: 'for (var i = 0; i < 3; «2»i++) fn(() => «1»i);',
    message: /assigned afterwards/,
    at: 'assigned here',
  },
  'a var that is declared a second time': {
    body: 'var i = 0; fn(() => «1»i); var «2»i = 1;',
    message: /assigned afterwards/,
    at: 'assigned here',
  },
  'a variable that another function assigns': {
    body: 'let i = 0; const set = () => { «2»i = 1; }; fn(() => «1»i); set();',
    message: /assigned afterwards/,
    at: 'assigned here',
  },
  'a variable assigned before, in a function that may be called earlier': {
    body: 'let i = 0; «2»i = 2; return g(); function g() { return fn(() => «1»i); }',
    message: /assigned afterwards/,
    at: 'assigned here',
  },
  'the variable that the function is assigned to': {
    body: 'let g: unknown; «2»g = fn(() => «1»g); return g;',
    message: /assigned afterwards/,
    at: 'assigned here',
  },
  'a variable that destructuring assigns': {
    body: 'let { a } = { a: 1 }; const g = fn(() => «1»a); ({ «2»a } = { a: 2 }); return g;',
    message: /assigned afterwards/,
    at: 'assigned here',
  },
  'a variable that a local function captures': {
    body: 'let n = 1; const h = () => «1»n; const g = fn(() => h()); «2»n = 2; return g;',
    message: /assigned afterwards/,
    at: 'assigned here',
  },
  'a variable that has no value yet': {
    body: 'const «2»pid = spawn(() => { console.log(«1»pid); }); return pid;',
    message: /"pid" is captured before it has a value/,
    at: 'it gets its value here',
  },
  'a class': {
    body: 'class «2»C {} return fn(() => new «1»C());',
    message: /captures the class "C"/,
    at: 'declared here',
  },
  'a variable that hides another, by the name the user gave it': {
    body: 'let x = 1; { let x = 2; fn(() => «1»x); «2»x = 3; } return x;',
    message: /"x" is captured/,
    at: 'assigned here',
  },
};

for (const [name, { body, message, at }] of Object.entries(REFUSED)) {
  test(`lift: ${name} is refused, with both places`, async () => {
    const marked = `${IMPORT}export function f() { ${body} }`;
    const source = marked.replace(/«.»/g, '');
    const column = (mark: string): number =>
      marked
        .replace(mark === '«1»' ? /«2»/ : /«1»/, '')
        .split('\n')[1]
        ?.indexOf(mark) as number;
    const error = await loadErrorOf(() => compileText('m', source));
    expect(error).toBeInstanceOf(CaptureError);
    expect(error).toMatchObject({ kind: 'capture', line: 2, column: column('«1»') + 1 });
    expect(error.message).toMatch(message);
    expect(error.hint).toBeTruthy();
    expect(error.related).toMatchObject([{ message: at, line: 2, column: column('«2»') + 1 }]);
    expect(error.format()).toContain(`/project/m.ts:2:${column('«2»') + 1}: ${at}`);
  });
}

const REFUSED_WORDS: Readonly<Record<string, string>> = {
  'the `this` of the code around it': 'class A { n = 1; go() { return fn(() => () => this.n); } }',
  '`super`':
    'class B { n() { return 1; } } class A extends B { go() { return fn(() => super.n()); } }',
  'the `arguments` of the function around it': 'function f() { return fn(() => arguments[0]); }',
  'the `new.target` of the function around it': 'function F() { return fn(() => new.target); }',
  'private names of a class around it':
    'class A { #n = 1; go(other: A) { return fn(() => other.#n); } }',
  eval: "function f() { const x = 1; return fn(() => eval('x')); }",
};

for (const [what, source] of Object.entries(REFUSED_WORDS)) {
  test(`lift: a function that uses ${what} is refused`, async () => {
    const error = await loadErrorOf(() => compileText('m', `${IMPORT}export ${source}`));
    expect(error).toMatchObject({ name: 'CaptureError', line: 2 });
    expect(error.message).toBe(`a function that is sent cannot use ${what}`);
  });
}

const ACCEPTED: readonly string[] = [
  'for (let i = 0; i < 3; i++) { i += 1; fn(() => i); }',
  'let i = 0; i = 2; const g = () => fn(() => i); return g();',
  'let a = 1; ({ a } = { a: 2 }); return fn(() => a);',
  'enum E { A, B } return fn(() => E.B);',
  'try { throw 1; } catch (e) { return fn(() => e); }',
  'const g = () => fn(() => y); const y = Math.random(); return g();',
  'const a = [() => 1] as const; spawn(...a);',
  'const h = (n: number): number => (n > 0 ? k(n) : 0); function k(n: number) { return h(n - 1); } return fn(() => h(3));',
];

for (const body of ACCEPTED) {
  test(`lift: accepted: ${body}`, async () => {
    await compileText('m', `${IMPORT}export function f() { ${body} }`);
  });
}

test('lift: names that hide others mean what they meant', async () => {
  const table = createTable({ fn });
  await loadText(
    table,
    'm',
    `import { fn } from 'tsvm';
     const x = String('module');
     export function f(y: string) {
       const outer = () => [x, y];
       {
         const x = String('local');
         const y = String('inner');
         return fn((z: string, y2 = y) => [...outer(), x, y, y2, z]);
       }
     }`,
  );
  const f = table.table('m')['f'] as Fn;
  const expected = ['module', 'param', 'local', 'inner', 'inner', 'z'];
  expect((f('param') as Fn)('z')).toEqual(expected);
  expect((copy(f('param')) as Fn)('z')).toEqual(expected);
});

test('lift: stacks show the names and lines of the source', async () => {
  const table = createTable({ fn });
  const before = { prepare: Error.prepareStackTrace, limit: Error.stackTraceLimit };
  installStackMapping(table.positions);
  onTestFinished(() => {
    Error.prepareStackTrace = before.prepare;
    Error.stackTraceLimit = before.limit;
  });
  await loadText(
    table,
    'm',
    [
      "import { fn } from 'tsvm';",
      'export function make(text: string) {',
      '  const helper = (n: number): number => {',
      '    if (n === 0) throw new Error(text);',
      '    return helper(n - 1);',
      '  };',
      '  return fn(function named(n: number) {',
      '    return helper(n);',
      '  });',
      '}',
      'export const later = (n: number) => fn(async () => {',
      '  await null;',
      '  return n.toFixed(1000);',
      '});',
    ].join('\n'),
  );
  const { make, later } = table.table('m') as { make: Fn; later: Fn };
  const f = copy(make('oh')) as Fn;
  const error = await errorOf(() => f(1));
  expect(framesOf(error)).toEqual([
    'helper (/project/m.ts:4:24)',
    'helper (/project/m.ts:5:12)',
    'named (/project/m.ts:8:12)',
  ]);
  const rejected = await errorOf(() => (later(1) as Fn)());
  expect(framesOf(rejected)[0]).toMatch(/\/project\/m\.ts:13:12\)?$/);
});

async function errorOf(action: () => unknown): Promise<Error> {
  try {
    await action();
  } catch (error) {
    return error as Error;
  }
  throw new Error('no error');
}

function framesOf({ stack = '' }: Error): string[] {
  const frames = stack.split('\n').flatMap((line) => /^ {4}at (.*)$/.exec(line)?.[1] ?? []);
  return frames.filter((frame) => frame.includes('/project/'));
}

test('lift: functions keep their version; one that is gone raises badfun', async () => {
  const table = createTable({ fn });
  useFunCode(table);
  const text = (answer: string): string =>
    `import { fn } from 'tsvm';
     function helper() { return '${answer}'; }
     export const make = (n: number) => fn(() => [helper(), n]);
     export const local = () => fn(helper);
     export const name = () => fn(exported);
     export function exported() { return '${answer}'; }
     export const later = (n: number) => fn(async () => n);`;
  const first = await loadText(table, 'm', text('one'));
  const exportsOf = table.table('m') as Record<string, Fn>;
  const made = exportsOf['make']?.(1) as Fn;
  const local = exportsOf['local']?.() as Fn;
  const named = exportsOf['name']?.() as Fn;
  const later = exportsOf['later']?.(1) as Fn;
  await loadText(table, 'm', text('two'));
  expect([made(), (copy(made) as Fn)(), local(), named()]).toEqual([
    ['one', 1],
    ['one', 1],
    'one',
    'two',
  ]);
  await loadText(table, 'm', text('three'));
  expect(named()).toBe('three');
  const badfun = { name: 'ProcessError', reason: 'badfun' };
  const versioned = `m@${first.version}`;
  for (const f of [made, copy(made) as Fn, local, copy(local) as Fn, later]) {
    const error = await errorOf(f);
    expect(error).toMatchObject(badfun);
    expect(error.message).toContain(versioned);
  }
  // One that arrives now can be passed on, and says the same.
  const stray = receivedFun('m', first.version, 0, [1]) as Fn;
  expect(await errorOf(copy(stray) as Fn)).toMatchObject(badfun);
  const back = await loadText(table, 'm', text('one'));
  expect(back.version).toBe(first.version);
  expect(stray()).toEqual(['one', 1]);
});

test('lift: an exported function that is gone raises undef', async () => {
  const table = createTable({ fn });
  useFunCode(table);
  await loadText(table, 'gone', 'export function f() { return 1; } export class C {}');
  const exported = table.table('gone') as Record<string, Fn>;
  const f = copy(exported['f']) as Fn;
  expect(f()).toBe(1);
  expect(() => copy(exported['C'])).toThrow('message is a function');
  await loadText(table, 'gone', 'export const g = 1;');
  expect(() => f()).toThrow('gone.f is not an exported function');
});
