/** The notifications of pools that await. */
import { QueueConsumers } from "../../async/queue_consumers.ts";
import type { PoolGap, PoolNotification, Subscription } from "../subscription.ts";
import { printMembers } from "../../inspection.ts";

/**
 * The notifications on a channel, to iterate over; made by `Pool.listen`. Waiting for the next one
 * keeps the process alive. Leaving the loop ends listening; so does closing the pool.
 */
export class PoolNotifications implements AsyncIterableIterator<PoolNotification | PoolGap>, AsyncDisposable {
  readonly #subscription: Subscription;
  readonly #unsubscribe: () => Promise<void>;
  readonly #keepProcess: (expecting: boolean) => void;
  readonly #consumers: QueueConsumers<PoolNotification | PoolGap>;

  /** Internal: see {@linkcode PoolNotifications}. */
  constructor(
    subscription: Subscription,
    leave: () => Promise<void>,
    expect: (expecting: boolean) => void,
    signal: AbortSignal | undefined,
  ) {
    this.#subscription = subscription;
    this.#unsubscribe = leave;
    this.#keepProcess = expect;
    const consumers = this.#consumers = new QueueConsumers(subscription);
    const stop = (): void => void this[Symbol.asyncDispose]();
    subscription.onChange = () => {
      if (subscription.ended) signal?.removeEventListener("abort", stop);
      consumers.dispatch();
    };
    // The pool may have been closed meanwhile.
    if (subscription.ended) return;
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted) stop();
  }

  static {
    printMembers<PoolNotifications>(this.prototype, ({ channel }) => ({ channel }));
  }

  /** The channel. */
  get channel(): string {
    return this.#subscription.channel;
  }

  /** Waits for the next notification or gap. */
  next(): Promise<IteratorResult<PoolNotification | PoolGap, undefined>> {
    return this.#consumers.next(this.#keepProcess);
  }

  /** Ends listening. Notifications that came before can still be taken. */
  async return(): Promise<IteratorResult<PoolNotification | PoolGap, undefined>> {
    await this[Symbol.asyncDispose]();
    return { done: true, value: undefined };
  }

  /** The same as {@linkcode return}. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#subscription.ended) return;
    this.#subscription.end();
    await this.#unsubscribe();
  }

  /** Returns this object. */
  [Symbol.asyncIterator](): this {
    return this;
  }
}
