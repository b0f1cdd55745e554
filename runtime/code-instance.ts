/**
 * Code instance: one version of a module as it was evaluated on this thread.
 *
 * A module has at most two that count: current and old. Which of them the frames of a process belong to
 * is told by the generators: those of an instance share one prototype object, which the loader's output
 * gives them (`$rt.own`, `$rt.ownAll`). So a call costs nothing more, and only a purge looks.
 *
 * Source: OTP Reference Manual, "Compilation and Code Loading" › "Code Replacement".
 */

/** What has become of an instance. Only the code table changes it. */
export type InstanceState =
  /** Evaluated, and not yet what calls reach. */
  | 'prepared'
  | 'current'
  | 'old'
  /** No process runs it, and none is to begin to. */
  | 'purged';

/** The prototype of all generators of the realm: what has `next`, `return` and `throw`. */
const GENERATORS = Object.getPrototypeOf(function* () {}.prototype) as object;

const INSTANCE: unique symbol = Symbol('code instance');
/** On a generator of the machine: the module's generator whose frame stands for it. */
const INNER: unique symbol = Symbol('inner generator');

type GeneratorFunction = (...args: never[]) => unknown;

export class CodeInstance {
  readonly module: string;
  readonly version: string;
  state: InstanceState = 'prepared';
  readonly #generators: object;

  constructor(module: string, version: string) {
    this.module = module;
    this.version = version;
    this.#generators = Object.create(GENERATORS, {
      [INSTANCE]: { value: this },
    }) as object;
  }

  /** Generators that `fn` makes belong to this instance. @returns `fn` */
  own<F extends GeneratorFunction>(fn: F): F {
    (fn as { prototype?: object }).prototype = this.#generators;
    return fn;
  }

  /** Is it neither what calls reach nor what is to become that? */
  get isPast(): boolean {
    return this.state === 'old' || this.state === 'purged';
  }
}

/** Let the frame of a generator of the machine count as one of the module's generator that it drives. */
export function standsFor(generator: object, inner: object): void {
  (generator as { [INNER]?: object })[INNER] = inner;
}

/** Does the text of the generator come from a module? */
export function isOwned(generator: object): boolean {
  return (generator as { [INSTANCE]?: CodeInstance })[INSTANCE] !== undefined;
}

/** The instance whose code the frame of a generator runs; none for the machine's own. */
export function instanceOf(generator: object): CodeInstance | undefined {
  const own = (generator as { [INSTANCE]?: CodeInstance })[INSTANCE];
  if (own !== undefined) return own;
  const inner = (generator as { [INNER]?: object })[INNER];
  return inner === undefined ? undefined : (inner as { [INSTANCE]?: CodeInstance })[INSTANCE];
}
