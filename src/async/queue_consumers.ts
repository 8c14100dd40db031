/** The consumers of a queue: first come, first served, and an item wakes one consumer, not all. */
import { Fifo } from "../backlog.ts";

/** A queue of items, until its end. */
export interface ItemQueue<T> {
  /** Whether no more items will come. */
  readonly ended: boolean;
  /** The next item; undefined if there is none yet. After the last item, throws the reason for the end, if any. */
  take(): T | undefined;
}

/** The consumers that wait for the items of one queue. After {@linkcode QueueConsumers.dispatch}, there are no items while a consumer waits. */
export class QueueConsumers<T> {
  readonly #queue: ItemQueue<T>;
  readonly #waiting = new Fifo<(item: T | undefined) => void>();

  constructor(queue: ItemQueue<T>) {
    this.#queue = queue;
  }

  /** Gives items to waiting consumers; must be called whenever an item has come, and at the end. */
  dispatch(): void {
    const queue = this.#queue;
    while (this.#waiting.length > 0) {
      // At the end each consumer takes the reason from the queue itself.
      const item = queue.ended ? undefined : queue.take();
      if (item === undefined && !queue.ended) return;
      this.#waiting.shift()!(item);
    }
  }

  /** Waits for the next item; calls `expect` when the consumer begins to wait and when it stops. */
  async next(expect: (expecting: boolean) => void): Promise<IteratorResult<T, undefined>> {
    let value = this.#queue.take();
    if (value === undefined && !this.#queue.ended) {
      expect(true);
      try {
        value = await new Promise<T | undefined>((resolve) => this.#waiting.push(resolve));
      } finally {
        expect(false);
      }
      value ??= this.#queue.take();
    }
    return value === undefined ? { done: true, value: undefined } : { done: false, value };
  }
}
