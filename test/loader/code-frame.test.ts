import { expect, test } from 'vitest';
import { codeFrame } from '../../loader/code-frame.js';

const SOURCE = ['one', '\ttwo(three)', 'four', 'five', 'six', 'seven'].join('\n');

test('code frame: two lines around, a caret under the column, tabs kept', () => {
  expect(codeFrame(SOURCE, 2, 6, { length: 5 })).toBe(
    ['  1 | one', '> 2 | \ttwo(three)', '    | \t    ^^^^^', '  3 | four', '  4 | five'].join('\n'),
  );
});

test('code frame: first and last line, a column past the end, a line that is not there', () => {
  expect(codeFrame(SOURCE, 1, 1)).toBe(
    ['> 1 | one', '    | ^', '  2 | \ttwo(three)', '  3 | four'].join('\n'),
  );
  expect(codeFrame(SOURCE, 6, 99)).toContain(`> 6 | seven\n    | ${' '.repeat(5)}^`);
  expect(codeFrame(SOURCE, 7, 1)).toBe('');
  expect(codeFrame('', 1, 1)).toBe('> 1 |\n    | ^');
});

test('code frame: a line of a megabyte is shown as a window around the column', () => {
  const frame = codeFrame(`${'x'.repeat(500_000)}HERE${'y'.repeat(500_000)}`, 1, 500_001, {
    length: 4,
  });
  expect(frame.length).toBeLessThan(500);
  expect(frame).toContain('HERE');
  const [line, carets] = frame.split('\n') as [string, string];
  expect(line.indexOf('HERE')).toBe(carets.indexOf('^^^^'));
});

test('code frame: colour only when asked for', () => {
  expect(codeFrame(SOURCE, 1, 1)).not.toContain('\u001b[');
  expect(codeFrame(SOURCE, 1, 1, { colour: true })).toContain('\u001b[31m');
});
