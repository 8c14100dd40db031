/** Who waits for what comes in a queue: first come, first served, and what comes wakes one, not all. */
import { Fifo } from "../backlog.ts";

/** A queue whose items come one by one, until there are no more. */
export interface ItemQueue<T> {
  /** Whether nothing more will come. */
  readonly ended: boolean;
  /** The next item; undefined if there is none yet. Throws, after the last one, why no more will come. */
  take(): T | undefined;
}

/** Those who wait for the items of one queue. It has none as long as somebody waits, once they have been handed on. */
export class QueueConsumers<T> {
  readonly #queue: ItemQueue<T>;
  readonly #waiting = new Fifo<(item: T | undefined) => void>();

  constructor(queue: ItemQueue<T>) {
    this.#queue = queue;
  }

  /** Hands on what has come; to be called whenever something has, and at the end. */
  dispatch(): void {
    const queue = this.#queue;
    while (this.#waiting.length > 0) {
      // At the end those who wait look for themselves, to be told the reason.
      const item = queue.ended ? undefined : queue.take();
      if (item === undefined && !queue.ended) return;
      this.#waiting.shift()!(item);
    }
  }

  /** The next item, once it has come; `expect` is told that somebody waits for it, and no longer. */
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
