/** Times in which nothing may be submitted on a connection that awaits: while a cancel request is on its way. */

/** A time in which nothing is submitted. */
export class Hold {
  #exempt: object | undefined = undefined;
  #changing = Promise.withResolvers<void>();

  /** Whose op may submit all the same. */
  get exempt(): object | undefined {
    return this.#exempt;
  }

  set exempt(exempt: object | undefined) {
    this.#exempt = exempt;
    this.#changing.resolve();
    this.#changing = Promise.withResolvers();
  }

  /** Resolves when it ends, or somebody else is exempt. */
  get change(): Promise<void> {
    return this.#changing.promise;
  }
}
