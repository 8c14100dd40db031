/** How a pool makes calls on its connections: once, with retries, or batched with those of other callers. */
import {
  CALLER_TIMEOUT,
  checkReadable,
  millisecondsFrom,
  type PoolStatement,
  type RemainingTimeout,
  signalFrom,
  withRemainingTime,
} from "../../connection/arguments.ts";
import { connectionOptions, resolve } from "../../connection/transaction_calls.ts";
import {
  type CommitOutcome,
  doubtOf,
  settleNotCommitted,
  type TransactionMark,
} from "../../features/commit_outcome.ts";
import { now, pause } from "../../runtime/clock.ts";
import { refuseOpenTransaction } from "../../features/release.ts";
import { isOptions } from "../../options/option_values.ts";
import { isRetryable, isUncommitted, MAX_RETRIES } from "../../statements/unexecuted.ts";
import type { PoolTransactionOptions } from "../../connection/call_options.ts";
import { ANSWER_TIMEOUT, isPassing, RESOLVE_INTERVAL, RESOLVE_TIMEOUT } from "../failure.ts";
import { Lease } from "../lease.ts";
import type { Conn } from "../../async/conn.ts";
import type { CallOptions } from "../../async/options.ts";
import type { AcquireDeadline } from "./caller_queue.ts";
import type { ConnectionSource } from "./connection_source.ts";
import type { Entry } from "./pool_conn.ts";
import type { PoolSource } from "./pool_stream.ts";

/** A call may wait for a connection, so its parameters are copied first. */
export { copyArguments as argumentsOf } from "../../connection/arguments.ts";

/** Makes calls on the connections of one pool. */
export class PoolCalls {
  readonly #source: ConnectionSource;
  readonly #primary: () => ConnectionSource;

  /** `primary` gives the connections to the primary. */
  constructor(source: ConnectionSource, primary: () => ConnectionSource) {
    this.#source = source;
    this.#primary = primary;
  }

  /** Acquires a connection, with the pool's figures in the error if there is none in time. */
  async acquire(options: CallOptions | undefined, cost: number = Infinity): Promise<Entry> {
    try {
      return await this.#source.acquire(options === undefined ? NO_DEADLINE : acquireDeadlineOf(options), cost);
    } catch (error) {
      throw this.#source.acquireError(error);
    }
  }

  /** Takes a connection, which makes the pool open those that should be idle, and waits for them. */
  async ready(options: CallOptions | undefined): Promise<void> {
    const entry = await this.acquire(options);
    await this.#source.release(entry, false);
    try {
      await this.#source.filled();
    } catch (error) {
      throw this.#source.acquireError(error);
    }
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
    try {
      checkReadable(options);
    } catch (error) {
      return Promise.reject(error);
    }
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
    checkReadable(options);
    const startedAt = now();
    for (let retriesLeft = MAX_RETRIES;; retriesLeft--) {
      const cost = shared === undefined ? Infinity : this.#source.latency.costOf(shared);
      const entry = this.#source.acquireIdle(cost) ??
        await this.acquire(withRemainingTime(options, startedAt, now), cost);
      const taken = shared === undefined ? 0 : now();
      try {
        const result = await make(entry.conn, withRemainingTime(options, startedAt, now));
        refuseOpenTransaction(entry.conn.opened.state);
        return result;
      } catch (error) {
        if (!isRetryable(error, retriesLeft) || this.#source.closed) throw error;
      } finally {
        if (shared !== undefined) this.#source.latency.record(shared, (now() - taken) / entry.shares);
        void this.#source.release(entry);
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
      return await make(entry.conn, withRemainingTime(options, startedAt, now));
    } finally {
      void this.#source.release(entry);
    }
  }

  /**
   * Runs a transaction. If it fails because its connection was lost, or because the server has become a standby, and
   * nothing can have been committed, it is run again on another connection, as often as `retries` says.
   */
  async transaction<O extends CallOptions & PoolTransactionOptions, T>(
    options: O | undefined,
    make: (conn: Conn, options: O | undefined) => Promise<T>,
  ): Promise<T> {
    checkReadable(options);
    let own = connectionOptions(options);
    let startedAt = now();
    for (let retriesLeft = options?.retries ?? 0;; retriesLeft--) {
      const entry = await this.acquire(withRemainingTime(own, startedAt, now));
      const { timeout } = entry.conn.opened.state;
      if (timeout > 0 && own?.timeout === undefined && (own === undefined || isOptions(own))) {
        // The connection would count it anew for each run.
        own = { ...own, timeout } as O;
        startedAt = now();
      }
      let failure: unknown;
      try {
        return await make(entry.conn, withRemainingTime(own, startedAt, now));
      } catch (error) {
        failure = error;
      } finally {
        void this.#source.release(entry);
      }
      const doubt = doubtOf(failure);
      if (doubt !== undefined) {
        const timeout = (own?.timeout || RESOLVE_TIMEOUT) - (own?.timeout ? now() - startedAt : 0);
        const outcome = await this.#resolve(doubt.mark, timeout, options?.signal);
        if (outcome === "committed") return doubt.result as T;
        if (outcome === "not committed") settleNotCommitted(failure);
      }
      if (!(isUncommitted(failure) && retriesLeft > 0) || this.#source.closed) throw failure;
    }
  }

  /** Asks the primary what became of a transaction, until that is certain or there is no time left. */
  async #resolve(mark: TransactionMark, timeout: number, signal: AbortSignal | undefined): Promise<CommitOutcome> {
    const until = now() + timeout;
    for (let left = timeout; left > 0 && !this.#source.closed && !signal?.aborted; left = until - now()) {
      try {
        const primary = this.#primary();
        const entry = await primary.acquire({ timeout: left, callerTimeout: left, signal }, Infinity);
        try {
          const answer = Math.min(left, ANSWER_TIMEOUT);
          const outcome = await entry.conn.opened.link.run(resolve(mark, answer));
          if (outcome !== "pending") return outcome;
        } finally {
          void primary.release(entry);
        }
      } catch (error) {
        if (!isPassing(error)) return "unknown";
      }
      await pause(Math.max(0, Math.min(RESOLVE_INTERVAL, until - now())));
    }
    return "unknown";
  }

  /** Opens a stream on a connection, which is released when the stream ends. */
  async openSource<T>(
    options: CallOptions | undefined,
    acquiredAt: Error,
    make: (conn: Conn) => PoolSource<T>["items"],
  ): Promise<PoolSource<T>> {
    const entry = await this.acquire(options);
    const lease = new Lease();
    const unwatch = this.#source.watch(lease, entry, acquiredAt);
    const end = (): Promise<void> | undefined => {
      unwatch();
      return this.#source.release(entry);
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
  checkReadable(options ?? undefined);
  const { timeout, signal, [CALLER_TIMEOUT]: given = timeout } = options ?? {};
  return {
    timeout: timeout === undefined ? 0 : millisecondsFrom(timeout, "timeout"),
    callerTimeout: given ?? 0,
    signal: signal === undefined ? undefined : signalFrom(signal),
  };
}

const NO_DEADLINE: AcquireDeadline = { timeout: 0, callerTimeout: 0, signal: undefined };
