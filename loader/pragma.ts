/**
 * The pragma that lets a resource of a scheduler through the isolation checks:
 *
 *   // @tsvm per-scheduler: connections to the database, which the driver shares among callers
 *   const pool = new Pool();
 *
 * It stands in the lines of comment right before the statement it means, and says why. Comments are
 * gone from what esbuild gives, so it is read from the user's text.
 */

/** A comment that names tsvm, whether or not it is a whole pragma. */
export interface Pragma {
  readonly line: number;
  readonly column: number;
  readonly length: number;
  /** The line of code it stands before. */
  readonly target: number;
  /** What is wrong with it. */
  readonly problem: string | null;
  used: boolean;
}

const MENTION = /^\s*(?:\/\/|\/?\*+)\s*(@tsvm\b.*?)(?:\*\/)?\s*$/;
const WHOLE = /^@tsvm per-scheduler:\s*(.*)$/;
/** Lines that may stand between a pragma and its statement. */
const BETWEEN = /^\s*(?:\/\/.*|\/\*.*|\*.*|@[\w.]+(?:\(.*\))?)?\s*$/;

export class Pragmas {
  readonly all: readonly Pragma[];
  readonly #byTarget: Map<number, Pragma> = new Map();

  constructor(source: string) {
    this.all = source.includes('@tsvm') ? [...find(source.split(/\r\n|\n|\r/))] : [];
    for (const each of this.all) if (each.problem === null) this.#byTarget.set(each.target, each);
  }

  get any(): boolean {
    return this.all.length > 0;
  }

  /** Does a pragma stand before this line of the source? It is then in use. */
  allows(line: number): boolean {
    const found = this.#byTarget.get(line);
    if (found !== undefined) found.used = true;
    return found !== undefined;
  }
}

function* find(lines: readonly string[]): Generator<Pragma> {
  for (const [at, text] of lines.entries()) {
    const mention = MENTION.exec(text)?.[1]?.trimEnd();
    if (mention === undefined) continue;
    let target = at + 1;
    while (target < lines.length && BETWEEN.test(lines[target] as string)) target++;
    yield {
      line: at + 1,
      column: text.indexOf('@tsvm') + 1,
      length: mention.length,
      target: target + 1,
      problem: problemOf(mention),
      used: false,
    };
  }
}

function problemOf(mention: string): string | null {
  const reason = WHOLE.exec(mention)?.[1];
  if (reason === undefined) return `"${mention}" is no pragma`;
  return /\p{L}{2}/u.test(reason) ? null : 'a pragma must say why';
}
