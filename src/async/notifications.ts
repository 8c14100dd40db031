/** What connections that await hear on a channel. */
import type { Calls } from "../connection/calls.ts";
import type { AsyncLink } from "../run/async_link.ts";
import type { NotificationQueue } from "../features/listen.ts";
import type { Notification } from "../wire/backend.ts";

/**
 * The notifications on a channel, to iterate over; made by `Conn.listen`. Whoever waits for the next
 * one keeps the process alive. Leaving the loop ends listening. The loss of the connection ends it with
 * a `ConnectionError`, and so do too many notifications that nobody takes.
 */
export class Notifications implements AsyncIterableIterator<Notification>, AsyncDisposable {
  readonly #calls: Calls;
  readonly #link: AsyncLink;
  readonly #queue: NotificationQueue;
  readonly #waiters: Waiters;

  /** Not for callers: see {@linkcode Notifications}. */
  constructor(calls: Calls, link: AsyncLink, queue: NotificationQueue, signal: AbortSignal | undefined) {
    this.#calls = calls;
    this.#link = link;
    this.#queue = queue;
    const waiters = this.#waiters = wakenBy(queue);
    if (signal === undefined) return;
    const stop = (): void => void this.return().catch(() => {});
    waiters.onEnd = () => signal.removeEventListener("abort", stop);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
  }

  /** The channel. */
  get channel(): string {
    return this.#queue.channel;
  }

  /** The next notification, once it has come. */
  async next(): Promise<IteratorResult<Notification, undefined>> {
    for (;;) {
      const value = this.#queue.take();
      if (value !== undefined) return { done: false, value };
      if (this.#queue.ended) return { done: true, value: undefined };
      this.#link.expectEvents(true);
      try {
        await new Promise<void>((resolve) => this.#waiters.waiting.push(resolve));
      } finally {
        this.#link.expectEvents(false);
      }
    }
  }

  /** Ends listening. What has come before can still be taken. */
  async return(): Promise<IteratorResult<Notification, undefined>> {
    await this.#link.run(this.#calls.unlisten(this.#queue));
    return { done: true, value: undefined };
  }

  /** The same as {@linkcode return}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** Itself. */
  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** Who waits for a change of a queue. */
interface Waiters {
  waiting: (() => void)[];
  onEnd: (() => void) | undefined;
}

/** Those that a queue wakes. It must not hold what is made of it: nobody would find out that this is forgotten. */
function wakenBy(queue: NotificationQueue): Waiters {
  const waiters: Waiters = { waiting: [], onEnd: undefined };
  queue.onChange = () => {
    if (queue.ended) waiters.onEnd?.();
    const { waiting } = waiters;
    waiters.waiting = [];
    for (const resolve of waiting) resolve();
  };
  return waiters;
}
