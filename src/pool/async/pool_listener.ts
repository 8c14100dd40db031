/** By which connection a pool that awaits listens. */
import { parseOptions } from "../../connection/arguments.ts";
import { atMost, now, pause } from "../../runtime/clock.ts";
import { TimeoutError } from "../../errors.ts";
import { channelName } from "../../features/listen.ts";
import { backoff } from "../backoff.ts";
import { goneAtOnce, poolClosed } from "../failure.ts";
import { Subscription } from "../subscription.ts";
import type { Deadline } from "../../protocol/request.ts";
import { Alarm } from "./alarm.ts";
import type { ListenOptions } from "../../async/options.ts";
import type { Line, LineEvents } from "./pool_line.ts";
import { PoolNotifications } from "./pool_notifications.ts";

/** Where connections to listen on come from. */
export interface LineSource {
  /** Milliseconds that somebody waits for a connection. */
  readonly acquireTimeout: number;
  openLine(events: LineEvents): Promise<Line>;
  /** Whether such a failure to connect is likely to pass. */
  passes(error: unknown): boolean;
}

/** Listens for all who ask for it, on one connection, which is replaced when it is lost. */
export class PoolListener {
  readonly #source: LineSource;
  /** Who listens, by channel. */
  readonly #channels = new Map<string, Set<Subscription>>();
  /** Channels on which something may have been missed, and whose listeners do not know yet. */
  readonly #missed = new Set<string>();
  readonly #alarm = new Alarm(() => this.#tick());
  /** The connection, or the attempt to get one. */
  #line: Promise<Line> | undefined = undefined;
  #current: Line | undefined = undefined;
  /** How many wait for notifications. */
  #expecting = 0;
  /** Whether a connection was lost, and not all channels are listened to again. */
  #isBehind = false;
  #recovering = false;
  #failures = 0;
  #closed = false;

  constructor(source: LineSource) {
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
      await within(deadline, this.#tuneOnceThere(name, subscription));
    } catch (error) {
      // Whoever has given up does not wait for an attempt to connect.
      void this.#leave(subscription);
      throw error;
    }
    return new PoolNotifications(
      subscription,
      async () => void await atMost(this.#leave(subscription), LEAVING),
      (expecting) => this.#expect(expecting),
      deadline?.signal,
    );
  }

  /** Nobody hears anything any more. Resolves when the connection is closed. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#alarm.clear();
    for (const subscriptions of this.#channels.values()) {
      for (const subscription of subscriptions) subscription.end();
    }
    this.#channels.clear();
    await this.#line?.then((line) => line.close(), () => {});
  }

  async #leave(subscription: Subscription): Promise<void> {
    const { channel } = subscription;
    subscription.end();
    const subscriptions = this.#channels.get(channel);
    if (subscriptions === undefined || !subscriptions.delete(subscription) || subscriptions.size > 0) return;
    this.#channels.delete(channel);
    this.#missed.delete(channel);
    if (this.#channels.size === 0) this.#isBehind = false;
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

  /** As {@linkcode #tune}; while the server is away, and for as long as anybody would wait for a connection, again and again. */
  async #tuneOnceThere(channel: string, subscription: Subscription): Promise<void> {
    const since = now();
    const { acquireTimeout } = this.#source;
    for (let failures = 1;; failures++) {
      try {
        return await this.#tune(channel);
      } catch (error) {
        if (!this.#source.passes(error) || subscription.ended) throw error;
        const wait = backoff(failures, Math.random());
        if (now() + wait >= since + acquireTimeout) {
          throw new TimeoutError(`Cannot listen: the server could not be reached within ${acquireTimeout} ms`, {
            outcome: "not sent",
            cause: error,
          });
        }
        await pause(wait);
        if (subscription.ended) throw this.#closed ? poolClosed() : error;
      }
    }
  }

  /** Sees to it that a channel is listened to. */
  async #tune(channel: string): Promise<void> {
    const line = await (this.#line ??= this.#connect());
    await line.listen(channel);
  }

  async #connect(): Promise<Line> {
    try {
      const line = await this.#source.openLine({
        heard: (notification) => {
          this.#tellOfGap(notification.channel);
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
    this.#miss();
    void this.#recover();
  }

  /** Listens to all channels again. */
  async #recover(): Promise<void> {
    if (this.#recovering || this.#closed || this.#channels.size === 0) return;
    this.#recovering = true;
    let line: Line | undefined;
    try {
      // All on the same one: should that be lost meanwhile, the next one begins with the first channel again.
      line = await (this.#line ??= this.#connect());
      for (const channel of this.#channels.keys()) await line.listen(channel);
      if (line !== this.#current) throw goneAtOnce();
      this.#failures = 0;
      this.#isBehind = false;
      for (const channel of this.#channels.keys()) this.#tellOfGap(channel);
    } catch {
      // Also where there is a connection, on which the server does not let anybody listen.
      if (line !== undefined && line === this.#current) {
        this.#miss();
        void line.close();
      }
      this.#alarm.set(now() + backoff(++this.#failures, Math.random()));
    } finally {
      this.#recovering = false;
    }
  }

  /** There is no connection, and nothing is heard. */
  #miss(): void {
    this.#line = this.#current = undefined;
    this.#isBehind = true;
    for (const channel of this.#channels.keys()) this.#missed.add(channel);
  }

  /** Before what comes next: it may come before all channels are listened to again. */
  #tellOfGap(channel: string): void {
    if (!this.#missed.delete(channel)) return;
    for (const subscription of this.#channels.get(channel) ?? []) subscription.add({ channel, gap: true });
  }

  #tick(): void {
    if (this.#closed || this.#channels.size === 0) return;
    if (this.#isBehind) return void this.#recover();
    // A connection whose other end is gone looks like one on which nothing happens.
    void this.#current?.check(CHECKING);
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
async function within<T>(deadline: Deadline | undefined, promise: Promise<T>): Promise<T> {
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

/** Milliseconds between questions whether the connection works, and for the answer. */
const CHECK_EVERY = 30_000;
const CHECKING = 5000;
/** Milliseconds that those who end listening wait for the server to confirm it. */
const LEAVING = 2000;
