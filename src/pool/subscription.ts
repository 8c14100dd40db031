/** The notifications that a pool delivers to its listeners. */
import { Backlog, MAX_WAITING_NOTIFICATIONS } from "../backlog.ts";
import type { PyroError } from "../errors.ts";

/** A notification, as a pool delivers it. */
export interface PoolNotification {
  /** The channel. */
  readonly channel: string;
  /** The text that was sent with it, or "". */
  readonly payload: string;
  /** Process ID of the server process that sent it. */
  readonly pid: number;
  /** See {@linkcode PoolGap}. */
  readonly gap?: undefined;
}

/**
 * Notifications were missed: the connection was lost and has been replaced, or more notifications
 * waited to be taken than a pool keeps.
 */
export interface PoolGap {
  /** The channel. */
  readonly channel: string;
  /** True: notifications may have been missed. */
  readonly gap: true;
  /** See {@linkcode PoolNotification}. */
  readonly payload?: undefined;
  /** See {@linkcode PoolNotification}. */
  readonly pid?: undefined;
}

/** The items that one listener has not taken yet. */
export class Subscription {
  readonly channel: string;
  /** Whether no more items will come. */
  ended = false;
  /** Called when an item is added, and at the end. */
  onChange: (() => void) | undefined = undefined;
  #error: PyroError | undefined = undefined;
  readonly #waiting = new Backlog<PoolNotification | PoolGap>(MAX_WAITING_NOTIFICATIONS);

  constructor(channel: string) {
    this.channel = channel;
  }

  /** The next item; undefined if there is none yet. After the last item, throws the reason for the end, if any. */
  take(): PoolNotification | PoolGap | undefined {
    const next = this.#waiting.shift();
    if (next !== undefined || this.#error === undefined) return next;
    const error = this.#error;
    this.#error = undefined;
    throw error;
  }

  /** Adds an item. If there is no room for it, a gap is added, unless the last item is one. */
  add(item: PoolNotification | PoolGap): void {
    if (this.ended) return;
    const { channel, payload = "" } = item;
    const isKept = !item.gap && this.#waiting.push(item, channel.length + payload.length);
    if (!isKept) {
      if (this.#waiting.last?.gap) return;
      this.#waiting.force({ channel, gap: true });
    }
    this.onChange?.();
  }

  /** Ends the subscription, for that reason if there is one. */
  end(error?: PyroError): void {
    if (this.ended) return;
    this.ended = true;
    this.#error = error;
    this.onChange?.();
  }
}
