/** The callers that wait for a connection, in the order in which they came. */
import { Fifo } from "../backlog.ts";

/** A caller that waits. */
export interface Waiter<M> {
  /** How many milliseconds it may wait, as the caller or the pool's options gave them. */
  readonly timeout: number;
  /** When waiting is over. */
  readonly by: number;
  /** For how many milliseconds the connection is likely to be needed; Infinity for a caller that cannot share it. */
  readonly cost: number;
  /** Called with the connection. */
  resolve(member: M): void;
  /** Called when the waiting has failed. */
  reject(error: unknown): void;
}

/** First come, first served. */
export class WaitQueue<M> {
  readonly #waiters = new Set<Waiter<M>>();
  /** The same, and some that wait no longer: finding the first of a set takes as long as there were others before it. */
  #order = new Fifo<Waiter<M>>();

  /** How many wait. */
  get length(): number {
    return this.#waiters.size;
  }

  /** When the first of them gives up. */
  get nextExpiryAt(): number {
    let due = Infinity;
    for (const { by } of this.#waiters) due = Math.min(due, by);
    return due;
  }

  /** Waits behind all others. */
  add(waiter: Waiter<M>): void {
    this.#waiters.add(waiter);
    this.#order.push(waiter);
  }

  /** Waits no longer. */
  remove(waiter: Waiter<M>): void {
    this.#waiters.delete(waiter);
    this.#compact();
  }

  /** The cost of the next one. */
  get nextCost(): number {
    return this.#first?.cost ?? Infinity;
  }

  /** Takes the waiter that is next. */
  shift(): Waiter<M> | undefined {
    const waiter = this.#first;
    if (waiter === undefined) return undefined;
    this.#order.shift();
    this.#waiters.delete(waiter);
    return waiter;
  }

  /** Those whose time is over; they wait no longer. */
  expired(now: number): Waiter<M>[] {
    const expired = [...this.#waiters].filter(({ by }) => by <= now);
    for (const waiter of expired) this.#waiters.delete(waiter);
    this.#compact();
    return expired;
  }

  get #first(): Waiter<M> | undefined {
    for (let first = this.#order.first; first !== undefined; first = this.#order.first) {
      if (this.#waiters.has(first)) return first;
      this.#order.shift();
    }
    return undefined;
  }

  /** Drops those that wait no longer, once they are the majority. */
  #compact(): void {
    if (this.#order.length <= 2 * this.#waiters.size + COMPACT_THRESHOLD) return;
    this.#order = new Fifo();
    for (const waiter of this.#waiters) this.#order.push(waiter);
  }
}

/** How many that wait no longer are not worth dropping. */
const COMPACT_THRESHOLD = 64;
