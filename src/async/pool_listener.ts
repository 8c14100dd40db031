/** By which connection a pool that awaits listens. */
import { optionsOf } from "../arguments.ts";
import { atMost, now } from "../drive/clock.ts";
import { PyroError, TimeoutError } from "../errors.ts";
import { channelName } from "../ops/listen.ts";
import { backoff } from "../pool/backoff.ts";
import { poolClosed } from "../pool/failure.ts";
import { Subscription } from "../pool/subscription.ts";
import type { Limit } from "../protocol/exchange.ts";
import { Alarm } from "./alarm.ts";
import type { ListenOptions } from "./options.ts";
import type { Line, LineEvents } from "./pool_line.ts";
import { PoolNotifications } from "./pool_notifications.ts";

/** Listens for all who ask for it, on one connection, which is replaced when it is lost. */
export class PoolListener {
  readonly #open: (events: LineEvents) => Promise<Line>;
  /** Who listens, by channel. */
  readonly #channels = new Map<string, Set<Subscription>>();
  readonly #alarm = new Alarm(() => this.#tick());
  /** The connection, or the attempt to get one. */
  #line: Promise<Line> | undefined = undefined;
  #current: Line | undefined = undefined;
  /** How many wait for notifications. */
  #expecting = 0;
  #recovering = false;
  #failures = 0;
  #closed = false;

  constructor(open: (events: LineEvents) => Promise<Line>) {
    this.#open = open;
  }

  /** Listens to a channel. */
  async listen(channel: string, options: ListenOptions | undefined): Promise<PoolNotifications> {
    const name = channelName(channel);
    const { limit } = optionsOf(options, { action: "listen", awaits: true });
    limit?.signal?.throwIfAborted();
    if (this.#closed) throw poolClosed();
    const subscription = new Subscription(name);
    const subscriptions = this.#channels.get(name) ?? new Set();
    this.#channels.set(name, subscriptions.add(subscription));
    try {
      await within(limit, this.#tune(name));
    } catch (error) {
      await this.#leave(subscription);
      throw error;
    }
    const notifications = new PoolNotifications(
      subscription,
      () => this.#leave(subscription),
      (expecting) => this.#expect(expecting),
    );
    limit?.signal?.addEventListener("abort", () => void notifications[Symbol.asyncDispose](), { once: true });
    return notifications;
  }

  /** Nobody hears anything any more. */
  close(): void {
    this.#closed = true;
    this.#alarm.clear();
    for (const subscriptions of this.#channels.values()) {
      for (const subscription of subscriptions) subscription.end();
    }
    this.#channels.clear();
    void this.#line?.then((line) => line.close(), () => {});
  }

  async #leave(subscription: Subscription): Promise<void> {
    const { channel } = subscription;
    subscription.end();
    const subscriptions = this.#channels.get(channel);
    if (subscriptions === undefined || !subscriptions.delete(subscription) || subscriptions.size > 0) return;
    this.#channels.delete(channel);
    const line = await this.#line?.catch(() => undefined);
    if (line === undefined) return;
    if (this.#channels.size > 0) {
      if (!this.#channels.has(channel)) await line.forget(channel);
    } else if (this.#current === line) {
      this.#line = this.#current = undefined;
      this.#alarm.clear();
      await line.close();
    }
  }

  /** Sees to it that a channel is listened to. */
  async #tune(channel: string): Promise<void> {
    const line = await (this.#line ??= this.#connect());
    await line.listen(channel);
  }

  async #connect(): Promise<Line> {
    try {
      const line = await this.#open({
        heard: (notification) => {
          for (const subscription of this.#channels.get(notification.channel) ?? []) subscription.add(notification);
        },
        lost: () => this.#lost(),
      });
      if (this.#closed) {
        await line.close();
        throw poolClosed();
      }
      if (this.#expecting > 0) line.expect(true);
      this.#current = line;
      this.#alarm.set(now() + CHECK_EVERY);
      return line;
    } catch (error) {
      this.#line = undefined;
      throw error;
    }
  }

  /** The connection is gone: another one takes its place. */
  #lost(): void {
    this.#line = this.#current = undefined;
    void this.#recover();
  }

  /** Listens to all channels again. */
  async #recover(): Promise<void> {
    if (this.#recovering || this.#closed || this.#channels.size === 0) return;
    this.#recovering = true;
    try {
      for (const channel of this.#channels.keys()) await this.#tune(channel);
      this.#failures = 0;
      for (const [channel, subscriptions] of this.#channels) {
        for (const subscription of subscriptions) subscription.add({ channel, gap: true });
      }
    } catch (error) {
      if (!(error instanceof PyroError)) throw error;
      this.#alarm.set(now() + backoff(++this.#failures, Math.random()));
    } finally {
      this.#recovering = false;
    }
  }

  #tick(): void {
    if (this.#closed || this.#channels.size === 0) return;
    if (this.#current === undefined) return void this.#recover();
    // A connection whose other end is gone looks like one on which nothing happens.
    void this.#current.check(CHECKING);
    this.#alarm.set(now() + CHECK_EVERY);
  }

  #expect(expecting: boolean): void {
    const before = this.#expecting > 0;
    this.#expecting += expecting ? 1 : -1;
    const after = this.#expecting > 0;
    if (before === after) return;
    this.#alarm.keepProcess(after);
    this.#current?.expect(after);
  }
}

/** What the promise gives, unless its caller gives up first. */
async function within<T>(limit: Limit | undefined, promise: Promise<T>): Promise<T> {
  if (limit === undefined) return await promise;
  const { timeout, signal } = limit;
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

/** Milliseconds between questions whether the connection works, and for the answer. */
const CHECK_EVERY = 30_000;
const CHECKING = 5000;
