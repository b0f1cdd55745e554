/**
 * Counted loops: the text of the checks in loops.
 *
 *   for (…) { … g(n) … }             a check in the loop's body; `$k` is a local of the function:
 *                                    if (($k = $k + 1 | 0) > 63) $k = $lap();
 *   for (let i = 0; i < n; i++) { }  where iterations are short, a loop of parts around it:
 *                                    for (let i = 0; ;) {
 *                                      let $n = 0; const $e = 64 - $k << 2;
 *                                      for (; $n < $e && (i < n); $n = $n + 1 | 0, i++) { }
 *                                      if ($n < $e) { $k = $k + ($n >> 2) & 63; break; }
 *                                      $k = $laps($e);
 *                                    }
 *   for (const x of xs) { }          likewise, if `xs` is an array when it runs; else `$i` is `$a`:
 *                                    for (let $a = xs, $i = $inParts($a) ? … : …; ;) {
 *                                      let $n = 0; const $e = 64 - $k << 2;
 *                                      for (const x of $i) { { } if (($n = $n + 1 | 0) >= $e) {
 *                                        if ($i !== $a) break;
 *                                        $k = $laps($e); $n = … } }
 *                                      if ($n < $e) …
 *                                    }
 *
 * In a coroutine the checks can yield.
 *
 * Invariants:
 *  1. Checks stand on the user's line: a stack through one shows the loop that ran.
 *  2. `$k` is counted in a local variable because a store to memory for each iteration costs a tight
 *     loop more than the loop itself. A part begins to count at 0, which V8 knows the range of.
 *  3. `$k` is from 0 to 63 wherever a loop begins; only between two parts of one loop may it be less,
 *     for parts that were seen to be fast are longer.
 *  4. In the loop over an array no call may come that V8 has seen to run: it would load the array anew for
 *     each element. Calls that never ran are no calls for its optimizing compiler.
 */

import { LAP, SHORT_SHIFT } from '../runtime/preemption.js';
import { type CodeKind, yieldOf } from './code-kind.js';
import type { LoopNode, LoopShapes } from './loop-shape.js';
import { type AnyNode, eachChild } from './syntax.js';
import type { TransformContext } from './transform.js';

type ForOfStatement = Extract<AnyNode, { type: 'ForOfStatement' }>;
/** The loops that are run in parts with a counter of their own. */
type DividedLoop = Extract<AnyNode, { type: 'ForStatement' | 'WhileStatement' }>;

/** Where a function's first iterations begin to count: short, as most loops are. */
const FIRST_COUNT = LAP - 16;

interface PartNames {
  readonly part: string;
  readonly end: string;
}

interface ForOfNames {
  readonly all: string;
  readonly rest: string;
  readonly body: string;
}

export class CountedLoops {
  readonly #context: TransformContext;
  #counter: string | null = null;
  #parts: PartNames | null = null;
  #forOf: ForOfNames | null = null;

  constructor(context: TransformContext) {
    this.#context = context;
  }

  /** What a function with loops begins with. */
  get declaration(): string {
    return `let ${this.#counterName()} = ${FIRST_COUNT};`;
  }

  /** A loop, before anything in it is visited. @returns the text to put after the body */
  begin(node: LoopNode, shape: ReturnType<LoopShapes['shapeOf']>, kind: CodeKind): string {
    if (shape === 'none') return '';
    if (shape === 'in_body') return this.#checkBody(node.body as AnyNode, kind);
    return node.type === 'ForOfStatement'
      ? this.#divideForOf(node, kind)
      : this.#divide(node as DividedLoop, kind);
  }

  /** A check at the head of the body. */
  #checkBody(body: AnyNode, kind: CodeKind): string {
    const count = this.#counterName();
    const { edits } = this.#context;
    const spent = `(${count} = ${count} + 1 | 0) > ${LAP - 1}`;
    const check =
      kind === 'plain'
        ? `if (${spent}) ${count} = ${this.#context.runtime('lap')}();`
        : `if (${spent} && (${count} = ${this.#context.runtime('pauseLap')}()) < 0) ${this.#yield(kind)};`;
    if (body.type === 'BlockStatement') {
      edits.appendLeft(body.start + 1, ` ${check}`);
      return '';
    }
    edits.appendLeft(body.start, `{ ${check} `);
    return ' }';
  }

  /** A loop of parts around the loop; what is written in the head stays where it stands. */
  #divide(node: DividedLoop, kind: CodeKind): string {
    const { code, edits } = this.#context;
    const { part, end } = this.#partNames();
    const close = code.lastIndexOf(')', node.body.start);
    const next = `${part} = ${part} + 1 | 0`;
    const begin = `) { ${this.#beginPart()} for (; ${part} < ${end}`;
    if (node.type === 'WhileStatement') {
      const open = code.indexOf('(', node.start) + 1;
      edits.update(node.start, open, `for (;;${begin} && (`);
      edits.appendRight(close, `); ${next}`);
    } else {
      const first = code.indexOf(';', node.init?.end ?? node.start) + 1;
      const second = code.indexOf(';', node.test?.end ?? first);
      edits.appendLeft(first, ` ;${begin}${node.test ? ' && (' : ''}`);
      if (node.test) edits.appendRight(second, ')');
      edits.appendLeft(second + 1, ` ${next}${node.update ? ',' : ''}`);
    }
    return this.#endPart(kind);
  }

  #divideForOf(node: ForOfStatement, kind: CodeKind): string {
    const { edits } = this.#context;
    const { left, right, body } = node;
    const { part, end } = this.#partNames();
    const { all, rest, body: label } = this.#forOfNames();
    const runtime = this.#context.runtime.bind(this.#context);
    const fault = JSON.stringify(this.#faultOf(right));
    const iterator = `${runtime('inParts')}(${all}) ? ${all}[${runtime('iterator')}]() : ${all} = ${runtime('inOneGo')}(${all}, ${fault})`;
    edits.update(node.start, left.start, `for (let ${all} = `);
    edits.remove(left.end, right.start);
    edits.move(left.start, left.end, right.end);
    edits.appendRight(left.start, `, ${rest} = ${iterator}; ;) { ${this.#beginPart()} for (`);
    edits.appendLeft(left.end, ` of ${rest}`);
    const leaves = continues(body);
    for (const { start, end: stop } of leaves) edits.update(start, stop, `break ${label};`);
    edits.appendLeft(body.start, leaves.length > 0 ? `{ ${label}: ` : '{ ');
    const again = `${part} = ${end} - (${LAP} - ${this.#counterName()} << ${SHORT_SHIFT}) | 0;`;
    const check = `if ((${part} = ${part} + 1 | 0) >= ${end}) { if (${rest} !== ${all}) break; ${this.#spend(kind)} ${again} }`;
    return ` ${check} }${this.#endPart(kind)}`;
  }

  /** What V8 says of a value that cannot be iterated. */
  #faultOf(node: AnyNode): string {
    const { code } = this.#context;
    return node.type === 'CallExpression'
      ? `${code.slice(node.callee.start, node.callee.end)} is not a function or its return value is not iterable`
      : `${code.slice(node.start, node.end)} is not iterable`;
  }

  #beginPart(): string {
    const { part, end } = this.#partNames();
    return `let ${part} = 0; const ${end} = ${LAP} - ${this.#counterName()} << ${SHORT_SHIFT};`;
  }

  #endPart(kind: CodeKind): string {
    const count = this.#counterName();
    const { part, end } = this.#partNames();
    const rest = `if (${part} < ${end}) { ${count} = ${count} + (${part} >> ${SHORT_SHIFT}) & ${LAP - 1}; break; }`;
    return ` ${rest} ${this.#spend(kind)} }`;
  }

  /** The check after a part. */
  #spend(kind: CodeKind): string {
    const count = this.#counterName();
    const { end } = this.#partNames();
    if (kind === 'plain') return `${count} = ${this.#context.runtime('laps')}(${end});`;
    const spent = `(${count} = ${this.#context.runtime('pauseLaps')}(${end})) === ${LAP}`;
    return `if (${spent}) { ${count} = 0; ${this.#yield(kind)}; }`;
  }

  #yield(kind: CodeKind): string {
    return yieldOf(kind, this.#context);
  }

  #partNames(): PartNames {
    this.#parts ??= { part: this.#context.fresh('$n'), end: this.#context.fresh('$e') };
    return this.#parts;
  }

  #forOfNames(): ForOfNames {
    const { fresh } = this.#context;
    const name = fresh.bind(this.#context);
    this.#forOf ??= { all: name('$a'), rest: name('$i'), body: name('$body') };
    return this.#forOf;
  }

  #counterName(): string {
    this.#counter ??= this.#context.fresh('$k');
    return this.#counter;
  }
}

/** The `continue`s of a loop that has no loop in it. */
function continues(body: AnyNode): AnyNode[] {
  const found: AnyNode[] = [];
  const visit = (node: AnyNode): void => {
    if (node.type === 'ContinueStatement' && !node.label) found.push(node);
    else eachChild(node, visit);
  };
  visit(body);
  return found;
}
