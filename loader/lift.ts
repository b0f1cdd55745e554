/**
 * Lift: functions that become values are taken out of the functions they stand in, as Erlang's compiler
 * does with funs.
 *
 *   function start(to: Pid, n: number) {
 *     return spawn(async (x: number) => { send(to, x + n) }, 1)
 *   }
 * becomes
 *   function start(to, n) { return spawn($funs.entry(0, [to, n]), 1) }
 *   function $fun0(to, n) { return async (x) => { … send(to, x + n) } }
 *
 * The variables it captures become parameters of a *maker* at module level, so the text of the function
 * stays as it is. Helpers (functions local to the ones around it) are repeated inside the maker: the
 * original shares variables with its own surroundings, the repeated one belongs to the copy.
 *
 * Invariants:
 *  1. Text is edited from the inside out: what is repeated or moved has its own functions lifted already.
 *  2. Whatever is repeated keeps its mapping to the user's source.
 *  3. Numbers are given in the order of the text: the same source gives the same numbers.
 *
 * Source: Johnsson, "Lambda Lifting"; OTP, `v3_kernel` (funs become functions with extra arguments).
 */

import { TraceMap } from '@jridgewell/trace-mapping';
import { Bundle, type default as MagicString } from 'magic-string';
import { chainMappings } from './chain-maps.js';
import { CaptureAnalysis, type Captures } from './lift-captures.js';
import { findSites, type Site, type Sites } from './lift-sites.js';
import type { Binding } from './scopes.js';
import { type AnyNode, type FunctionNode, isFunction, keyName } from './syntax.js';
import type { TransformContext, TransformInput } from './transform.js';
import { hasLoop, isCallee, longFunctions } from './yielding-twins.js';

/** One function in a maker. */
interface Member {
  readonly fun: FunctionNode;
  /** The name it has in the maker, where something refers to it. */
  readonly name: string | null;
  /** Its number; helpers have none. */
  readonly number: number | null;
}

interface Group {
  readonly site: Site;
  readonly captures: Captures;
  readonly maker: string;
  /** The number of the function at the site; those of its partners follow. */
  readonly number: number;
  /** Helpers first, then the function at the site, then its partners. */
  readonly members: readonly Member[];
  /** The function at the site is plain, and a coroutine in its maker: nothing but a process runs it. */
  readonly becomesAsync: boolean;
  /** The text of each member, as it is when it is taken. */
  readonly texts: Map<Member, MagicString>;
}

/** @returns `null` when the module has no such function. @throws CaptureError */
export function liftFunctions(context: TransformContext): TransformInput | null {
  const found = findSites(context);
  return found.sites.length === 0 ? null : new Lifting(context, found).run();
}

class Lifting {
  readonly #context: TransformContext;
  readonly #sites: Sites;
  readonly #funs: string;
  #count = 0;
  #long: ReadonlySet<Binding> | null = null;

  constructor(context: TransformContext, sites: Sites) {
    this.#context = context;
    this.#sites = sites;
    this.#funs = context.fresh('$funs');
  }

  run(): TransformInput {
    const { input } = this.#context;
    const analysis = new CaptureAnalysis(this.#context, this.#sites);
    const groups = this.#sites.sites.map((site) => this.#group(site, analysis.capturesOf(site)));
    this.#edit(groups);
    const bundle = this.#bundle(groups);
    const edits = bundle.generateDecodedMap({ hires: 'boundary' });
    const mappings = chainMappings(edits.mappings, input.map);
    return {
      ...input,
      code: bundle.toString(),
      map: new TraceMap({ version: 3, sources: [''], names: [], mappings }),
      lifted: {
        funs: this.#funs,
        declarations: groups.flatMap((group) => this.#declarations(group)),
      },
    };
  }

  #group(site: Site, captures: Captures): Group {
    const number = this.#count;
    const { helpers, partners, self } = captures;
    const members: Member[] = Array.from(helpers, ([{ name }, fun]) => ({
      fun,
      name,
      number: null,
    }));
    members.push({ fun: site.fun, name: self ? (site.binding as Binding).name : null, number });
    this.#count += 1;
    for (const [{ name }, fun] of partners) {
      members.push({ fun, name, number: this.#count });
      this.#count += 1;
    }
    const maker = this.#context.fresh(`$fun${number}`);
    const becomesAsync = site.spawned && !self && partners.size === 0 && this.#runsLong(site.fun);
    return { site, captures, maker, number, members, becomesAsync, texts: new Map() };
  }

  /** A plain function that would hold the stack, as far as its text shows. */
  #runsLong(fun: FunctionNode): boolean {
    if (fun.async || fun.generator) return false;
    if (fun.type === 'FunctionExpression' && fun.id) return false;
    if (hasLoop(fun.body)) return true;
    const { scopes } = this.#context;
    this.#long ??= longFunctions(this.#context);
    const { start, end } = fun;
    return [...this.#long].some(({ references }) =>
      references.some(
        ({ node, scope }) =>
          node.start > start &&
          node.end < end &&
          scope.owner?.node === fun &&
          isCallee(scopes, node),
      ),
    );
  }

  /** Take the texts out and put the calls in, each when all that is inside it is done. */
  #edit(groups: readonly Group[]): void {
    const steps = groups.flatMap((group) => [
      ...group.members.map((member) => ({
        ...rangeOf(member.fun),
        order: 0,
        run: () => group.texts.set(member, this.#textOf(group, member)),
      })),
      { ...rangeOf(group.site.node), order: 1, run: () => this.#replaceSite(group) },
    ]);
    steps.sort((a, b) => a.end - b.end || b.start - a.start || a.order - b.order);
    for (const { run } of steps) run();
  }

  #textOf({ becomesAsync }: Group, { fun, number }: Member): MagicString {
    const text = this.#context.edits.snip(fun.start, fun.end);
    if (number === null) return text;
    if (becomesAsync) text.prepend('async ');
    // A version that was purged: its code is not to run any more.
    const { body } = fun;
    const gone = `${this.#funs}.gone`;
    const raise = `${this.#funs}.raise(${number})`;
    if (body.type === 'BlockStatement') {
      text.appendLeft(body.start + 1, ` if (${gone}) ${raise};`);
    } else {
      text.appendLeft(body.start, `(${gone} && ${raise}, `);
      text.appendLeft(body.end, ')');
    }
    return text;
  }

  #replaceSite({ site, captures, number }: Group): void {
    const values = captures.values.map(({ name }) => name).join(', ');
    const make = site.entry ? 'entry' : 'value';
    this.#context.edits.update(
      site.node.start,
      site.node.end,
      `${this.#funs}.${make}(${number}, [${values}])`,
    );
  }

  /** The module, and after it the makers. */
  #bundle(groups: readonly Group[]): Bundle {
    const filename = 'esbuild.js';
    const bundle = new Bundle({ separator: '' });
    bundle.addSource({ filename, content: this.#context.edits });
    for (const group of groups) {
      const { captures, members, texts, maker } = group;
      const functions = members.filter(({ number }) => number !== null);
      const isGroup = functions.length > 1;
      const params = captures.values.map(({ name }) => name).join(', ');
      let before = `\nfunction ${maker}(${params}) {\n`;
      for (const member of members) {
        const text = texts.get(member) as MagicString;
        const { name, fun, number } = member;
        const isDeclared = number === null && fun.type === 'FunctionDeclaration';
        const isResult = name === null && !isGroup;
        text.prepend(
          `${before}${isDeclared ? '' : isResult ? 'return ' : `const ${this.#local(group, member)} = `}`,
        );
        text.append(isDeclared ? '\n' : ';\n');
        before = '';
        bundle.addSource({ filename, content: text });
      }
      const results = functions.map((member) => this.#local(group, member));
      const last = texts.get(members.at(-1) as Member) as MagicString;
      if (isGroup) last.append(`return [${results.join(', ')}];\n`);
      else if (functions[0]?.name !== null) last.append(`return ${results[0]};\n`);
      last.append('}\n');
    }
    return bundle;
  }

  /** What a function is called in its maker. */
  #local({ maker }: Group, { name }: Member): string {
    return name ?? `${maker}$f`;
  }

  #declarations({ site, captures, maker, number, members, becomesAsync }: Group): string[] {
    const names = captures.values.map((binding) => this.#context.sourceName(binding));
    const functions = members.filter((member) => member.number !== null);
    return functions.map(({ fun, name }, at) => {
      const label = fun.type !== 'ArrowFunctionExpression' && fun.id ? fun.id.name : name;
      const given = label ?? site.binding?.name ?? `${this.#enclosing(site)}/fun-${number}`;
      const fields = [
        `make: ${maker}`,
        `captures: ${JSON.stringify(names)}`,
        `coroutine: ${(fun.async || becomesAsync) && !fun.generator}`,
        `label: ${JSON.stringify(given)}`,
      ];
      if (functions.length > 1) fields.push(`at: ${at}`);
      return `{ ${fields.join(', ')} }`;
    });
  }

  /** The name of the function that makes it. */
  #enclosing({ around }: Site): string {
    for (const [at, node] of [...around.entries()].reverse()) {
      if (!isFunction(node)) continue;
      if (node.type !== 'ArrowFunctionExpression' && node.id) return node.id.name;
      const name = declaredName(around[at - 1]);
      if (name !== undefined) return name;
    }
    return 'module';
  }
}

function declaredName(parent: AnyNode | undefined): string | undefined {
  switch (parent?.type) {
    case 'VariableDeclarator':
      return parent.id.type === 'Identifier' ? parent.id.name : undefined;
    case 'Property':
    case 'MethodDefinition':
    case 'PropertyDefinition':
      return keyName(parent.key, parent.computed);
    default:
      return undefined;
  }
}

function rangeOf({ start, end }: AnyNode): { start: number; end: number } {
  return { start, end };
}
