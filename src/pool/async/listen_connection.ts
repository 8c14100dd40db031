/** A connection on which a pool listens to channels. */
import { CallContext } from "../../connection/call_context.ts";
import * as sessionCalls from "../../connection/session_calls.ts";
import type { NotificationQueue } from "../../features/listen.ts";
import type { PoolNotification } from "../subscription.ts";
import type { Conn } from "../../async/conn.ts";
import type { OpenedConnection } from "../../async/opened.ts";

/** The callbacks of a connection that listens. */
export interface ListenEvents {
  notified(notification: PoolNotification): void;
  lost(): void;
}

/** One connection, listening. */
export class ListenConnection {
  readonly #opened: OpenedConnection;
  readonly #context: CallContext;
  readonly #conn: Conn;
  readonly #events: ListenEvents;
  /** The queues by channel. Their LISTEN may not be confirmed yet. */
  readonly #queues = new Map<string, Promise<NotificationQueue>>();

  constructor(conn: Conn, opened: OpenedConnection, events: ListenEvents) {
    this.#conn = conn;
    this.#opened = opened;
    this.#context = new CallContext(opened.state);
    this.#events = events;
    opened.onLost = () => events.lost();
  }

  /** Listens to a channel, unless it does so already. */
  async listen(channel: string): Promise<void> {
    const listening = this.#queues.get(channel) ?? this.#listen(channel);
    this.#queues.set(channel, listening);
    try {
      await listening;
    } catch (error) {
      this.#queues.delete(channel);
      throw error;
    }
  }

  /** Ends listening to a channel. */
  async unlisten(channel: string): Promise<void> {
    const listening = this.#queues.get(channel);
    this.#queues.delete(channel);
    try {
      const queue = await listening;
      if (queue !== undefined) await this.#opened.link.run(sessionCalls.unlisten(this.#context, queue));
    } catch {
      // If LISTEN or UNLISTEN fails, the connection does not listen to the channel either, or is lost.
    }
  }

  /** Whether the process must stay alive because a listener waits. */
  keepProcess(expecting: boolean): void {
    this.#opened.link.expectEvents(expecting);
  }

  /** Closes the connection if it does not answer. */
  async check(milliseconds: number): Promise<void> {
    try {
      await this.#opened.link.run(sessionCalls.check(milliseconds));
    } catch {
      await this.#conn.close({ timeout: 0 });
    }
  }

  /** Closes it. */
  async close(): Promise<void> {
    this.#opened.onLost = undefined;
    await this.#conn.close({ timeout: 0 });
  }

  #listen(channel: string): Promise<NotificationQueue> {
    return this.#opened.link.run(sessionCalls.listen(this.#context, channel, undefined, (queue) => {
      queue.onChange = () => this.#deliver(queue);
      this.#deliver(queue);
      return queue;
    }));
  }

  #deliver(queue: NotificationQueue): void {
    try {
      for (let item = queue.take(); item !== undefined; item = queue.take()) this.#events.notified(item);
    } catch {
      // `onLost` reports the loss of the connection. If it is not lost, the queue was full and notifications were
      // missed: it is closed, so that they are reported in the same way.
      if (!this.#conn.closed) void this.#conn.close({ timeout: 0 }).catch(() => {});
    }
  }
}
