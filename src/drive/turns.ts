/**
 * Whose turn it is on a connection that awaits: one op after the other may submit, in the order of
 * the calls. Only the right to submit is taken in turns; replies are awaited side by side.
 */

/** A place in the line. */
export interface Place {
  /** Resolves when it is this one's turn. */
  readonly reached: Promise<void>;
  /** Leaves the line. */
  withdraw(): void;
}

/** First come, first served. */
export class Turns {
  #taken = false;
  /** Whether who has the turn waits for those that go on. */
  #lending = false;
  #borrowed = false;
  #onReturned: (() => void) | undefined = undefined;
  readonly #waiting: (() => void)[] = [];
  /** Those that had a turn before, and go on. */
  readonly #continuing: (() => void)[] = [];

  /** Takes the turn if it is free; otherwise a place in the line. */
  take(): Place | undefined {
    if (this.#taken) return placeIn(this.#waiting);
    this.#taken = true;
    return undefined;
  }

  /** Takes the turn again, before those that had none yet. */
  takeAgain(): Place | undefined {
    if (!this.#taken) {
      this.#taken = true;
      return undefined;
    }
    if (!this.#lending || this.#borrowed) return placeIn(this.#continuing);
    this.#borrowed = true;
    return undefined;
  }

  /** Gives the turn to who waits longest. */
  pass(): void {
    this.#borrowed = false;
    if (this.#onReturned !== undefined) {
      const returned = this.#onReturned;
      this.#onReturned = undefined;
      return returned();
    }
    const next = this.#continuing.shift() ?? (this.#lending ? undefined : this.#waiting.shift());
    if (next !== undefined) {
      this.#borrowed = this.#lending;
      next();
    } else if (!this.#lending) this.#taken = false;
  }

  /** Lets those that go on have the turn for a while, until {@linkcode Turns.reclaim}; to be called by who has it. */
  lend(): void {
    this.#lending = true;
    if (this.#continuing.length > 0) this.pass();
  }

  /** Has it alone again, once who has it just now gives it back. */
  reclaim(): Promise<void> | undefined {
    this.#lending = false;
    return this.#borrowed ? new Promise((resolve) => this.#onReturned = resolve) : undefined;
  }
}

function placeIn(line: (() => void)[]): Place {
  const { promise: reached, resolve } = Promise.withResolvers<void>();
  line.push(resolve);
  return {
    reached,
    withdraw: () => {
      const index = line.indexOf(resolve);
      if (index >= 0) line.splice(index, 1);
    },
  };
}
