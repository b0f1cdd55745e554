/** A name for somebody who has not chosen one yet. */
const HOW = [
  'Quiet',
  'Merry',
  'Brave',
  'Curious',
  'Gentle',
  'Swift',
  'Sunny',
  'Clever',
  'Patient',
  'Bold',
];
const WHO = ['Otter', 'Heron', 'Badger', 'Lynx', 'Finch', 'Hare', 'Marten', 'Owl', 'Seal', 'Wren'];

export function someName(): string {
  return `${pick(HOW)} ${pick(WHO)}`;
}

function pick(words: readonly string[]): string {
  return words[Math.floor(Math.random() * words.length)] ?? 'Somebody';
}
