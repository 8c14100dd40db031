/** What pools that block hear on a channel. */
import { block, now } from "../../runtime/clock.ts";
import { ConnectionError } from "../../errors.ts";
import { backoff } from "../backoff.ts";
import { isTransient } from "../failure.ts";
import type { PoolGap, PoolNotification } from "../subscription.ts";
import type { Conn } from "../../sync/conn.ts";
import type { Notifications } from "../../sync/notifications.ts";

/** A connection that listens. */
export interface ListenConnection {
  readonly conn: Conn;
  readonly notifications: Notifications;
}

/** Opens another connection, and has it listen to the channel; each wait of it ends after that long. */
export type OpenListenConnection = (timeout: number) => ListenConnection;

/**
 * The notifications on a channel, to iterate over; made by `Pool.listen`. To ask for the next one waits
 * for it, without end unless there is a `timeout`. To leave the loop ends listening.
 */
export class PoolNotifications implements IterableIterator<PoolNotification | PoolGap>, Disposable {
  readonly #channel: string;
  readonly #open: OpenListenConnection;
  readonly #timeout: number;
  #connection: ListenConnection | undefined;
  #ended = false;

  /** Not for callers: see {@linkcode PoolNotifications}. */
  constructor(channel: string, timeout: number, open: OpenListenConnection) {
    this.#channel = channel;
    this.#timeout = timeout;
    this.#open = open;
    this.#connection = open(timeout);
  }

  /** The channel. */
  get channel(): string {
    return this.#channel;
  }

  /** The next notification, or the news that some were missed, once it has come. */
  next(): IteratorResult<PoolNotification | PoolGap, undefined> {
    const by = this.#timeout === 0 ? Infinity : now() + this.#timeout;
    if (this.#ended) return DONE;
    if (this.#connection !== undefined) {
      try {
        const next = this.#connection.notifications.next();
        if (!next.done) return next;
        return this.return();
      } catch (error) {
        if (!(error instanceof ConnectionError)) throw error;
        this.#drop();
      }
    }
    if (!this.#recover(by)) return this.return();
    return { done: false, value: { channel: this.channel, gap: true } };
  }

  /** Ends listening. */
  return(): IteratorResult<PoolNotification | PoolGap, undefined> {
    this[Symbol.dispose]();
    return DONE;
  }

  /** The same as {@linkcode return}. */
  [Symbol.dispose](): void {
    this.#ended = true;
    this.#drop();
  }

  /** Itself. */
  [Symbol.iterator](): this {
    return this;
  }

  #drop(): void {
    this.#connection?.conn.close();
    this.#connection = undefined;
  }

  /** Listens again; false if time is over first. */
  #recover(by: number): boolean {
    for (let failures = 1; now() < by; failures++) {
      try {
        this.#connection = this.#open(this.#timeout);
        return true;
      } catch (error) {
        if (!isTransient(error)) throw error;
      }
      block(Math.min(backoff(failures, Math.random()), Math.max(0, by - now())));
    }
    return false;
  }
}

const DONE: { readonly done: true; readonly value: undefined } = { done: true, value: undefined };
