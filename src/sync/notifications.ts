/** The notifications of connections that block. */
import { BlockingIterator } from "../api/blocking_iterator.ts";
import type { CallContext } from "../connection/call_context.ts";
import * as sessionCalls from "../connection/session_calls.ts";
import { now } from "../runtime/clock.ts";
import type { SyncLink } from "../run/sync_link.ts";
import type { NotificationQueue } from "../features/listen.ts";
import type { Notification } from "../wire/backend.ts";
import { printMembers } from "../inspection.ts";

/**
 * The notifications on a channel, to iterate over; made by `Conn.listen`. `next` waits without limit unless there is
 * a `timeout`. Leaving the loop ends listening. If the connection is lost, or too many notifications wait to be
 * taken, the iteration ends with a `ConnectionError`.
 */
export class Notifications extends BlockingIterator<Notification> implements Disposable {
  readonly #context: CallContext;
  readonly #link: SyncLink;
  readonly #queue: NotificationQueue;
  readonly #timeout: number;

  /** Internal: see {@linkcode Notifications}. */
  constructor(context: CallContext, link: SyncLink, queue: NotificationQueue, timeout: number) {
    super();
    this.#context = context;
    this.#link = link;
    this.#queue = queue;
    this.#timeout = timeout;
  }

  static {
    printMembers<Notifications>(this.prototype, ({ channel }) => ({ channel }));
  }

  /** The channel. */
  get channel(): string {
    return this.#queue.channel;
  }

  /** Waits for the next notification. */
  override next(): IteratorResult<Notification, undefined> {
    const by = this.#timeout === 0 ? Infinity : now() + this.#timeout;
    for (;;) {
      const value = this.#queue.take();
      if (value !== undefined) return { done: false, value };
      if (this.#queue.ended) return { done: true, value: undefined };
      if (!this.#link.awaitEvent(by)) return this.return();
    }
  }

  /** Ends listening. Notifications that came before can still be taken. */
  override return(): IteratorResult<Notification, undefined> {
    this.#link.run(sessionCalls.unlisten(this.#context, this.#queue, this.#timeout));
    return { done: true, value: undefined };
  }

  /** The same as {@linkcode return}. */
  override [Symbol.dispose](): void {
    this.return();
  }
}
