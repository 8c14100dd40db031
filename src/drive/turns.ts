/**
 * Whose turn it is on a connection that awaits: one op after the other may submit, in the order of
 * the calls. Only the right to submit is taken in turns; replies are awaited side by side.
 */

/** First come, first served. */
export class Turns {
  #taken = false;
  readonly #waiting: (() => void)[] = [];

  /** Takes the turn if it is free; otherwise a promise of having it. */
  take(): Promise<void> | undefined {
    if (this.#taken) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#taken = true;
    return undefined;
  }

  /** Gives the turn to who waits longest. */
  pass(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken = false;
    else next();
  }
}
