/** The listening of a pool that awaits: one connection for all listeners. */
import { parseOptions } from "../../connection/arguments.ts";
import { atMost, now } from "../../runtime/clock.ts";
import { TimeoutError } from "../../errors.ts";
import { channelName } from "../../features/listen.ts";
import { backoff } from "../backoff.ts";
import { lostWhileOpening, poolClosed } from "../failure.ts";
import { Subscription } from "../subscription.ts";
import type { Deadline } from "../../protocol/request.ts";
import { Alarm } from "./alarm.ts";
import type { ListenOptions } from "../../async/options.ts";
import type { ListenConnection, ListenEvents } from "./listen_connection.ts";
import { PoolNotifications } from "./pool_notifications.ts";

/** Opens the connections that a pool listens on. */
export interface ListenConnectionSource {
  /** Milliseconds that a caller waits for a connection. */
  readonly acquireTimeout: number;
  openListenConnection(events: ListenEvents): Promise<ListenConnection>;
  /** Whether a failure to connect is likely to be transient. */
  isTransient(error: unknown): boolean;
}

/** Listens for all listeners of a pool, on one connection, which is replaced when it is lost. */
export class PoolListener {
  readonly #source: ListenConnectionSource;
  /** The listeners, by channel. */
  readonly #channels = new Map<string, Set<Subscription>>();
  /** Channels that may have missed notifications, and whose listeners have not received a gap yet. */
  readonly #missed = new Set<string>();
  readonly #alarm = new Alarm(() => this.#tick());
  /** The connection, or the attempt to get one. */
  #connection: Promise<ListenConnection> | undefined = undefined;
  #current: ListenConnection | undefined = undefined;
  /** How many listeners wait for notifications. */
  #notificationWaiters = 0;
  /** Whether a connection was lost, and not all channels are listened to again. */
  #needsRecovery = false;
  #recovering = false;
  #failures = 0;
  #closed = false;

  constructor(source: ListenConnectionSource) {
    this.#source = source;
  }

  /** Listens to a channel. */
  async listen(channel: string, options: ListenOptions | undefined): Promise<PoolNotifications> {
    const name = channelName(channel);
    const { deadline } = parseOptions(options, { action: "listen", awaits: true });
    deadline?.signal?.throwIfAborted();
    if (this.#closed) throw poolClosed();
    const subscription = new Subscription(name);
    const subscriptions = this.#channels.get(name) ?? new Set();
    this.#channels.set(name, subscriptions.add(subscription));
    try {
      await withDeadline(deadline, this.#listenWithRetries(name, subscription));
    } catch (error) {
      // A caller that has given up does not wait for an attempt to connect.
      void this.#unsubscribe(subscription);
      throw error;
    }
    return new PoolNotifications(
      subscription,
      async () => void await atMost(this.#unsubscribe(subscription), UNLISTEN_TIMEOUT),
      (expecting) => this.#keepProcess(expecting),
      deadline?.signal,
    );
  }

  /** Ends all listeners. Resolves when the connection is closed. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#alarm.clear();
    for (const subscriptions of this.#channels.values()) {
      for (const subscription of subscriptions) subscription.end();
    }
    this.#channels.clear();
    await this.#connection?.then((connection) => connection.close(), () => {});
  }

  async #unsubscribe(subscription: Subscription): Promise<void> {
    const { channel } = subscription;
    subscription.end();
    const subscriptions = this.#channels.get(channel);
    if (subscriptions === undefined || !subscriptions.delete(subscription) || subscriptions.size > 0) return;
    this.#channels.delete(channel);
    this.#missed.delete(channel);
    if (this.#channels.size === 0) this.#needsRecovery = false;
    const connection = await this.#connection?.catch(() => undefined);
    if (connection === undefined) return;
    if (this.#channels.size > 0) {
      if (!this.#channels.has(channel)) await connection.unlisten(channel);
    } else if (this.#current === connection) {
      this.#connection = this.#current = undefined;
      this.#alarm.clear();
      await connection.close();
    }
  }

  /** As {@linkcode #listenOn}. While the server cannot be reached, it is repeated, for at most `acquireTimeout`. */
  async #listenWithRetries(channel: string, subscription: Subscription): Promise<void> {
    const since = now();
    const { acquireTimeout } = this.#source;
    for (let failures = 1;; failures++) {
      try {
        return await this.#listenOn(channel);
      } catch (error) {
        if (!this.#source.isTransient(error) || subscription.ended) throw error;
        const wait = backoff(failures, Math.random());
        if (now() + wait >= since + acquireTimeout) {
          throw new TimeoutError(`Cannot listen: the server could not be reached within ${acquireTimeout} ms`, {
            outcome: "not sent",
            cause: error,
          });
        }
        // The pool may be closed meanwhile, or the caller give up.
        await atMost(new Promise<void>((resolve) => subscription.onChange = resolve), wait);
        if (subscription.ended) throw this.#closed ? poolClosed() : error;
      }
    }
  }

  /** Listens to a channel, on the connection that listens or on a new one. */
  async #listenOn(channel: string): Promise<void> {
    const connection = await (this.#connection ??= this.#connect());
    await connection.listen(channel);
  }

  async #connect(): Promise<ListenConnection> {
    try {
      const connection = await this.#source.openListenConnection({
        notified: (notification) => {
          this.#deliverGap(notification.channel);
          for (const subscription of this.#channels.get(notification.channel) ?? []) subscription.add(notification);
        },
        lost: () => this.#lost(),
      });
      if (this.#closed) {
        await connection.close();
        throw poolClosed();
      }
      if (this.#notificationWaiters > 0) connection.keepProcess(true);
      this.#current = connection;
      this.#alarm.set(now() + CHECK_INTERVAL);
      return connection;
    } catch (error) {
      this.#connection = undefined;
      throw error;
    }
  }

  /** Replaces a lost connection. */
  #lost(): void {
    this.#markMissed();
    void this.#recover();
  }

  /** Listens to all channels again. */
  async #recover(): Promise<void> {
    if (this.#recovering || this.#closed || this.#channels.size === 0) return;
    this.#recovering = true;
    let connection: ListenConnection | undefined;
    try {
      // Listens to all on one connection. If that is lost meanwhile, recovery begins again with the first channel.
      connection = await (this.#connection ??= this.#connect());
      for (const channel of this.#channels.keys()) await connection.listen(channel);
      if (connection !== this.#current) throw lostWhileOpening();
      this.#failures = 0;
      this.#needsRecovery = false;
      for (const channel of this.#channels.keys()) this.#deliverGap(channel);
    } catch {
      // There may be a connection on which the server refuses LISTEN.
      if (connection !== undefined && connection === this.#current) {
        this.#markMissed();
        void connection.close();
      }
      this.#alarm.set(now() + backoff(++this.#failures, Math.random()));
    } finally {
      this.#recovering = false;
    }
  }

  /** Notes that notifications are missed, because there is no connection. */
  #markMissed(): void {
    this.#connection = this.#current = undefined;
    this.#needsRecovery = true;
    for (const channel of this.#channels.keys()) this.#missed.add(channel);
  }

  /**
   * Delivers the gap of a channel. Called before each notification, because one may arrive before recovery has ended.
   */
  #deliverGap(channel: string): void {
    if (!this.#missed.delete(channel)) return;
    for (const subscription of this.#channels.get(channel) ?? []) subscription.add({ channel, gap: true });
  }

  #tick(): void {
    if (this.#closed || this.#channels.size === 0) return;
    if (this.#needsRecovery) return void this.#recover();
    // A connection whose server is gone looks like one without notifications.
    void this.#current?.check(CHECK_TIMEOUT);
    this.#alarm.set(now() + CHECK_INTERVAL);
  }

  #keepProcess(expecting: boolean): void {
    const before = this.#notificationWaiters > 0;
    this.#notificationWaiters += expecting ? 1 : -1;
    const after = this.#notificationWaiters > 0;
    if (before === after) return;
    this.#alarm.keepProcess(after);
    this.#current?.keepProcess(after);
  }
}

/** The value of the promise, unless its caller gives up first. */
async function withDeadline<T>(deadline: Deadline | undefined, promise: Promise<T>): Promise<T> {
  if (deadline === undefined) return await promise;
  const { timeout, signal } = deadline;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal!.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    const inTime = await Promise.race([atMost(promise, timeout === 0 ? Infinity : timeout), aborted]);
    if (inTime) return await promise;
    throw new TimeoutError(`Cannot listen: the server did not confirm it within ${timeout} ms`, { outcome: "unknown" });
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** Milliseconds between two checks of the connection, and for one check. */
const CHECK_INTERVAL = 30_000;
const CHECK_TIMEOUT = 5000;
/** Milliseconds that a caller that ends listening waits for the server to confirm it. */
const UNLISTEN_TIMEOUT = 2000;
