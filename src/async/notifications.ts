/** The notifications of connections that await. */
import type { CallContext } from "../connection/call_context.ts";
import * as sessionCalls from "../connection/session_calls.ts";
import type { AsyncLink } from "../run/async_link.ts";
import type { NotificationQueue } from "../features/listen.ts";
import type { Notification } from "../wire/backend.ts";
import { QueueConsumers } from "./queue_consumers.ts";
import { printMembers } from "../inspection.ts";

/**
 * The notifications on a channel, to iterate over; made by `Conn.listen`. Waiting for the next one keeps the process
 * alive. Leaving the loop ends listening. If the connection is lost, or too many notifications wait to be taken, the
 * iteration ends with a `ConnectionError`.
 */
export class Notifications implements AsyncIterableIterator<Notification>, AsyncDisposable {
  readonly #context: CallContext;
  readonly #link: AsyncLink;
  readonly #queue: NotificationQueue;
  readonly #consumers: QueueConsumers<Notification>;

  /** Internal: see {@linkcode Notifications}. */
  constructor(context: CallContext, link: AsyncLink, queue: NotificationQueue, signal: AbortSignal | undefined) {
    this.#context = context;
    this.#link = link;
    this.#queue = queue;
    const binding = bindingOf(queue);
    this.#consumers = binding.consumers;
    // The connection may have been lost since the server has confirmed the LISTEN.
    if (signal === undefined || queue.ended) return;
    const stop = (): void => void this.return().catch(() => {});
    binding.onEnd = () => signal.removeEventListener("abort", stop);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
  }

  static {
    printMembers<Notifications>(this.prototype, ({ channel }) => ({ channel }));
  }

  /** The channel. */
  get channel(): string {
    return this.#queue.channel;
  }

  /** Waits for the next notification. */
  next(): Promise<IteratorResult<Notification, undefined>> {
    return this.#consumers.next((expecting) => this.#link.expectEvents(expecting));
  }

  /** Ends listening. Notifications that came before can still be taken. */
  async return(): Promise<IteratorResult<Notification, undefined>> {
    await this.#link.run(sessionCalls.unlisten(this.#context, this.#queue));
    return { done: true, value: undefined };
  }

  /** The same as {@linkcode return}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** Returns this object. */
  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** The consumers of a queue, and the function to call at its end. */
interface QueueBinding {
  readonly consumers: QueueConsumers<Notification>;
  onEnd: (() => void) | undefined;
}

/**
 * Connects a queue to its consumers. The queue must not refer to the `Notifications`: that would keep
 * forgotten ones from being garbage-collected.
 */
function bindingOf(queue: NotificationQueue): QueueBinding {
  const binding: QueueBinding = { consumers: new QueueConsumers(queue), onEnd: undefined };
  queue.onChange = () => {
    if (queue.ended) binding.onEnd?.();
    binding.consumers.dispatch();
  };
  return binding;
}
