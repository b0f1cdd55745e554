/**
 * The end of a block with `using` or `await using`, as text for the head of a module.
 *
 * esbuild's own helper runs the second and later disposers of `await using` in callbacks of native
 * promises, that is outside of any process; this one is a coroutine.
 *
 * Source: ECMAScript, "DisposeResources".
 */

import type { RuntimeName } from './transform.js';

/** @param name the function, called as esbuild's: (stack, error, hasError) → task or undefined */
export function disposeHelper(name: string, runtime: (name: RuntimeName) => string): string {
  return [
    `const ${name} = (stack, error, hasError) => {`,
    "  const Suppressed = typeof SuppressedError === 'function' ? SuppressedError : function (e, s, m) {",
    "    return Object.assign(new Error(m), { name: 'SuppressedError', error: e, suppressed: s });",
    '  };',
    '  const fail = (e) => {',
    "    error = hasError ? new Suppressed(e, error, 'An error was suppressed during disposal') : e;",
    '    hasError = true;',
    '  };',
    '  const disposeAll = function* () {',
    '    for (let it = stack.pop(); it; it = stack.pop()) {',
    '      try {',
    '        const result = it[1] && it[1].call(it[2]);',
    `        if (it[0] && ${runtime('await')}(result) === ${runtime('PARK')}) yield;`,
    '      } catch (e) {',
    `        if (e === ${runtime('UNWIND')}) throw e;`,
    '        fail(e);',
    '      }',
    '    }',
    '    if (hasError) throw error;',
    '  };',
    `  if (stack.some((it) => it[0])) return ${runtime('start')}(disposeAll());`,
    '  disposeAll().next();',
    '};',
  ].join('\n');
}
