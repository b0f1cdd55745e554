/** The tree: what meriyah gives must be what acorn's types promise, node for node and place for place. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'acorn';
import { transform } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { type AnyNode, eachChild, isSyntaxFault, parseProgram } from '../../loader/syntax.js';

const FOLDERS = ['loader', 'runtime', 'modules', 'bif'].map((name) =>
  join(import.meta.dirname, '../..', name),
);

const ODD = `
  class X extends Y { static { a(); } [k] = 1; #p; static s; get [z]() { return super.x; } static async *m() {} #q(o) { return #p in o; } constructor() { super(...a); } }
  label: for (;;) { if (a) continue label; break label; }
  do {} while (1); while (a) b; for (var i in o) {} for (const [a, , b = 2] of c) {}
  async function f() { await 0; yield_: for (const x of y) {} } function* g() { yield; yield* h(); new.target; }
  tag\`a\${b}c\\n\`; \`\${a}\`; switch (a) { case 1: b; default: c }
  ({ a, b = 1, ...c } = d); [a.b, c[d] = 3, ...e] = f; ({ get a() {}, set a(v) {}, async *[x]() {}, 'q': 1, 2: 3, m() {}, a });
  a?.b?.[c]?.(d); (a?.b).c; (x, y); (a) => {}; async x => x; async ({ a }) => ({ a }); new (a())(b); new a; 1n; 0x1F; 1e3; /a[/]b/gu;
  a ??= b; a ||= b; a **= b; let { z: { y: [p, , q] }, ...r } = s; (function () {}); (function n() {}); (class {}); (class N {}); if (a); else b;
  try { throw a } catch { b } finally { c } try {} catch ({ message }) {} delete a.b; typeof a; void 0; -a; +a; !a; ++a.b; c--; debugger;
  import('a'); import('a', { with: { type: 'json' } }); a ? b : c ? d : e; a && b || c; a ?? b; 'use\\tstrict'; this; var é = "\\u00e9";
`;

describe('the tree of a module', () => {
  test('is that of acorn for odd syntax', () => {
    expect(differences(ODD)).toEqual([]);
  });

  test('is that of acorn for the files of the machine, as esbuild writes them', async () => {
    const found: string[] = [];
    let files = 0;
    for (const folder of FOLDERS) {
      for (const name of await readdir(folder)) {
        if (!name.endsWith('.ts') || name.endsWith('.d.ts')) continue;
        const source = await readFile(join(folder, name), 'utf8');
        const { code } = await transform(source, { loader: 'ts', format: 'cjs', target: 'node20' });
        files += 1;
        found.push(...differences(code).map((one) => `${name}: ${one}`));
      }
    }
    expect(found).toEqual([]);
    expect(files).toBeGreaterThan(100);
  });

  test('eachChild gives all nodes, in order, that a look at every property finds', () => {
    const walk = (node: AnyNode): void => {
      const children: AnyNode[] = [];
      eachChild(node, (child) => children.push(child));
      expect(new Set(children), node.type).toEqual(new Set(childrenByLooking(node)));
      for (const child of children) walk(child);
    };
    walk(parseProgram(ODD));
  });

  test('what is no syntax raises a fault with place and description', () => {
    let fault: unknown;
    try {
      parseProgram('a;\nlet = 1;');
    } catch (error) {
      fault = error;
    }
    expect(isSyntaxFault(fault)).toBe(true);
    expect(fault).toMatchObject({ loc: { start: { line: 2, column: 4 } } });
  });
});

function childrenByLooking(node: AnyNode): AnyNode[] {
  const isNode = (value: unknown): value is AnyNode =>
    typeof value === 'object' && value !== null && typeof Reflect.get(value, 'type') === 'string';
  return Object.values(node).flat().filter(isNode);
}

/** Properties of acorn's tree that this one lacks or has otherwise. */
function differences(code: string): string[] {
  const found: string[] = [];
  const compare = (expected: unknown, given: unknown, path: string): void => {
    if (typeof expected !== 'object' || expected === null || expected instanceof RegExp) {
      if (expected instanceof RegExp || Object.is(expected, given)) return;
      // Neither is read by any pass: what meriyah leaves out there is `false` or `null`.
      if (given === undefined && !expected) return;
      found.push(`${path}: ${String(expected)}, not ${String(given)}`);
      return;
    }
    for (const [key, value] of Object.entries(expected)) {
      compare(value, (given as Record<string, unknown> | undefined)?.[key], `${path}.${key}`);
    }
    if (Array.isArray(expected) && expected.length !== (given as unknown[]).length)
      found.push(`${path}: ${expected.length} elements, not ${(given as unknown[]).length}`);
  };
  compare(
    parse(code, { ecmaVersion: 'latest', sourceType: 'module' }),
    parseProgram(code),
    'Program',
  );
  return found;
}
