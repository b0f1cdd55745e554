/**
 * Yielding twins: plain functions that may run long get a second form, which gives way. (`twins.ts` is about another kind, for recursion.)
 *
 *   const spin = (n: number) => { for (;;) n = step(n) }
 * keeps its text, and at the end of the module comes
 *   const spin$tw = async (n) => { for (;;) n = step(n) }
 * which `pass-coroutines.ts` lowers as a coroutine that is called like a plain function (`runTwin`). Calls of
 * `spin` by name in coroutine code choose one of the two; see runtime/twins.ts for which.
 *
 * A twin have the functions of the module's top level that contain a loop, or call by name one that does,
 * where coroutine code calls them by name, or something refers to them as a value (an export, an entry).
 *
 * Invariants:
 *  1. This comes before the passes: a twin gets its checks, its coroutine and its mapping as all code does.
 *  2. A module without such functions costs one search of its text.
 *  3. Nothing in the text refers to a twin, so what the passes know of the functions stays what it was.
 */

import { TraceMap } from '@jridgewell/trace-mapping';
import { Bundle, type default as MagicString } from 'magic-string';
import { chainMappings } from './chain-maps.js';
import { isLoop } from './loop-shape.js';
import { bindingOf } from './once.js';
import type { Binding, FunctionInfo, Reference, Scopes } from './scopes.js';
import { type AnyNode, eachChild, type FunctionNode, isFunction } from './syntax.js';
import type { TransformContext, TransformInput } from './transform.js';

export interface YieldingTwins {
  /** Where their text begins. */
  readonly start: number;
  /** By the names of the functions. */
  readonly names: ReadonlyMap<string, string>;
  /** The names of those that are values, too. */
  readonly values: readonly string[];
}

const LOOP = /\b(?:for|while|do)\b/;

interface Candidate {
  readonly binding: Binding;
  readonly node: FunctionNode;
  readonly calls: Set<Candidate>;
  /** It has a loop, or calls one that has. */
  long: boolean;
  isValue: boolean;
  /** Coroutine code calls it. */
  called: boolean;
}

/** @returns `null` when the module has no such function */
export function twinFunctions(context: TransformContext): TransformInput | null {
  if (!LOOP.test(context.code.slice(context.preludeEnd))) return null;
  const chosen = choose(findCandidates(context));
  return chosen.length === 0 ? null : appendTwins(context, chosen);
}

/** Does the code itself, not a function inside it, have a loop? */
export function hasLoop(node: AnyNode): boolean {
  let found = false;
  const visit = (child: AnyNode): void => {
    if (found || isFunction(child) || child.type === 'StaticBlock') return;
    if (isLoop(child)) found = true;
    else eachChild(child, visit);
  };
  eachChild(node, visit);
  return found;
}

/** The plain functions of the top level that may run long. */
export function longFunctions(context: TransformContext): ReadonlySet<Binding> {
  if (!LOOP.test(context.code.slice(context.preludeEnd))) return new Set();
  const found = findCandidates(context).filter(({ long }) => long);
  return new Set(found.map(({ binding }) => binding));
}

/** Is this the callee of a call, not of `new` or `?.()`? */
export function isCallee(scopes: Scopes, node: AnyNode): boolean {
  const parent = scopes.parents.get(node);
  return parent?.type === 'CallExpression' && parent.callee === node && !parent.optional;
}

/** Plain functions of the top level that could have a twin. */
export function plainFunctions(context: TransformContext): Map<Binding, FunctionNode> {
  const { scopes, preludeEnd } = context;
  const found = new Map<Binding, FunctionNode>();
  for (const info of scopes.functions.values()) {
    const { node } = info;
    if (!isFunction(node) || node.start < preludeEnd || info.home !== scopes.module) continue;
    if (node.async || node.generator || usesCaller(info)) continue;
    // Its own name means itself inside.
    if (node.type === 'FunctionExpression' && node.id) continue;
    const binding = bindingOf(scopes, info);
    if (binding === undefined || binding.scope !== scopes.module || binding.reassigned) continue;
    if (binding.kind === 'function' || binding.kind === 'const') found.set(binding, node);
  }
  return found;
}

/** What a call by another way would change. */
function usesCaller(info: FunctionInfo): boolean {
  return (
    info.thisNodes.length > 0 ||
    info.argumentsNodes.length > 0 ||
    info.newTargetNodes.length > 0 ||
    info.superNodes.length > 0 ||
    info.directEval
  );
}

function findCandidates(context: TransformContext): Candidate[] {
  const { scopes } = context;
  const candidates = new Map<Binding, Candidate>();
  const byNode = new Map<AnyNode, Candidate>();
  for (const [binding, node] of plainFunctions(context)) {
    const long = hasLoop(node.body);
    const calls = new Set<Candidate>();
    const candidate = { binding, node, calls, long, isValue: false, called: false };
    candidates.set(binding, candidate);
    byNode.set(node, candidate);
  }
  for (const candidate of candidates.values()) {
    for (const reference of candidate.binding.references)
      noteReference(scopes, candidate, reference, byNode);
  }
  spread([...candidates.values()]);
  return [...candidates.values()];
}

function noteReference(
  scopes: Scopes,
  candidate: Candidate,
  { node, scope: { owner } }: Reference,
  byNode: ReadonlyMap<AnyNode, Candidate>,
): void {
  if (!isCallee(scopes, node)) candidate.isValue = true;
  else if (owner !== null && isFunction(owner.node)) {
    if (owner.node.async && !owner.node.generator) candidate.called = true;
    byNode.get(owner.node)?.calls.add(candidate);
  }
}

/** Who calls by name what may be long may be long. */
function spread(candidates: readonly Candidate[]): void {
  for (let more = true; more; ) {
    more = false;
    for (const each of candidates) {
      if (each.long || ![...each.calls].some(({ long }) => long)) continue;
      each.long = true;
      more = true;
    }
  }
}

function choose(candidates: readonly Candidate[]): Candidate[] {
  const chosen = new Set<Candidate>();
  const add = (candidate: Candidate): void => {
    if (!candidate.long || chosen.has(candidate) || !isRepeatable(candidate.node)) return;
    chosen.add(candidate);
    for (const callee of candidate.calls) add(callee);
  };
  for (const candidate of candidates) if (candidate.isValue || candidate.called) add(candidate);
  return candidates.filter((candidate) => chosen.has(candidate));
}

/** An import is noted once; the strings of a tagged template are the same object at each call. */
function isRepeatable(node: AnyNode): boolean {
  if (node.type === 'ImportExpression' || node.type === 'TaggedTemplateExpression') return false;
  let repeatable = true;
  eachChild(node, (child) => {
    repeatable &&= isRepeatable(child);
  });
  return repeatable;
}

/** The module, and after it the twins. */
function appendTwins(context: TransformContext, chosen: readonly Candidate[]): TransformInput {
  const { edits, input, code } = context;
  const filename = 'esbuild.js';
  const bundle = new Bundle({ separator: '' });
  bundle.addSource({ filename, content: edits });
  const names = new Map<string, string>();
  for (const { binding, node } of chosen) {
    const name = context.fresh(`${binding.name}$tw`);
    names.set(binding.name, name);
    bundle.addSource({ filename, content: twinText(edits, node, name) });
  }
  const { mappings } = bundle.generateDecodedMap({ hires: 'boundary' });
  return {
    ...input,
    code: bundle.toString(),
    map: new TraceMap({
      version: 3,
      sources: [''],
      names: [],
      mappings: chainMappings(mappings, input.map),
    }),
    twins: {
      start: code.length,
      names,
      values: chosen.filter(({ isValue }) => isValue).map(({ binding }) => binding.name),
    },
  };
}

function twinText(edits: MagicString, node: FunctionNode, name: string): MagicString {
  const text = edits.snip(node.start, node.end);
  if (node.type === 'FunctionDeclaration' && node.id) {
    text.update(node.id.start, node.id.end, name);
    return text.prepend('\nasync ').append('\n');
  }
  return text.prepend(`\nconst ${name} = async `).append(';\n');
}
