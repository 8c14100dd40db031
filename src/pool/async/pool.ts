/** The pool of connections that await. */
import {
  CALLER_TIMEOUT,
  closeTimeout,
  millisecondsFrom,
  parseOptions,
  type RemainingTimeout,
  signalFrom,
  snapshotOf,
} from "../../connection/arguments.ts";
import { now } from "../../runtime/clock.ts";
import { TimeoutError } from "../../errors.ts";
import { isRetryable, MAX_RETRIES } from "../../statements/unexecuted.ts";
import { settingsOf } from "../../options/opts.ts";
import type { Target } from "../../options/target.ts";
import type { CloseOptions, CopyData, CopyRow, Params, Row } from "../../connection/call_options.ts";
import type { PoolLeak } from "../leak_detector.ts";
import { Lease } from "../lease.ts";
import { type PoolLimits, poolOpts } from "../limits.ts";
import { LatencyEstimate } from "../latency_estimate.ts";
import type { PoolStats } from "../pool_state.ts";
import type { Result } from "../../rows/collectors.ts";
import { SqlTemplate, valuesOf } from "../../sql/template.ts";
import type { Conn } from "../../async/conn.ts";
import type {
  BatchOptions,
  CallOptions,
  ListenOptions,
  QueryOptions,
  StreamOptions,
  TransactionOptions,
} from "../../async/options.ts";
import { PoolListener } from "./pool_listener.ts";
import type { PoolNotifications } from "./pool_notifications.ts";
import { type PoolSource, PoolStream } from "./pool_stream.ts";
import { PooledConn } from "./pooled_conn.ts";
import type { Portal } from "../../async/portal.ts";
import type { Entry } from "./pool_conn.ts";
import { type AcquireDeadline, PoolManager } from "./pool_manager.ts";
import type { Transaction } from "../../async/transaction.ts";

/** Options of a pool. Its limits override those of the target's `Opts`. */
export interface PoolOptions extends PoolLimits {
  /**
   * Called with each new connection before its first use, to set up the session. If it throws,
   * connecting has failed.
   */
  readonly onConnect?: ((conn: Conn) => void | Promise<void>) | undefined;
  /**
   * Called with each released connection after the clean-up, for example to reset it. If it returns
   * `false` or throws, the connection is closed.
   */
  readonly onRelease?: ((conn: Conn) => boolean | void | Promise<boolean | void>) | undefined;
  /** Called for each connection that is not released. Without it, there is a warning. */
  readonly onLeak?: ((leak: PoolLeak) => void) | undefined;
}

/**
 * Connections to one database, opened when they are needed, and reused: for servers, where many callers
 * must not share a session.
 *
 * Each call takes a connection, and releases it when it ends; `tx` and `acquire` keep one for longer.
 * Callers that find none wait, first come, first served. A lost connection is replaced; a statement
 * that was not sent because of the loss is sent on another one.
 *
 * @example
 * ```ts
 * import { Pool } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await using pool = new Pool("pg://", { poolMaxConcurrency: 5 });
 * const squares = await Promise.all([1, 2, 3].map((n) => pool.execValue("select $1::int4 * $1", [n])));
 * assert.deepEqual(squares, [1, 4, 9]);
 * ```
 *
 * @example A transaction
 * ```ts
 * import { Pool } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await using pool = new Pool("pg://");
 * const pids = await pool.tx(async (tx) => [
 *   await tx.execValue("select pg_backend_pid()"),
 *   await tx.execValue("select pg_backend_pid()"),
 * ]);
 * assert.equal(pids[0], pids[1]);
 * ```
 */
export class Pool implements AsyncDisposable {
  readonly #manager: PoolManager;
  readonly #latency = new LatencyEstimate();
  readonly #listener: PoolListener;

  /**
   * Makes a pool. The first call opens the first connection.
   *
   * @param target The server to connect to, as for `Conn.connect`.
   * @param options Limits and callbacks.
   * @throws {UsageError} If the target or an option is malformed.
   */
  constructor(target: Target, options?: PoolOptions) {
    const { opts, name, limits } = poolOpts(target, options, ["onConnect", "onRelease", "onLeak"]);
    const { onConnect, onRelease, onLeak } = options ?? {};
    this.#manager = new PoolManager(name, settingsOf(opts), limits, {
      onConnect: (conn) => onConnect?.(conn),
      onRelease,
      onLeak,
    });
    this.#listener = new PoolListener(this.#manager);
  }

  /** Whether the pool was closed. Its calls then fail. */
  get closed(): boolean {
    return this.#manager.closed;
  }

  /** Counts of connections and callers, now and so far. */
  stats(): PoolStats {
    return this.#manager.stats;
  }

  /**
   * Takes a connection, for the caller alone until it is released.
   *
   * @param options `timeout`: how long to wait, in milliseconds, if shorter than `poolAcquireTimeout`.
   *   `signal`: ends the wait when it aborts.
   * @throws {TimeoutError} If no connection was free in time. If the server could not be reached, its `cause` is the reason.
   * @throws {ConnectionError} If `poolMaxWaiting` callers wait already, if the pool is closed, or if the server was never reached.
   * @throws {ServerError} If the server refuses the session.
   *
   * @example
   * ```ts
   * import { Pool } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using pool = new Pool("pg://");
   * await using conn = await pool.acquire({ timeout: 5000 });
   * await using pipeline = conn.pipeline();
   * const ticket = pipeline.exec("select 1 as n");
   * assert.deepEqual(await pipeline.claimOne(ticket), { n: 1 });
   * ```
   */
  async acquire(options?: CallOptions): Promise<PooledConn> {
    parseOptions(options, { action: "acquire a connection", awaits: true });
    const acquiredAt = new Error("taken from the pool here");
    const entry = await this.#acquireEntry(options);
    const { opened, end } = this.#manager.lease(entry, acquiredAt);
    return new PooledConn(opened, () => {
      end();
      return this.#manager.release(entry);
    });
  }

  /** As `Conn.ping`, on any connection. */
  ping(options?: CallOptions): Promise<void> {
    return this.#callWithRetries(options, (conn, options) => conn.ping(options));
  }

  /** As `Conn.query`, on any connection. A transaction that it begins and does not end is rolled back. */
  query<R = Row>(sql: string | SqlTemplate, options?: QueryOptions): Promise<R[]> {
    return this.#callWithRetries(options, (conn, options) => conn.query<R>(sql, options));
  }

  /** As `Conn.queryFirst`, on any connection. */
  queryFirst<R = Row>(sql: string | SqlTemplate, options?: QueryOptions): Promise<R | null> {
    return this.#callWithRetries(options, (conn, options) => conn.queryFirst<R>(sql, options));
  }

  /** As `Conn.queryDrop`, on any connection. */
  queryDrop(sql: string | SqlTemplate, options?: CallOptions): Promise<number> {
    return this.#callWithRetries(options, (conn, options) => conn.queryDrop(sql, options));
  }

  /** As `Conn.queryAll`, on any connection. */
  queryAll<R = Row>(sql: string | SqlTemplate, options?: QueryOptions): Promise<Result<R>[]> {
    return this.#callWithRetries(options, (conn, options) => conn.queryAll<R>(sql, options));
  }

  /** As `Conn.exec`, on any connection. Each connection prepares a string when it first executes it. */
  exec<R = Row>(stmt: PoolStatement, params?: Params | QueryOptions, options?: QueryOptions): Promise<R[]> {
    const [statement, values, given] = splitArguments(stmt, params, options);
    return this.#callBatched(statement, given, (conn, options) => conn.exec<R>(statement, values, options));
  }

  /** As `Conn.execFirst`, on any connection. */
  execFirst<R = Row>(stmt: PoolStatement, params?: Params | QueryOptions, options?: QueryOptions): Promise<R | null> {
    const [statement, values, given] = splitArguments(stmt, params, options);
    return this.#callBatched(statement, given, (conn, options) => conn.execFirst<R>(statement, values, options));
  }

  /** As `Conn.execOne`, on any connection. */
  execOne<R = Row>(stmt: PoolStatement, params?: Params | QueryOptions, options?: QueryOptions): Promise<R> {
    const [statement, values, given] = splitArguments(stmt, params, options);
    return this.#callBatched(statement, given, (conn, options) => conn.execOne<R>(statement, values, options));
  }

  /** As `Conn.execValue`, on any connection. */
  execValue<V = unknown>(stmt: PoolStatement, params?: Params | CallOptions, options?: CallOptions): Promise<V | null> {
    const [statement, values, given] = splitArguments(stmt, params, options);
    return this.#callBatched(statement, given, (conn, options) => conn.execValue<V>(statement, values, options));
  }

  /** As `Conn.execDrop`, on any connection. */
  execDrop(stmt: PoolStatement, params?: Params | CallOptions, options?: CallOptions): Promise<number> {
    const [statement, values, given] = splitArguments(stmt, params, options);
    return this.#callBatched(statement, given, (conn, options) => conn.execDrop(statement, values, options));
  }

  /** As `Conn.run`, on any connection. */
  run<R = Row>(stmt: PoolStatement, params?: Params | QueryOptions, options?: QueryOptions): Promise<Result<R>> {
    const [statement, values, given] = splitArguments(stmt, params, options);
    return this.#callBatched(statement, given, (conn, options) => conn.run<R>(statement, values, options));
  }

  /**
   * As `Conn.execBatch`, on any connection. If the sets are an array, a batch that failed because a
   * migration made its statement stale is executed again.
   */
  execBatch(
    stmt: PoolStatement,
    paramSets: Iterable<Params> | AsyncIterable<Params>,
    options?: BatchOptions,
  ): Promise<number> {
    // An iterable that is no array may be used up.
    const execBatch = (conn: Conn, options: BatchOptions | undefined) => conn.execBatch(stmt, paramSets, options);
    return Array.isArray(paramSets) ? this.#callWithRetries(options, execBatch) : this.#callOnce(options, execBatch);
  }

  /** As `Conn.execIter`, on any connection. */
  execIter<T>(
    stmt: PoolStatement,
    params: Params,
    fn: (portal: Portal) => T | Promise<T>,
    options?: QueryOptions,
  ): Promise<T> {
    const [statement, values = params] = splitArguments(stmt, params, undefined);
    return this.#callOnce(options, (conn, options) => conn.execIter(statement, values, fn, options));
  }

  /**
   * As `Conn.stream`, on any connection, which is taken when the first row is requested. Wrong arguments are
   * reported then, too.
   *
   * @example
   * ```ts
   * import { Pool } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using pool = new Pool("pg://");
   * let sum = 0;
   * for await (const row of pool.stream<{ n: number }>("select generate_series(1, $1) as n", [4])) sum += row.n;
   * assert.equal(sum, 10);
   * ```
   */
  stream<R = Row>(stmt: PoolStatement, params?: Params | StreamOptions, options?: StreamOptions): PoolStream<R> {
    const [statement, values, given] = splitArguments(stmt, params, options);
    const acquiredAt = new Error("streamed from the pool here");
    return new PoolStream<R>(() =>
      this.#openSource(given, acquiredAt, (conn) => conn.stream<R>(statement, values, given))
    );
  }

  /** As `Conn.tx`, on any connection. Calls that `fn` makes on the pool are not part of the transaction. */
  tx<T>(fn: (tx: Transaction) => T | Promise<T>, options?: TransactionOptions): Promise<T> {
    return this.#callOnce(options, (conn, options) => conn.tx(fn, options));
  }

  /** As `Conn.copyIn`, on any connection. */
  copyIn(
    sql: string | SqlTemplate,
    source: CopyData | Iterable<CopyData> | AsyncIterable<CopyData>,
    options?: CallOptions,
  ): Promise<number> {
    return this.#callOnce(options, (conn, options) => conn.copyIn(sql, source, options));
  }

  /** As `Conn.copyOut`, on any connection, which is taken when the stream is first read. */
  copyOut(sql: string | SqlTemplate, options?: CallOptions): ReadableStream<Uint8Array<ArrayBuffer>> {
    const acquiredAt = new Error("copied from the pool here");
    const chunks = new PoolStream(() =>
      this.#openSource(options, acquiredAt, (conn) => conn.copyOut(sql, options).values())
    );
    return new ReadableStream({
      async pull(controller): Promise<void> {
        const { done, value } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: () => chunks[Symbol.asyncDispose](),
    }, { highWaterMark: 0 });
  }

  /** As `Conn.copyRows`, on any connection. */
  copyRows(
    table: string | SqlTemplate,
    columns: readonly string[],
    rows: Iterable<CopyRow> | AsyncIterable<CopyRow>,
    options?: CallOptions,
  ): Promise<number> {
    return this.#callOnce(options, (conn, options) => conn.copyRows(table, columns, rows, options));
  }

  /**
   * Listens to a channel, on a separate connection that `poolMaxConcurrency` does not count. If it is
   * lost, the pool replaces it, and the listener gets `{ channel, gap: true }`: notifications sent
   * meanwhile are lost. While a server that was reached before is down, the call waits for it, at most
   * `poolAcquireTimeout`.
   *
   * @example
   * ```ts
   * import { Pool } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using pool = new Pool("pg://");
   * await using news = await pool.listen("news");
   * await pool.notify("news", "hello");
   * for await (const notification of news) {
   *   if (notification.gap) continue; // whatever was missed has to be looked for
   *   assert.equal(notification.payload, "hello");
   *   break;
   * }
   * ```
   */
  listen(channel: string, options?: ListenOptions): Promise<PoolNotifications> {
    return this.#listener.listen(channel, options);
  }

  /** As `Conn.notify`, on any connection. */
  notify(channel: string, payload?: string, options?: CallOptions): Promise<void> {
    return this.#callWithRetries(options, (conn, options) => conn.notify(channel, payload, options));
  }

  /** As `Conn.reloadTypes`, for all of its connections. */
  reloadTypes(): void {
    this.#manager.reloadTypes();
  }

  /**
   * Replaces all connections, for example after a change of settings that only new sessions see: idle
   * ones are closed now, those in use when they are released. Resolves when the idle ones are closed.
   */
  drain(): Promise<void> {
    return this.#manager.drain();
  }

  /**
   * Closes the pool. Calls already made may finish within `timeout`, including those that wait for a
   * connection; the rest are then cut off. Idempotent.
   */
  async close(options?: CloseOptions): Promise<void> {
    const closing = this.#manager.close(closeTimeout(options));
    await Promise.all([closing, this.#listener.close()]);
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #acquireEntry(options: CallOptions | undefined, cost: number = Infinity): Promise<Entry> {
    try {
      return await this.#manager.acquire(options === undefined ? NO_DEADLINE : acquireDeadlineOf(options), cost);
    } catch (error) {
      throw this.#manager.acquireError(error);
    }
  }

  /**
   * As {@linkcode #callWithRetries}; batched with quick statements of other callers, unless the call
   * has a `timeout` or `signal`.
   */
  #callBatched<O extends CallOptions, T>(
    stmt: PoolStatement,
    options: O | undefined,
    make: (conn: Conn, options: O | undefined) => Promise<T>,
  ): Promise<T> {
    const sql = typeof stmt === "string" ? stmt : stmt?.text;
    const mayGiveUp = options?.timeout !== undefined || options?.signal !== undefined;
    return this.#callWithRetries(options, make, typeof sql === "string" && !mayGiveUp ? sql : undefined);
  }

  /**
   * Makes a call on a connection. Repeats it if the connection was lost before anything was sent, or if
   * nothing was executed because the statement was stale: a pool promises no order. `shared` is the
   * text of a statement that may be batched.
   */
  async #callWithRetries<O extends CallOptions, T>(
    options: O | undefined,
    make: (conn: Conn, options: O | undefined) => Promise<T>,
    shared?: string,
  ): Promise<T> {
    const startedAt = now();
    for (let retriesLeft = MAX_RETRIES;; retriesLeft--) {
      const cost = shared === undefined ? Infinity : this.#latency.costOf(shared);
      const entry = this.#manager.acquireIdle(cost) ??
        await this.#acquireEntry(withRemainingTime(options, startedAt), cost);
      const taken = shared === undefined ? 0 : now();
      try {
        return await make(entry.conn, withRemainingTime(options, startedAt));
      } catch (error) {
        if (!isRetryable(error, retriesLeft) || this.closed) throw error;
      } finally {
        if (shared !== undefined) this.#latency.record(shared, (now() - taken) / entry.shares);
        void this.#manager.release(entry);
      }
    }
  }

  /** Makes a call that must not be repeated. */
  async #callOnce<O extends CallOptions, T>(
    options: O | undefined,
    make: (conn: Conn, options: O | undefined) => Promise<T>,
  ): Promise<T> {
    const startedAt = now();
    const entry = await this.#acquireEntry(options);
    try {
      return await make(entry.conn, withRemainingTime(options, startedAt));
    } finally {
      void this.#manager.release(entry);
    }
  }

  async #openSource<T>(
    options: CallOptions | undefined,
    acquiredAt: Error,
    make: (conn: Conn) => AsyncIterator<T, undefined>,
  ): Promise<PoolSource<T>> {
    const entry = await this.#acquireEntry(options);
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

/** A statement that any connection can execute: SQL text, or an `sql` template. */
export type PoolStatement = string | SqlTemplate;

/** The statement, a copy of the parameters, and the options. An object in place of the parameters is the options. */
function splitArguments<O>(
  stmt: PoolStatement,
  params: Params | O | undefined,
  options: O | undefined,
): [PoolStatement, Params | undefined, O | undefined] {
  if (stmt instanceof SqlTemplate && (!Array.isArray(params) || params.length === 0)) {
    const given = Array.isArray(params) ? options : options ?? (params as O | undefined);
    return [stmt.text, snapshotOf(valuesOf(stmt)), given];
  }
  // The caller may change them while the call waits for a connection.
  if (Array.isArray(params)) return [stmt, snapshotOf(params), options];
  if (params === undefined) return [stmt, undefined, options];
  return options === undefined ? [stmt, undefined, params as O] : [stmt, params as Params, options];
}

function acquireDeadlineOf(options: CallOptions & RemainingTimeout | null): AcquireDeadline {
  const { timeout, signal, [CALLER_TIMEOUT]: given = timeout } = options ?? {};
  return {
    timeout: timeout === undefined ? 0 : millisecondsFrom(timeout, "timeout"),
    callerTimeout: given ?? 0,
    signal: signal === undefined ? undefined : signalFrom(signal),
  };
}

/** The options with what is left of `timeout`. */
function withRemainingTime<O extends CallOptions>(options: O | undefined, startedAt: number): O | undefined {
  const timeout = options?.timeout;
  // The call refuses a malformed timeout.
  if (options === undefined || typeof timeout !== "number" || !(timeout > 0)) return options;
  const rest = timeout - (now() - startedAt);
  if (rest > 0) return { ...options, timeout: rest, [CALLER_TIMEOUT]: timeout };
  throw new TimeoutError(`Cannot make the call: it was not begun within ${timeout} ms`, { outcome: "not sent" });
}

const NO_DEADLINE: AcquireDeadline = { timeout: 0, callerTimeout: 0, signal: undefined };
