/**
 * Module locks: what happens to one module happens one after the other, in the order asked for; what
 * happens to different modules goes on at the same time.
 *
 * Invariant: who waits, waits only for what was asked for earlier, so nothing can wait in a circle.
 */
export class ModuleLocks {
  /** The end of the last thing that was asked for, by module. */
  readonly #last: Map<string, Promise<void>> = new Map();

  /**
   * @param names the modules that `action` changes
   * @param needs modules that must be at rest when it begins, and may change afterwards
   */
  run<T>(names: readonly string[], needs: readonly string[], action: () => Promise<T>): Promise<T> {
    const before = [...names, ...needs].map((name) => this.#last.get(name));
    const result = Promise.all(before).then(action);
    const settled = result.then(
      () => {},
      () => {},
    );
    for (const name of names) this.#last.set(name, settled);
    settled.then(() => {
      for (const name of names) if (this.#last.get(name) === settled) this.#last.delete(name);
    });
    return result;
  }
}
