import { expect, test } from 'vitest';
import { PROGRAMS } from './programs.js';
import { nativeMain, runMain, tsvmMain } from './support.js';

for (const [name, source] of Object.entries(PROGRAMS)) {
  test(`coroutines: ${name}: as Node runs it`, async () => {
    const expected = await runMain(await nativeMain(source));
    const actual = await runMain(await tsvmMain(source));
    expect(actual).toEqual(expected);
  });
}
