/** How a pool that blocks makes calls on its connections: once, or with retries. */
import { checkReadable, type PoolStatement, withRemainingTime } from "../../connection/arguments.ts";
import type { CallOptions, PoolTransactionOptions } from "../../connection/call_options.ts";
import { connectionOptions, resolve } from "../../connection/transaction_calls.ts";
import { TimeoutError } from "../../errors.ts";
import {
  type CommitOutcome,
  doubtOf,
  settleNotCommitted,
  type TransactionMark,
} from "../../features/commit_outcome.ts";
import { refuseOpenTransaction } from "../../features/release.ts";
import { isOptions } from "../../options/option_values.ts";
import { block, now } from "../../runtime/clock.ts";
import { isRetryable, isUncommitted, MAX_RETRIES } from "../../statements/unexecuted.ts";
import { ANSWER_TIMEOUT, isPassing, RESOLVE_INTERVAL, RESOLVE_TIMEOUT } from "../failure.ts";
import { Lease } from "../lease.ts";
import type { Conn } from "../../sync/conn.ts";
import type { ConnectionSource } from "./connection_source.ts";
import type { Entry, PoolConn } from "./pool_conn.ts";
import type { PoolSource } from "./pool_stream.ts";

/** No call waits for a connection, and the connection copies the parameters. */
export { splitArguments as argumentsOf } from "../../connection/arguments.ts";

/** Makes calls on the connections of one pool. */
export class PoolCalls {
  readonly #source: ConnectionSource;
  readonly #primary: () => ConnectionSource;

  /** `primary` gives the connections to the primary. */
  constructor(source: ConnectionSource, primary: () => ConnectionSource) {
    this.#source = source;
    this.#primary = primary;
  }

  /** As {@linkcode withRetries}: there are no other callers at the same time. */
  batched<O extends CallOptions, T>(
    _stmt: PoolStatement,
    options: O | undefined,
    make: (conn: Conn, options: O | undefined) => T,
  ): T {
    return this.withRetries(options, make);
  }

  /**
   * Makes a call on a connection. Repeats it if the connection was lost before anything was sent, or if
   * nothing was executed because the statement was stale.
   */
  withRetries<O extends CallOptions, T>(options: O | undefined, make: (conn: Conn, options: O | undefined) => T): T {
    const startedAt = beginOf(options);
    for (let left = MAX_RETRIES;; left--) {
      const entry = this.#acquire(options, startedAt);
      try {
        const result = make(entry.conn, withRemainingTime(options, startedAt, now));
        refuseOpenTransaction(entry.conn.opened.state);
        return result;
      } catch (error) {
        this.#observe(entry.conn, error);
        if (!isRetryable(error, left) || this.#source.closed) throw error;
      } finally {
        this.#source.release(entry);
      }
    }
  }

  /** Makes a call that must not be repeated. */
  once<O extends CallOptions, T>(options: O | undefined, make: (conn: Conn, options: O | undefined) => T): T {
    const startedAt = beginOf(options);
    const entry = this.#acquire(options, startedAt);
    try {
      return make(entry.conn, withRemainingTime(options, startedAt, now));
    } catch (error) {
      this.#observe(entry.conn, error);
      throw error;
    } finally {
      this.#source.release(entry);
    }
  }

  /**
   * Runs a transaction. If it fails because its connection was lost, or because the server has become a standby, and
   * nothing can have been committed, it is run again on another connection, as often as `retries` says.
   */
  transaction<O extends PoolTransactionOptions, T>(
    options: O | undefined,
    make: (conn: Conn, options: O | undefined) => T,
  ): T {
    let startedAt = beginOf(options);
    let own = connectionOptions(options);
    for (let retriesLeft = options?.retries ?? 0;; retriesLeft--) {
      const entry = this.#acquire(own, startedAt);
      const { timeout } = entry.conn.opened.state;
      if (timeout > 0 && own?.timeout === undefined && (own === undefined || isOptions(own))) {
        // The connection would count it anew for each run.
        own = { ...own, timeout } as O;
        startedAt = now();
      }
      let failure: unknown;
      try {
        return make(entry.conn, withRemainingTime(own, startedAt, now));
      } catch (error) {
        this.#observe(entry.conn, error);
        failure = error;
      } finally {
        this.#source.release(entry);
      }
      const doubt = doubtOf(failure);
      if (doubt !== undefined) {
        const timeout = (own?.timeout || RESOLVE_TIMEOUT) - (own?.timeout ? now() - startedAt : 0);
        const outcome = this.#resolve(doubt.mark, timeout);
        if (outcome === "committed") return doubt.result as T;
        if (outcome === "not committed") settleNotCommitted(failure);
      }
      if (!(isUncommitted(failure) && retriesLeft > 0) || this.#source.closed) throw failure;
    }
  }

  /** Acquires a connection for a call that began then, in the time that it has left. */
  #acquire(options: CallOptions | undefined, startedAt: number): Entry {
    return this.#source.acquire(withRemainingTime(options, startedAt, now)?.timeout, options?.timeout);
  }

  /** Asks the primary what became of a transaction, until that is certain or there is no time left. */
  #resolve(mark: TransactionMark, timeout: number): CommitOutcome {
    const until = now() + timeout;
    for (let left = timeout; left > 0 && !this.#source.closed; left = until - now()) {
      try {
        const primary = this.#primary();
        const entry = primary.acquire(left);
        try {
          const answer = Math.min(left, ANSWER_TIMEOUT);
          const outcome = entry.conn.opened.link.run(resolve(mark, answer));
          if (outcome !== "pending") return outcome;
        } finally {
          primary.release(entry);
        }
      } catch (error) {
        if (!isPassing(error)) return "unknown";
      }
      block(Math.max(0, Math.min(RESOLVE_INTERVAL, until - now())));
    }
    return "unknown";
  }

  /** If the server has missed a timeout, its other connections are in doubt. */
  #observe(conn: PoolConn, error: unknown): void {
    if (error instanceof TimeoutError && error.connectionLost) this.#source.suspect(conn);
  }

  /** Opens a stream on a connection, which is released when the stream ends. */
  openSource<T>(
    options: CallOptions | undefined,
    acquiredAt: Error,
    make: (conn: Conn) => PoolSource<T>["items"],
  ): PoolSource<T> {
    checkReadable(options);
    const entry = this.#source.acquire(options?.timeout);
    const lease = new Lease();
    const unwatch = this.#source.watch(lease, entry, acquiredAt);
    const end = (): void => {
      unwatch();
      this.#source.release(entry);
    };
    try {
      return { items: make(entry.conn), lease, end };
    } catch (error) {
      end();
      throw error;
    }
  }
}

/** When a call began; the clock is read only if it has a timeout. */
function beginOf(options: CallOptions | undefined): number {
  checkReadable(options);
  return options?.timeout === undefined ? 0 : now();
}
