/** The wait queue: the callers that wait for a connection, in the order of their calls. */
import { Fifo } from "../backlog.ts";

/** A caller that waits. */
export interface Waiter<E> {
  /** How many milliseconds it may wait, by the caller's options or the pool's. */
  readonly timeout: number;
  /** When its time is over. */
  readonly by: number;
  /** For how many milliseconds the connection is likely to be needed; Infinity for a caller that cannot share it. */
  readonly cost: number;
  /** Called with the connection. */
  resolve(entry: E): void;
  /** Called when the waiting has failed. */
  reject(error: unknown): void;
}

/** First come, first served. */
export class WaitQueue<E> {
  readonly #waiters = new Set<Waiter<E>>();
  /**
   * The waiters in order, with some that were removed. Finding the first element of a set takes time for every
   * element that was deleted before it.
   */
  #order = new Fifo<Waiter<E>>();

  /** How many wait. */
  get length(): number {
    return this.#waiters.size;
  }

  /** When the time of the next waiter is over. */
  get nextExpiryAt(): number {
    let due = Infinity;
    for (const { by } of this.#waiters) due = Math.min(due, by);
    return due;
  }

  /** Adds a waiter behind all others. */
  add(waiter: Waiter<E>): void {
    this.#waiters.add(waiter);
    this.#order.push(waiter);
  }

  /** Removes a waiter. */
  remove(waiter: Waiter<E>): void {
    this.#waiters.delete(waiter);
    this.#compact();
  }

  /** The cost of the next waiter. */
  get nextCost(): number {
    return this.#first?.cost ?? Infinity;
  }

  /** Takes the next waiter. */
  shift(): Waiter<E> | undefined {
    const waiter = this.#first;
    if (waiter === undefined) return undefined;
    this.#order.shift();
    this.#waiters.delete(waiter);
    return waiter;
  }

  /** Removes and returns the waiters whose time is over. */
  expired(now: number): Waiter<E>[] {
    const expired = [...this.#waiters].filter(({ by }) => by <= now);
    for (const waiter of expired) this.#waiters.delete(waiter);
    this.#compact();
    return expired;
  }

  get #first(): Waiter<E> | undefined {
    for (let first = this.#order.first; first !== undefined; first = this.#order.first) {
      if (this.#waiters.has(first)) return first;
      this.#order.shift();
    }
    return undefined;
  }

  /** Drops the removed waiters from the order, once they are the majority. */
  #compact(): void {
    if (this.#order.length <= 2 * this.#waiters.size + COMPACT_THRESHOLD) return;
    this.#order = new Fifo();
    for (const waiter of this.#waiters) this.#order.push(waiter);
  }
}

/** How many removed waiters are not worth dropping. */
const COMPACT_THRESHOLD = 64;
