/** What connections that await hear on a channel. */
import type { CallContext } from "../connection/call_context.ts";
import * as sessionCalls from "../connection/session_calls.ts";
import type { AsyncLink } from "../run/async_link.ts";
import type { NotificationQueue } from "../features/listen.ts";
import type { Notification } from "../wire/backend.ts";
import { QueueConsumers } from "./queue_consumers.ts";

/**
 * The notifications on a channel, to iterate over; made by `Conn.listen`. Whoever waits for the next
 * one keeps the process alive. Leaving the loop ends listening. The loss of the connection ends it with
 * a `ConnectionError`, and so do too many notifications that nobody takes.
 */
export class Notifications implements AsyncIterableIterator<Notification>, AsyncDisposable {
  readonly #context: CallContext;
  readonly #link: AsyncLink;
  readonly #queue: NotificationQueue;
  readonly #consumers: QueueConsumers<Notification>;

  /** Not for callers: see {@linkcode Notifications}. */
  constructor(context: CallContext, link: AsyncLink, queue: NotificationQueue, signal: AbortSignal | undefined) {
    this.#context = context;
    this.#link = link;
    this.#queue = queue;
    const binding = bindingOf(queue);
    this.#consumers = binding.consumers;
    if (signal === undefined) return;
    const stop = (): void => void this.return().catch(() => {});
    binding.onEnd = () => signal.removeEventListener("abort", stop);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
  }

  /** The channel. */
  get channel(): string {
    return this.#queue.channel;
  }

  /** The next notification, once it has come. */
  next(): Promise<IteratorResult<Notification, undefined>> {
    return this.#consumers.next((expecting) => this.#link.expectEvents(expecting));
  }

  /** Ends listening. What has come before can still be taken. */
  async return(): Promise<IteratorResult<Notification, undefined>> {
    await this.#link.run(sessionCalls.unlisten(this.#context, this.#queue));
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

/** Who takes from a queue, and what is called at its end. */
interface QueueBinding {
  readonly consumers: QueueConsumers<Notification>;
  onEnd: (() => void) | undefined;
}

/** Those to whom a queue hands on what comes. It must not hold what is made of it: nobody would find out that this is forgotten. */
function bindingOf(queue: NotificationQueue): QueueBinding {
  const binding: QueueBinding = { consumers: new QueueConsumers(queue), onEnd: undefined };
  queue.onChange = () => {
    if (queue.ended) binding.onEnd?.();
    binding.consumers.dispatch();
  };
  return binding;
}
