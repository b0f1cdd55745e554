/**
 * Effects: what an expression does to the thing that a name in it stands for.
 *
 *   x = 1, x++, [x] = …, for (x of …)              assigned
 *   x.a.b = 1, delete x.a, [x.a] = …, x.#n++       changed
 *   Object.assign(x, …), Reflect.set(x.a, …)       changed
 *   x.list.push(1)                                 called: `push` of `x.list`
 *   everything else                                read
 */

import type { Reference, Scopes } from './scopes.js';
import { type AnyNode, keyName } from './syntax.js';

export interface Effect {
  readonly kind: 'assigned' | 'changed' | 'called' | 'read';
  /** The whole of the member expression that begins with the name. */
  readonly node: AnyNode;
  /** The properties on the way to what is changed or called; `undefined` where the text does not tell. */
  readonly path: readonly (string | undefined)[];
  /** Of `called`. */
  readonly method?: string | undefined;
}

/** Functions of the language that change what their first argument is. */
const CHANGERS: Readonly<Record<string, readonly string[]>> = {
  Object: ['assign', 'defineProperty', 'defineProperties', 'setPrototypeOf'],
  Reflect: ['set', 'defineProperty', 'deleteProperty', 'setPrototypeOf'],
};

export function effectOf({ node: name, write }: Reference, { parents }: Scopes): Effect {
  return write ? { kind: 'assigned', node: name, path: [] } : effectOn(name, parents);
}

/** @param root an identifier that is not assigned itself, or `this` */
export function effectOn(root: AnyNode, parents: Scopes['parents']): Effect {
  const path: (string | undefined)[] = [];
  let node = root;
  let parent = parents.get(node);
  while (parent?.type === 'MemberExpression' && parent.object === node) {
    path.push(keyName(parent.property, parent.computed));
    node = parent;
    parent = parents.get(node);
  }
  if (parent?.type === 'CallExpression') {
    if (parent.callee === node && path.length > 0) {
      return { kind: 'called', node, path: path.slice(0, -1), method: path.at(-1) };
    }
    if (parent.arguments[0] === node && isChanger(parent.callee)) {
      return { kind: 'changed', node, path };
    }
  }
  const changed = path.length > 0 && parent !== undefined && assigns(parent, node);
  return { kind: changed ? 'changed' : 'read', node, path: changed ? path.slice(0, -1) : path };
}

function assigns(parent: AnyNode, target: AnyNode): boolean {
  switch (parent.type) {
    case 'AssignmentExpression':
    case 'AssignmentPattern':
    case 'ForInStatement':
    case 'ForOfStatement':
      return parent.left === target;
    case 'UpdateExpression':
    case 'ArrayPattern':
    case 'ObjectPattern':
    case 'RestElement':
      return true;
    case 'UnaryExpression':
      return parent.operator === 'delete';
    default:
      return false;
  }
}

function isChanger(callee: AnyNode): boolean {
  if (callee.type !== 'MemberExpression' || callee.object.type !== 'Identifier') return false;
  const name = keyName(callee.property, callee.computed);
  return name !== undefined && CHANGERS[callee.object.name]?.includes(name) === true;
}
