import { readFileSync } from 'node:fs';
import { test } from 'vitest';
import { compile } from '/work/main/loader/compile.js';

test('x', async () => {
  for (const f of process.env.F!.split(',')) {
    try {
      const m = await compile(readFileSync(f, 'utf8'), { name: 'chat/a', file: f });
      console.log(m.code);
      console.log(m.exports, m.imports);
    } catch (e: any) {
      console.log(e.format?.() ?? e);
    }
  }
});
