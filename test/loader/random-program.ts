/**
 * Random programs: modules with a `main(log)` that always end, made from a tape of numbers.
 *
 * Each decision takes the next number; past its end every decision is the simplest. So a shorter tape
 * with smaller numbers is a simpler program, and what shrinks arrays of numbers shrinks programs.
 *
 * Invariants:
 *  1. A program's log does not depend on which of two unrelated tasks runs first: a task that is not
 *     awaited where it starts is one of a module-level function, shares no variable, and writes to a log
 *     of its own (`log.fork`).
 *  2. It ends: loops go at most three rounds, functions call only those written before them, and a log
 *     that has grown long throws.
 */

interface Code {
  /** `await` may be used. */
  readonly async: boolean;
  readonly generator: boolean;
  /** Has an `arguments` and a `this` of its own, or an arrow function in one that has. */
  readonly ownThis: boolean;
  readonly inFunction: boolean;
  readonly depth: number;
  readonly variables: readonly string[];
  readonly assignable: readonly string[];
  readonly callables: readonly Callable[];
  /** Labels of loops and of blocks around. */
  readonly loops: readonly string[];
  readonly blocks: readonly string[];
  readonly inLoop: boolean;
  /** Methods may say `super.base(…)`. */
  readonly hasSuper: boolean;
  /** A private field `#own` is there on `this`. */
  readonly hasPrivate: boolean;
}

interface Callable {
  readonly name: string;
  readonly kind: 'plain' | 'async' | 'generator' | 'async_generator';
  /** Only these may run unattended. */
  readonly topLevel: boolean;
}

const DEPTH_MAX = 4;
const FUNCTIONS_MAX = 6;
const BODY_MAX = 7;

export const PRELUDE = `
  const tick = () => new Promise((done) => setImmediate(done));
  const later = (value) => ({ then(ok) { setImmediate(() => ok(value)); } });
  const atOnce = (value) => ({ then(ok) { ok(value); } });
  const refuses = (value) => ({ then(_, no) { no(value); } });
  const nested = (value) => ({ then(ok) { ok(Promise.resolve(value)); ok(1); throw 1; } });
  const tag = (parts, ...values) => parts.join('|') + values.join('&');
  const many = (n) => Array.from({ length: n }, (_, at) => at);
  const rest = (...all) => all.length;
  const named = (e) => e instanceof Error ? (e.constructor === Error ? e.message : e.name) : e;
  const resource = (log, name) => ({ name, [Symbol.dispose]() { log('dispose ' + name); }, async [Symbol.asyncDispose]() { await tick(); log('dispose later ' + name); } });
  const spy = (log, name) => ({ get a() { log('get ' + name); return this.kept; }, set a(x) { log('set ' + name); this.kept = x; }, valueOf() { log('value ' + name); return 3; } });
  const steps = (log, n, make) => { let i = 0; const step = (name) => (x) => { log(name, x); return make({ done: name === 'return' || i >= n, value: i++ }); }; return { next: step('next'), return: step('return') }; };
  const iter = (log, n) => ({ [Symbol.iterator]: () => steps(log, n, (x) => x) });
  const asyncIter = (log, n) => ({ [Symbol.asyncIterator]: () => steps(log, n, async (x) => (await tick(), x)) });
  async function* numbers(n) { for (let i = 0; i < n; i++) { if (i === 1) await tick(); yield i; } }
  class Base { constructor(n) { this.n = n; } base(x) { return ['base', this.n, x]; } get up() { return this.n + 1; } set up(x) { this.n = x; } async wait(x) { await tick(); return [x, this.n]; } static make(n) { return n; } }
`;

export function randomProgram(tape: readonly number[]): string {
  return new Writer(tape).program();
}

class Writer {
  readonly #tape: readonly number[];
  #at = 0;
  #names = 0;

  constructor(tape: readonly number[]) {
    this.#tape = tape;
  }

  program(): string {
    const callables: Callable[] = [];
    const functions: string[] = [];
    const top: Code = {
      async: false,
      generator: false,
      ownThis: false,
      inFunction: false,
      depth: 1,
      variables: [],
      assignable: [],
      callables,
      loops: [],
      blocks: [],
      inLoop: false,
      hasSuper: false,
      hasPrivate: false,
    };
    do {
      const { text, callable } = this.#function({ ...top, callables: [...callables] }, true);
      functions.push(text);
      callables.push(callable);
    } while (!this.#spent && callables.length < FUNCTIONS_MAX);
    const calls = callables.map((callable) => this.#driver(callable)).join('\n');
    return `${PRELUDE}${functions.join('\n')}\nexport async function main(log) {\n${calls}\n}\n`;
  }

  /** Calls of a function, each with its end in the log. */
  #driver({ name, kind }: Callable): string {
    const call = `${name}.call({ n: 7 }, log, ${this.#literal()}, [2, undefined], { length: 4 })`;
    const noted = (text: string): string => `try { ${text} } catch (e) { log('threw', named(e)); }`;
    switch (kind) {
      case 'plain':
        return noted(`log(${call});`);
      case 'async':
        return noted(`log(await ${call});`);
      case 'generator': {
        const it = this.#name('it');
        return noted(
          `const ${it} = ${call}; log(${it}.next()); log(${it}.${this.#pick(['next', 'return', 'throw'])}(5)); log(${it}.next(6)); for (const x of ${call}) log(x);`,
        );
      }
      case 'async_generator': {
        const it = this.#name('it');
        return noted(
          `const ${it} = ${call}; log(await ${it}.next()); log(await ${it}.${this.#pick(['next', 'return', 'throw'])}(5)); log(await ${it}.next(6)); for await (const x of ${call}) log(x);`,
        );
      }
    }
  }

  // ---- decisions ------------------------------------------------------------------------------------

  #below(n: number): number {
    return (this.#tape[this.#at++] ?? 0) % n;
  }

  #chance(outOf: number): boolean {
    return this.#below(outOf) === outOf - 1;
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#below(list.length)] as T;
  }

  get #spent(): boolean {
    return this.#at >= this.#tape.length;
  }

  #name(prefix: string): string {
    return `${prefix}${++this.#names}`;
  }

  // ---- functions ------------------------------------------------------------------------------------

  /** A function as a declaration or as the value of a constant. Its first parameter is `log`. */
  #function(code: Code, topLevel: boolean): { text: string; callable: Callable } {
    const kind = this.#pick(['async', 'async', 'plain', 'async_generator', 'generator'] as const);
    const name = this.#name('f');
    const generator = kind.endsWith('generator');
    const async = kind.startsWith('async');
    const arrow = !generator && this.#below(2) === 1;
    const { params, variables, assignable } = this.#params(code);
    const inner: Code = {
      ...code,
      async,
      generator,
      inFunction: true,
      ownThis: arrow ? code.ownThis : true,
      hasSuper: arrow && code.hasSuper,
      hasPrivate: arrow && code.hasPrivate,
      depth: code.depth + 1,
      variables: [...code.variables, ...variables],
      assignable: [...code.assignable, ...assignable],
      loops: [],
      blocks: [],
      inLoop: false,
    };
    const keyword = async ? 'async ' : '';
    const star = generator ? '*' : '';
    const callable: Callable = { name, kind, topLevel };
    if (arrow) {
      const short = this.#below(4) === 1;
      const body = short ? `(${this.#expression(inner)})` : `{\n${this.#body(inner, BODY_MAX)}\n}`;
      return { text: `const ${name} = ${keyword}(${params}) => ${body};`, callable };
    }
    const body = this.#body(inner, BODY_MAX);
    const declaration = this.#below(2) === 0;
    const head = `${keyword}function${star}`;
    return declaration
      ? { text: `${head} ${name}(${params}) {\n${body}\n}`, callable }
      : { text: `const ${name} = ${head} (${params}) {\n${body}\n};`, callable };
  }

  #params(code: Code): { params: string; variables: string[]; assignable: string[] } {
    const variables: string[] = [];
    const params = ['log'];
    const count = this.#below(4);
    // Default values see what is outside, and the parameters before them.
    const outside: Code = {
      ...code,
      async: false,
      generator: false,
      ownThis: false,
      depth: DEPTH_MAX,
    };
    const given = (): string =>
      this.#expression({
        ...outside,
        variables: [...code.variables, ...variables],
        hasSuper: false,
        hasPrivate: false,
      });
    for (let n = 0; n < count; n++) {
      const [a, b] = [this.#name('p'), this.#name('p')];
      switch (this.#below(6)) {
        case 0:
        case 1:
          params.push(a);
          variables.push(a);
          break;
        case 2:
          params.push(`${a} = ${given()}`);
          variables.push(a);
          break;
        case 3:
          params.push(`{ length: ${a} = ${given()}, ...${b} } = {}`);
          variables.push(a, b);
          break;
        case 4:
          params.push(`[${a}, ${b} = ${given()}] = [1]`);
          variables.push(a, b);
          break;
        default:
          if (n < count - 1) continue;
          params.push(`...${a}`);
          variables.push(a);
      }
    }
    return { params: params.join(', '), variables, assignable: variables };
  }

  // ---- statements -----------------------------------------------------------------------------------

  #body(code: Code, most: number): string {
    const parts: string[] = [];
    const count = 1 + this.#below(most);
    let now = code;
    for (let n = 0; n < count; n++) {
      const { text, code: next } = this.#statement(now);
      parts.push(text);
      now = next;
      if (this.#spent) break;
    }
    if (this.#chance(3) && code.inFunction) parts.push(`return ${this.#expression(now)};`);
    return parts.join('\n');
  }

  #block(code: Code, most = 3): string {
    return `{\n${this.#body({ ...code, depth: code.depth + 1 }, most)}\n}`;
  }

  #statement(code: Code): { text: string; code: Code } {
    const same = (text: string): { text: string; code: Code } => ({ text, code });
    const deep = code.depth >= DEPTH_MAX;
    switch (this.#below(deep ? 8 : 29)) {
      case 0:
      case 1:
        return same(`log(${this.#expression(code)});`);
      case 2:
      case 3:
        return this.#declaration(code);
      case 4:
        return same(this.#assignment(code));
      case 5:
        return same(this.#jump(code));
      case 6:
        return same(`${this.#expression(code)};`);
      case 7:
        return code.generator
          ? same(`log(yield ${this.#expression(code)});`)
          : same(
              code.async ? `await ${this.#awaitable(code)};` : `log(${this.#expression(code)});`,
            );
      case 8:
        return same(
          `if (${this.#expression(code)}) ${this.#block(code)} else ${this.#below(2) === 0 ? this.#block(code) : `log(${this.#expression(code)});`}`,
        );
      case 9:
      case 10:
      case 11:
        return same(this.#loop(code));
      case 12:
      case 13:
      case 14:
        return same(this.#try(code));
      case 15: {
        const label = this.#name('b');
        return same(`${label}: ${this.#block({ ...code, blocks: [...code.blocks, label] })}`);
      }
      case 16:
        return same(this.#switch(code));
      case 17:
      case 18: {
        const { text, callable } = this.#function(code, false);
        return { text, code: { ...code, callables: [...code.callables, callable] } };
      }
      case 19:
        return this.#class(code);
      case 20:
        return same(this.#using(code));
      case 21:
        return same(this.#tdz(code));
      case 22:
        return code.async ? same(this.#concurrent(code)) : same(`log(${this.#expression(code)});`);
      case 23:
        return same(this.#members(code));
      case 24:
        return same(this.#iteration(code));
      case 25:
        return same(this.#delegation(code));
      case 26:
        return same(this.#object(code));
      case 27:
        return same(this.#switchScope(code));
      default:
        return same(this.#closuresInLoop(code));
    }
  }

  /** Reads and writes of a property, each of which is in the log. */
  #members(code: Code): string {
    const s = this.#name('s');
    const value = (): string => this.#expression(code);
    const writes = Array.from({ length: 1 + this.#below(3) }, () => {
      switch (this.#below(7)) {
        case 0:
          return `${s}.a ${this.#pick(['=', '+=', '??=', '||=', '&&='])} ${value()};`;
        case 1:
          return `${s}[(${value()}, 'a')] ${this.#pick(['=', '+=', '??='])} ${value()};`;
        case 2:
          return `[${s}.a = ${value()}, ${s}['a']] = [${value()}, ${value()}];`;
        case 3:
          return `({ a: ${s}.a = ${value()}, ...${s}.rest } = ${s});`;
        case 4:
          return `log(${s}.a++ + ${s} * ${value()});`;
        case 5:
          return `log(delete ${s}[(${value()}, 'b')], 'a' in ${s}, ${s}?.a?.[${value()}]);`;
        default:
          return `for (${s}.a of [${value()}, ${value()}]) log(${value()});`;
      }
    });
    return `{ const ${s} = spy(log, '${s}'); try { ${writes.join(' ')} } catch (e) { log(named(e)); } }`;
  }

  #iteration(code: Code): string {
    const [a, b, label] = [this.#name('x'), this.#name('x'), this.#name('l')];
    const n = this.#below(4);
    const inner: Code = {
      ...code,
      inLoop: true,
      loops: [...code.loops, label],
      variables: [...code.variables, a],
    };
    switch (this.#below(code.async ? 4 : 2)) {
      case 0:
        return `{ const [${a}, ${b} = ${this.#expression(code)}] = iter(log, ${n}); log(${a}, ${b}); }`;
      case 1:
        return `${label}: for (const ${a} of iter(log, ${n})) ${this.#block(inner)}`;
      default: {
        const source = this.#pick(['asyncIter', 'iter']);
        return `${label}: for await (const ${a} of ${source}(log, ${n})) ${this.#block(inner)}`;
      }
    }
  }

  #delegation(code: Code): string {
    if (!code.generator) return this.#iteration(code);
    const sources = [`iter(log, ${this.#below(3)})`, `[${this.#expression(code)}, 2]`];
    if (code.async) sources.push('asyncIter(log, 2)', 'numbers(3)', '[Promise.resolve(1), 2]');
    for (const { name, kind } of code.callables) {
      if (kind === 'generator' || (code.async && kind === 'async_generator'))
        sources.push(`${name}(log, ${this.#literal()})`);
    }
    return `log(yield* ${this.#pick(sources)});`;
  }

  #object(code: Code): string {
    const o = this.#name('o');
    const inner: Code = {
      ...code,
      async: true,
      generator: false,
      inFunction: true,
      ownThis: true,
      depth: code.depth + 2,
      loops: [],
      blocks: [],
      inLoop: false,
      hasSuper: true,
      hasPrivate: false,
    };
    const call = code.async
      ? `log(await ${o}.m(log, 1, 2)); for await (const x of ${o}.j(log)) log(x);`
      : `log([...${o}.k(log)]);`;
    return `const ${o} = { __proto__: Base.prototype, n: ${this.#expression(code)}, [(${this.#expression(code)}, 'z')]: ${this.#expression(code)},
async m(log, x = super.up) {\n${this.#body(inner, 3)}\n},
*k(log) {\n${this.#body({ ...inner, async: false, generator: true }, 3)}\n},
async *j(log) {\n${this.#body({ ...inner, generator: true }, 3)}\n} };
try { ${call} log(${o}.z); } catch (e) { log(named(e)); }`;
  }

  /** One scope for all branches, whose variables closures capture. */
  #switchScope(code: Code): string {
    const [v, f, i] = [this.#name('v'), this.#name('f'), this.#name('i')];
    const wait = code.async ? 'await ' : '';
    const keyword = code.async ? 'async ' : '';
    const inside: Code = {
      ...code,
      generator: false,
      variables: [...code.variables, v],
      assignable: [...code.assignable, v],
    };
    return `for (const ${i} of [0, 1, 2]) { try { switch (${i}) { case 0: let ${v} = ${this.#expression(code)}; case 1: const ${f} = ${keyword}() => { log('in'); return (${this.#expression({ ...inside, depth: DEPTH_MAX })}); }; log(${wait}${f}()); ${v} = 2; default: log(${wait}${f}()); } } catch (e) { log(named(e)); } }`;
  }

  #declaration(code: Code): { text: string; code: Code } {
    const [a, b] = [this.#name('v'), this.#name('v')];
    const kind = this.#pick(['let', 'const', 'var'] as const);
    const pattern = this.#below(4);
    const value = this.#expression(code);
    const names = pattern === 0 || pattern === 3 ? [a] : [a, b];
    const text =
      pattern === 1
        ? `${kind} [${a}, ${b} = ${this.#expression(code)}] = [${value}];`
        : pattern === 2
          ? `${kind} { length: ${a} = ${this.#expression(code)}, [${this.#key(code)}]: ${b} = ${this.#expression(code)} } = Object(${value});`
          : `${kind} ${a} = ${value};`;
    const assignable = kind === 'const' ? code.assignable : [...code.assignable, ...names];
    return { text, code: { ...code, variables: [...code.variables, ...names], assignable } };
  }

  #assignment(code: Code): string {
    const target = this.#target(code);
    if (target === null) return `log(${this.#expression(code)});`;
    const value = this.#expression(code);
    switch (this.#below(6)) {
      case 0:
        return `${target} = ${value};`;
      case 1:
        return `${target} ${this.#pick(['+=', '??=', '||=', '&&='])} ${value};`;
      case 2:
        return `[${target}] = [${value}, ${this.#expression(code)}];`;
      case 3:
        return `({ a: ${target} = ${value} } = { [${this.#key(code)}]: ${this.#expression(code)} });`;
      case 4:
        return `${target}++;`;
      default:
        return `[${target} = ${value}] = [];`;
    }
  }

  #target(code: Code): string | null {
    if (code.assignable.length === 0) return null;
    return this.#pick(code.assignable);
  }

  #jump(code: Code): string {
    const choices = ['throw'];
    if (code.inFunction) choices.push('return', 'return');
    if (code.inLoop) choices.push('break;', 'continue;');
    for (const label of code.loops) choices.push(`break ${label};`, `continue ${label};`);
    for (const label of code.blocks) choices.push(`break ${label};`);
    const jump = this.#pick(choices);
    const condition = this.#chance(5) ? '' : `if (${this.#expression(code)}) `;
    if (jump === 'return') return `${condition}return ${this.#expression(code)};`;
    if (jump !== 'throw') return condition + jump;
    const error = this.#pick(['new Error', 'new RangeError', '']);
    return `${condition}throw ${error}(${this.#expression(code)});`;
  }

  #loop(code: Code): string {
    const label = this.#below(3) === 1 ? this.#name('l') : null;
    const i = this.#name('i');
    const inner: Code = {
      ...code,
      inLoop: true,
      loops: label === null ? code.loops : [...code.loops, label],
      variables: [...code.variables, i],
    };
    const rounds = this.#below(4);
    const before = label === null ? '' : `${label}: `;
    const maybeAwait = (text: string): string =>
      code.async && this.#chance(3) ? `await ${text}` : text;
    const kind = this.#below(code.async ? 8 : 5);
    const block = this.#block(inner);
    switch (kind) {
      case 0:
        return `${before}for (let ${i} = 0; ${i} < ${maybeAwait(`${rounds}`)}; ${i}++) ${block}`;
      case 1:
        return `${before}for (const ${i} of ${maybeAwait(`many(${rounds})`)}) ${block}`;
      case 2:
        return `${before}for (const ${i} in { a: 1, b: ${this.#expression(code)} }) ${block}`;
      case 3:
        return `{ let ${i} = 0; ${before}while (${i}++ < ${maybeAwait(`${rounds}`)}) ${block} }`;
      case 4:
        return `{ let ${i} = 0; ${before}do ${block} while (${i}++ < ${maybeAwait(`${rounds}`)}); }`;
      case 5:
        return `${before}for await (const ${i} of [${this.#expression(code)}, ${this.#pick(['Promise.resolve', 'later', 'Promise.reject'])}(${this.#expression(code)})]) ${block}`;
      case 6:
        return `${before}for await (const ${i} of numbers(${rounds})) ${block}`;
      default: {
        const found = code.callables.filter((one) => one.kind === 'async_generator');
        if (found.length === 0) return `${before}for await (var ${i} of numbers(3)) ${block}`;
        return `${before}for await (const ${i} of ${this.#pick(found).name}(log, ${this.#expression(code)})) ${block}`;
      }
    }
  }

  #try(code: Code): string {
    const kind = this.#below(4);
    const e = this.#name('e');
    const withError: Code = { ...code, variables: [...code.variables] };
    const body = this.#block(code);
    const caught = this.#below(4);
    const handler =
      caught === 1
        ? `catch ${this.#block(code)}`
        : caught === 2
          ? `catch ({ message: ${e} = 'none' }) { log(typeof ${e});\n${this.#body({ ...withError, depth: code.depth + 1 }, 2)} }`
          : `catch (${e}) { log(named(${e}));\n${this.#body({ ...withError, depth: code.depth + 1 }, 2)} }`;
    if (kind <= 1) return `try ${body} ${handler}`;
    // A catch around it, or most programs would end there.
    const last = `finally ${this.#block(code)}`;
    return kind === 2 ? `try ${body} ${handler} ${last}` : `try { try ${body} ${last} } ${handler}`;
  }

  #switch(code: Code): string {
    const cases = Array.from({ length: 1 + this.#below(3) }, () => {
      const body = this.#body({ ...code, depth: code.depth + 1 }, 2);
      return `case ${this.#expression(code)}: {\n${body}\n}${this.#below(2) === 0 ? ' break;' : ''}`;
    });
    const other = `default: log('default');`;
    const at = this.#below(cases.length + 1);
    cases.splice(at, 0, other);
    return `switch (${this.#expression(code)}) {\n${cases.join('\n')}\n}`;
  }

  #class(code: Code): { text: string; code: Code } {
    const name = this.#name('C');
    const inner: Code = {
      ...code,
      async: false,
      generator: false,
      inFunction: true,
      ownThis: true,
      depth: code.depth + 2,
      loops: [],
      blocks: [],
      inLoop: false,
      hasSuper: true,
      hasPrivate: true,
    };
    const body = (kind: Partial<Code>): string => this.#body({ ...inner, ...kind }, 3);
    const field: Code = { ...inner, inFunction: false, ownThis: false, depth: DEPTH_MAX };
    const text = `class ${name} extends ${code.async ? '(await later(Base))' : 'Base'} {
#own = ${this.#expression({ ...field, hasPrivate: false })};
[${code.async ? `(await tick(), ${this.#key(code)})` : this.#key(code)}] = ${this.#expression(field)};
static [(log('computed'), 'q')] = ${this.#expression({ ...field, hasPrivate: false })};
static { this.r = super.make(${this.#literal()}); }
later = async (log) => { ${this.#body({ ...inner, async: true, ownThis: false }, 2)} };
get got() { if (new.target) throw 0; const log = this.log ?? (() => {}); ${body({})} }
async one(log, x = super.base(1)) {\n${body({ async: true })}\n}
two(log) {\n${body({})}\n}
async *three(log) {\n${body({ async: true, generator: true })}\n}
async #hidden(log) {\n${body({ async: true })}\n}
async four(log) { return [await this.#hidden(log), #own in this, super.up, super.up = 5]; }
static async five(log) { await tick(); return [super.make(3), this === ${name}, new.target]; }
}`;
    const o = this.#name('o');
    const calls = code.async
      ? `log(await ${o}.one(log)); log(await ${o}.later(log)); for await (const x of ${o}.three(log)) log(x); log(await ${o}.four(log)); log(await ${name}.five(log));`
      : `log(${o}.two(log)); log(${o}.got);`;
    return {
      text: `${text}\nconst ${o} = new ${name}(${this.#expression(code)});\ntry { ${calls} log(${o}.two(log)); } catch (e) { log(named(e)); }`,
      code,
    };
  }

  #using(code: Code): string {
    const [a, b] = [this.#name('r'), this.#name('r')];
    const awaits = code.async && this.#below(2) === 1;
    return `try { using ${a} = resource(log, '${a}'); ${awaits ? 'await ' : ''}using ${b} = resource(log, '${b}');\n${this.#body({ ...code, depth: code.depth + 1 }, 3)}\n} catch (e) { log(named(e)); }`;
  }

  #tdz(code: Code): string {
    const v = this.#name('t');
    const wait = code.async ? 'await ' : '';
    const keyword = code.async ? 'async ' : '';
    return `{ const early = ${keyword}() => ${v}; try { log(${wait}early()); } catch (e) { log(named(e)); } try { log(${wait}hoisted()); } catch (e) { log(named(e)); } ${this.#pick(['let', 'const', 'var'])} ${v} = ${this.#expression(code)}; ${keyword}function hoisted() { return ${v}; } log(${wait}early()); log(${wait}hoisted()); }`;
  }

  #concurrent(code: Code): string {
    const found = code.callables.filter(({ kind, topLevel }) => topLevel && kind === 'async');
    if (found.length === 0) return `await ${this.#awaitable(code)};`;
    const call = (): string => `${this.#pick(found).name}(log.fork(), ${this.#literal()})`;
    const t = this.#name('t');
    switch (this.#below(4)) {
      case 0:
        return `log(await Promise.all([${call()}, ${call()}, 1]).catch(named));`;
      case 1:
        return `log((await Promise.allSettled([${call()}, ${call()}])).map((x) => [x.status, x.value, named(x.reason)]));`;
      case 2:
        return `{ const ${t} = ${call()}; ${t}.catch(() => {}); ${this.#body({ ...code, depth: code.depth + 1 }, 2)}\n try { log(await ${t}); } catch (e) { log(named(e)); } }`;
      default:
        return `log(await ${call()}.then((x) => [x], named).finally(() => log('finally')));`;
    }
  }

  #closuresInLoop(code: Code): string {
    const [fs, i] = [this.#name('fs'), this.#name('i')];
    const wait = code.async ? 'await ' : '';
    const inner: Code = {
      ...code,
      generator: false,
      depth: DEPTH_MAX,
      variables: [...code.variables, i],
      assignable: [...code.assignable, i],
      loops: [],
      blocks: [],
      inLoop: false,
    };
    const head = this.#pick([`let ${i} = 0; ${i} < 3; ${i}++`, `let ${i} of [1, 2]`]);
    return `{ const ${fs} = []; for (${head}) { ${fs}.push(${code.async ? 'async ' : ''}() => { ${this.#assignment(inner)} ${wait}${code.async ? this.#awaitable(inner) : '0'}; return [${i}, ${this.#expression(inner)}]; }); ${code.async && this.#below(2) === 1 ? 'await tick();' : ''} } for (const f of ${fs}) log(${wait}f()); }`;
  }

  // ---- expressions ----------------------------------------------------------------------------------

  /** What `await` may be given. */
  #awaitable(code: Code): string {
    const value = this.#expression({ ...code, depth: code.depth + 1 });
    switch (this.#below(9)) {
      case 0:
        return `(${value})`;
      case 1:
        return `tick()`;
      case 2:
        return `Promise.resolve(${value})`;
      case 3:
        return `later(${value})`;
      case 4:
        return `atOnce(${value})`;
      case 5:
        return `nested(${value})`;
      case 6:
        return this.#pick([`Promise.reject(${value})`, `refuses(${value})`]);
      default: {
        const found = code.callables.filter(({ kind }) => kind === 'async');
        return found.length === 0 ? `tick()` : `${this.#pick(found).name}(log, ${value})`;
      }
    }
  }

  #expression(code: Code): string {
    if (this.#spent || code.depth > DEPTH_MAX + 1) return this.#atom(code);
    const inner: Code = { ...code, depth: code.depth + 1 };
    const sub = (): string => this.#expression(inner);
    switch (this.#below(22)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return this.#atom(code);
      case 4:
      case 5:
      case 6:
      case 7:
        return code.async ? `(await ${this.#awaitable(inner)})` : this.#atom(code);
      case 8:
        // Shows when it is evaluated.
        if (this.#below(2) === 1) return `(log('${this.#name('n')}'), ${sub()})`;
        return `(${sub()} ${this.#pick(['+', '===', '<', '&', ','])} ${sub()})`;
      case 9:
        return `(${sub()} ${this.#pick(['&&', '||', '??'])} ${sub()})`;
      case 10:
        return `(${sub()} ? ${sub()} : ${sub()})`;
      case 11:
        return `[${sub()}, ...many(${this.#below(3)}), ${sub()}]`;
      case 12:
        return `({ a: ${sub()}, [${this.#key(inner)}]: ${sub()}, ...Object(${sub()}) })`;
      case 13:
        return `\`<\${${sub()}}-\${${sub()}}>\``;
      case 14:
        return `tag\`x\${${sub()}}y\${${sub()}}\``;
      case 15:
        return `(${sub()})?.${this.#pick(['a', 'length', 'nope?.(1)', 'b.c'])}`;
      case 16:
        return `(${this.#pick(['typeof ', 'void ', '!', 'delete Object'])}(${sub()}))`;
      case 17:
        return code.generator ? `(yield ${sub()})` : `rest(${sub()}, ...many(2), ${sub()})`;
      case 18: {
        const target = this.#target(code);
        return target === null
          ? sub()
          : `(${target} ${this.#pick(['=', '+=', '??=', '&&='])} ${sub()})`;
      }
      case 19: {
        const found = code.callables.filter(({ kind }) => kind === 'plain' || kind === 'generator');
        if (found.length === 0) return sub();
        const one = this.#pick(found);
        const call = `${one.name}(log, ${sub()})`;
        return one.kind === 'plain' ? call : `[...${call}].length`;
      }
      case 20:
        if (code.hasSuper)
          return this.#pick([
            `super.base(${sub()})`,
            `super.up`,
            `(super.up = ${sub()})`,
            ...(code.async ? [`(await super.wait(${sub()}))`] : []),
          ]);
        return code.ownThis ? `arguments.length` : sub();
      default:
        if (code.hasPrivate) return this.#pick([`this.#own`, `(this.#own = ${sub()})`, `this.n`]);
        return code.async
          ? `(await (async () => ${this.#expression({ ...inner, generator: false })})())`
          : `(() => ${this.#expression({ ...inner, generator: false })})()`;
    }
  }

  #key(code: Code): string {
    return this.#pick([`'a'`, `'k' + 1`, `\`\${${this.#atom(code)}}\``]);
  }

  #atom(code: Code): string {
    return code.variables.length > 0 && this.#below(2) === 1
      ? this.#pick(code.variables)
      : this.#literal();
  }

  #literal(): string {
    return this.#pick(['1', '0', `'s'`, 'undefined', 'null', '2', '[3, 4]', '({ a: 5 })', 'true']);
  }
}
