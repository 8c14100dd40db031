/** How a pool makes calls on its connections: once, with retries, or batched with those of other callers. */
import {
  CALLER_TIMEOUT,
  millisecondsFrom,
  type PoolStatement,
  type RemainingTimeout,
  signalFrom,
} from "../../connection/arguments.ts";
import { TimeoutError } from "../../errors.ts";
import { now } from "../../runtime/clock.ts";
import { isRetryable, MAX_RETRIES } from "../../statements/unexecuted.ts";
import { LatencyEstimate } from "../latency_estimate.ts";
import { Lease } from "../lease.ts";
import type { Conn } from "../../async/conn.ts";
import type { CallOptions } from "../../async/options.ts";
import type { AcquireDeadline } from "./caller_queue.ts";
import type { Entry } from "./pool_conn.ts";
import type { PoolManager } from "./pool_manager.ts";
import type { PoolSource } from "./pool_stream.ts";

/** A call may wait for a connection, so its parameters are copied first. */
export { copyArguments as argumentsOf } from "../../connection/arguments.ts";

/** Makes calls on the connections of one pool. */
export class PoolCalls {
  readonly #manager: PoolManager;
  readonly #latency = new LatencyEstimate();

  constructor(manager: PoolManager) {
    this.#manager = manager;
  }

  /** Acquires a connection, with the pool's figures in the error if there is none in time. */
  async acquire(options: CallOptions | undefined, cost: number = Infinity): Promise<Entry> {
    try {
      return await this.#manager.acquire(options === undefined ? NO_DEADLINE : acquireDeadlineOf(options), cost);
    } catch (error) {
      throw this.#manager.acquireError(error);
    }
  }

  /** Takes a connection, which makes the pool open those that should be idle, and waits for them. */
  async ready(options: CallOptions | undefined): Promise<void> {
    const entry = await this.acquire(options);
    await this.#manager.release(entry);
    await this.#manager.filled();
  }

  /**
   * As {@linkcode withRetries}; batched with quick statements of other callers, unless the call
   * has a `timeout` or `signal`.
   */
  batched<O extends CallOptions, T>(
    stmt: PoolStatement,
    options: O | undefined,
    make: (conn: Conn, options: O | undefined) => Promise<T>,
  ): Promise<T> {
    const sql = typeof stmt === "string" ? stmt : stmt?.text;
    const mayGiveUp = options?.timeout !== undefined || options?.signal !== undefined;
    return this.withRetries(options, make, typeof sql === "string" && !mayGiveUp ? sql : undefined);
  }

  /**
   * Makes a call on a connection. Repeats it if the connection was lost before anything was sent, or if
   * nothing was executed because the statement was stale: a pool promises no order. `shared` is the
   * text of a statement that may be batched.
   */
  async withRetries<O extends CallOptions, T>(
    options: O | undefined,
    make: (conn: Conn, options: O | undefined) => Promise<T>,
    shared?: string,
  ): Promise<T> {
    const startedAt = now();
    for (let retriesLeft = MAX_RETRIES;; retriesLeft--) {
      const cost = shared === undefined ? Infinity : this.#latency.costOf(shared);
      const entry = this.#manager.acquireIdle(cost) ??
        await this.acquire(withRemainingTime(options, startedAt), cost);
      const taken = shared === undefined ? 0 : now();
      try {
        return await make(entry.conn, withRemainingTime(options, startedAt));
      } catch (error) {
        if (!isRetryable(error, retriesLeft) || this.#manager.closed) throw error;
      } finally {
        if (shared !== undefined) this.#latency.record(shared, (now() - taken) / entry.shares);
        void this.#manager.release(entry);
      }
    }
  }

  /** Makes a call that must not be repeated. */
  async once<O extends CallOptions, T>(
    options: O | undefined,
    make: (conn: Conn, options: O | undefined) => Promise<T>,
  ): Promise<T> {
    const startedAt = now();
    const entry = await this.acquire(options);
    try {
      return await make(entry.conn, withRemainingTime(options, startedAt));
    } finally {
      void this.#manager.release(entry);
    }
  }

  /** Opens a stream on a connection, which is released when the stream ends. */
  async openSource<T>(
    options: CallOptions | undefined,
    acquiredAt: Error,
    make: (conn: Conn) => PoolSource<T>["items"],
  ): Promise<PoolSource<T>> {
    const entry = await this.acquire(options);
    const lease = new Lease();
    const unwatch = this.#manager.watch(lease, entry, acquiredAt);
    const end = (): Promise<void> | undefined => {
      unwatch();
      return this.#manager.release(entry);
    };
    try {
      return { items: make(entry.conn), lease, end };
    } catch (error) {
      void end();
      throw error;
    }
  }
}

function acquireDeadlineOf(options: CallOptions & RemainingTimeout | null): AcquireDeadline {
  const { timeout, signal, [CALLER_TIMEOUT]: given = timeout } = options ?? {};
  return {
    timeout: timeout === undefined ? 0 : millisecondsFrom(timeout, "timeout"),
    callerTimeout: given ?? 0,
    signal: signal === undefined ? undefined : signalFrom(signal),
  };
}

/** The options with the remainder of `timeout`. */
function withRemainingTime<O extends CallOptions>(options: O | undefined, startedAt: number): O | undefined {
  const timeout = options?.timeout;
  // The call refuses a malformed timeout.
  if (options === undefined || typeof timeout !== "number" || !(timeout > 0)) return options;
  const rest = timeout - (now() - startedAt);
  if (rest > 0) return { ...options, timeout: rest, [CALLER_TIMEOUT]: timeout };
  throw new TimeoutError(`Cannot make the call: no connection was free within ${timeout} ms`, { outcome: "not sent" });
}

const NO_DEADLINE: AcquireDeadline = { timeout: 0, callerTimeout: 0, signal: undefined };
