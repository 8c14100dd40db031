/** Who waits for a connection, in the order in which they came. */

/** Somebody who waits. */
export interface Waiter<M> {
  /** How many milliseconds it may wait, as the caller or the pool's options gave them. */
  readonly timeout: number;
  /** When waiting is over. */
  readonly by: number;
  /** For how many milliseconds the connection is likely to be needed; Infinity for who needs it alone. */
  readonly cost: number;
  /** Called with what was waited for. */
  resolve(member: M): void;
  /** Called when there will be nothing. */
  reject(error: unknown): void;
}

/** First come, first served. */
export class Queue<M> {
  readonly #waiters = new Set<Waiter<M>>();

  /** How many wait. */
  get length(): number {
    return this.#waiters.size;
  }

  /** When the first of them gives up. */
  get due(): number {
    let due = Infinity;
    for (const { by } of this.#waiters) due = Math.min(due, by);
    return due;
  }

  /** Waits behind all others. */
  add(waiter: Waiter<M>): void {
    this.#waiters.add(waiter);
  }

  /** Waits no longer. */
  remove(waiter: Waiter<M>): void {
    this.#waiters.delete(waiter);
  }

  /** What the next one will cost. */
  get nextCost(): number {
    const [waiter] = this.#waiters;
    return waiter?.cost ?? Infinity;
  }

  /** Whose turn it is; waits no longer. */
  shift(): Waiter<M> | undefined {
    const [waiter] = this.#waiters;
    if (waiter !== undefined) this.#waiters.delete(waiter);
    return waiter;
  }

  /** Those whose time is over; they wait no longer. */
  expired(now: number): Waiter<M>[] {
    const expired = [...this.#waiters].filter(({ by }) => by <= now);
    for (const waiter of expired) this.#waiters.delete(waiter);
    return expired;
  }
}
