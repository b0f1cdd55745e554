/** Where the program of a thread is: one file each, which `scripts/bundle-threads.mjs` makes. */

/** @returns a URL, as text: what both Piscina and `new Worker(new URL(…))` take */
export function threadFile(kind: 'scheduler' | 'dirty' | 'storage'): string {
  return new URL(`../../threads/${kind}-thread.js`, import.meta.url).href;
}
