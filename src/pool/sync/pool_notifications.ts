/** The notifications of pools that block. */
import { BlockingIterator } from "../../api/blocking_iterator.ts";
import { block, now } from "../../runtime/clock.ts";
import { isOver } from "../../connect/connect.ts";
import { ConnectionError, TimeoutError } from "../../errors.ts";
import { backoff } from "../backoff.ts";
import { isTransient } from "../failure.ts";
import type { PoolGap, PoolNotification } from "../subscription.ts";
import type { Conn } from "../../sync/conn.ts";
import type { Notifications } from "../../sync/notifications.ts";
import { printMembers } from "../../inspection.ts";

/** A connection that only listens. */
export interface ListenConnection {
  readonly conn: Conn;
  readonly notifications: Notifications;
}

/** Opens a connection until `by` that listens to the channel; each of its waits ends after `timeout`. */
export type OpenListenConnection = (timeout: number, by: number) => ListenConnection;

/**
 * The notifications on a channel, to iterate over; made by `Pool.listen`. `next` waits without limit
 * unless there is a `timeout`. Leaving the loop ends listening.
 */
export class PoolNotifications extends BlockingIterator<PoolNotification | PoolGap> implements Disposable {
  readonly #channel: string;
  readonly #open: OpenListenConnection;
  readonly #timeout: number;
  #connection: ListenConnection | undefined;
  #ended = false;

  /** Internal: see {@linkcode PoolNotifications}. */
  constructor(channel: string, timeout: number, open: OpenListenConnection) {
    super();
    this.#channel = channel;
    this.#timeout = timeout;
    this.#open = open;
    this.#connection = this.#openFirst();
  }

  static {
    printMembers<PoolNotifications>(this.prototype, ({ channel }) => ({ channel }));
  }

  /** The channel. */
  get channel(): string {
    return this.#channel;
  }

  /** Waits for the next notification or gap. */
  override next(): IteratorResult<PoolNotification | PoolGap, undefined> {
    const by = this.#limit();
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
  override return(): IteratorResult<PoolNotification | PoolGap, undefined> {
    this[Symbol.dispose]();
    return DONE;
  }

  /** The same as {@linkcode return}. */
  override [Symbol.dispose](): void {
    this.#ended = true;
    this.#drop();
  }

  /** When a wait that begins now ends. */
  #limit(): number {
    return this.#timeout === 0 ? Infinity : now() + this.#timeout;
  }

  #openFirst(): ListenConnection {
    const by = this.#limit();
    try {
      return this.#open(this.#timeout, by);
    } catch (cause) {
      if (!(cause instanceof ConnectionError && isOver({ by, now }))) throw cause;
      const message = `Cannot listen: the server could not be reached within ${this.#timeout} ms`;
      throw new TimeoutError(message, { outcome: "not sent", cause });
    }
  }

  #drop(): void {
    this.#connection?.conn.close();
    this.#connection = undefined;
  }

  /** Listens again; false if that fails until `by`. */
  #recover(by: number): boolean {
    for (let failures = 1; now() < by; failures++) {
      try {
        this.#connection = this.#open(this.#timeout, by);
        return true;
      } catch (error) {
        if (!isTransient(error) && !(error instanceof TimeoutError && now() >= by)) throw error;
      }
      block(Math.min(backoff(failures, Math.random()), Math.max(0, by - now())));
    }
    return false;
  }
}

const DONE: { readonly done: true; readonly value: undefined } = { done: true, value: undefined };
