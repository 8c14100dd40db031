/** The notifications that a pool delivers to its listeners. */
import { Backlog, MAX_WAITING_NOTIFICATIONS } from "../backlog.ts";
import type { PyroError } from "../errors.ts";

/** What `NOTIFY` sent, as a pool hands it on. */
export interface PoolNotification {
  /** The channel. */
  readonly channel: string;
  /** The text that was sent, "" if none was. */
  readonly payload: string;
  /** Process ID of the server process that sent it. */
  readonly pid: number;
  /** See {@linkcode PoolGap}. */
  readonly gap?: undefined;
}

/**
 * Notifications were missed: the connection was lost and has been replaced, so that nothing was heard
 * meanwhile, or more waited to be taken than a pool keeps.
 */
export interface PoolGap {
  /** The channel. */
  readonly channel: string;
  /** Whether something may have been missed. */
  readonly gap: true;
  /** See {@linkcode PoolNotification}. */
  readonly payload?: undefined;
  /** See {@linkcode PoolNotification}. */
  readonly pid?: undefined;
}

/** What one listener has not yet taken. */
export class Subscription {
  readonly channel: string;
  /** Whether nothing more will come. */
  ended = false;
  /** Called when there is something to take, or nothing more to come. */
  onChange: (() => void) | undefined = undefined;
  #error: PyroError | undefined = undefined;
  readonly #waiting = new Backlog<PoolNotification | PoolGap>(MAX_WAITING_NOTIFICATIONS);

  constructor(channel: string) {
    this.channel = channel;
  }

  /** The next one; undefined if there is none yet. Throws, after the last one, why no more will come. */
  take(): PoolNotification | PoolGap | undefined {
    const next = this.#waiting.shift();
    if (next !== undefined || this.#error === undefined) return next;
    const error = this.#error;
    this.#error = undefined;
    throw error;
  }

  /** Something has come. What there is no room for is a gap, and one gap behind another says nothing new. */
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

  /** Nothing more will come, for that reason if there is one. */
  end(error?: PyroError): void {
    if (this.ended) return;
    this.ended = true;
    this.#error = error;
    this.onChange?.();
  }
}
