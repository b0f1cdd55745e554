/**
 * Pass: function values. Declares what `lift.ts` lifted, and the functions of the top level that are
 * used as values: they capture nothing, so they can be sent as they are.
 *
 *   const $funs = module.funs([{ make: $fun0, … }])      before everything else
 *   $funs.locals(worker, helper)                         after everything else
 *
 * Exported ones go by their names, which the code table declares.
 */

import type { Binding } from './scopes.js';
import { isFunction } from './syntax.js';
import type { Pass, TransformContext } from './transform.js';

export const functionValues: Pass = (context) => {
  const { lifted } = context.input;
  const locals = [...localFunctions(context)].filter((binding) => isValue(context, binding));
  if (lifted === undefined && locals.length === 0) return;
  const funs = lifted?.funs ?? context.fresh('$funs');
  const declarations = lifted?.declarations ?? [];
  context.addHeader(`const ${funs} = module.funs([${declarations.join(', ')}]);`);
  if (locals.length === 0) return;
  context.addFooter(`${funs}.locals(${locals.map(({ name }) => name).join(', ')});\n`);
};

/** The functions of the user's top level that stay what they are, and are not exported. */
function* localFunctions(context: TransformContext): Iterable<Binding> {
  const { program, scopes, preludeEnd, exportedNames } = context;
  for (const statement of program.body) {
    if (statement.start < preludeEnd) continue;
    const names: string[] = [];
    if (statement.type === 'FunctionDeclaration') names.push(statement.id.name);
    else if (statement.type === 'VariableDeclaration') {
      for (const { id, init } of statement.declarations) {
        if (id.type === 'Identifier' && init && isFunction(init)) names.push(id.name);
      }
    }
    for (const name of names) {
      const binding = scopes.module.bindings.get(name);
      if (binding !== undefined && !binding.reassigned && !exportedNames.has(name)) yield binding;
    }
  }
}

/** Is it anywhere but in a call of it? */
function isValue({ scopes }: TransformContext, { references }: Binding): boolean {
  return references.some(({ node }) => {
    const parent = scopes.parents.get(node);
    return parent?.type !== 'CallExpression' || parent.callee !== node;
  });
}
