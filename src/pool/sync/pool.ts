/** The pool of connections that block. */
import { closeTimeout, parseOptions } from "../../connection/arguments.ts";
import { channelName } from "../../features/listen.ts";
import { isRetryable, MAX_RETRIES } from "../../statements/unexecuted.ts";
import type {
  BatchOptions,
  CallOptions,
  CloseOptions,
  CopyData,
  CopyRow,
  ListenOptions,
  Params,
  QueryOptions,
  Row,
  StreamOptions,
  TransactionOptions,
} from "../../connection/call_options.ts";
import { settingsOf } from "../../options/opts.ts";
import type { Target } from "../../options/target.ts";
import type { PoolLeak } from "../leak_detector.ts";
import { Lease } from "../lease.ts";
import { type PoolLimits, poolOpts } from "../limits.ts";
import type { PoolStats } from "../pool_state.ts";
import type { Result } from "../../rows/collectors.ts";
import type { SqlTemplate } from "../../sql/template.ts";
import type { Conn } from "../../sync/conn.ts";
import { PoolNotifications } from "./pool_notifications.ts";
import { type PoolSource, PoolStream } from "./pool_stream.ts";
import { PooledConn } from "./pooled_conn.ts";
import type { Portal } from "../../sync/portal.ts";
import { PoolManager } from "./pool_manager.ts";
import type { Transaction } from "../../sync/transaction.ts";

/** Options of a pool. Its limits override those of the target's `Opts`. */
export interface PoolOptions extends PoolLimits {
  /**
   * Called with each new connection before its first use, to set up the session. If it throws,
   * connecting has failed.
   */
  readonly onConnect?: ((conn: Conn) => void) | undefined;
  /**
   * Called with each released connection after the clean-up, for example to reset it. If it returns
   * `false` or throws, the connection is closed.
   */
  readonly onRelease?: ((conn: Conn) => boolean | void) | undefined;
  /** Called for each connection that is not released. Without it, there is a warning. */
  readonly onLeak?: ((leak: PoolLeak) => void) | undefined;
}

/**
 * Connections to one database, opened when they are needed, and reused.
 *
 * Each call takes a connection, and releases it when it ends; `tx` and `acquire` keep one for longer. A
 * lost connection is replaced; a statement that was not sent because of the loss is sent on another
 * one. Since nothing else runs on the thread, no caller ever waits for a connection, and nothing
 * happens between calls: `poolAcquireTimeout`, `poolMaxWaiting`, `poolMinIdle` and `poolMaxPipelined`
 * have no effect.
 *
 * @example
 * ```ts
 * import { Pool } from "@x/pyro/sync";
 * import assert from "node:assert/strict";
 *
 * using pool = new Pool("pg://", { poolMaxConcurrency: 5 });
 * const squares = [1, 2, 3].map((n) => pool.execValue("select $1::int4 * $1", [n]));
 * assert.deepEqual(squares, [1, 4, 9]);
 * ```
 *
 * @example A transaction
 * ```ts
 * import { Pool } from "@x/pyro/sync";
 * import assert from "node:assert/strict";
 *
 * using pool = new Pool("pg://");
 * const pids = pool.tx((tx) => [
 *   tx.execValue("select pg_backend_pid()"),
 *   tx.execValue("select pg_backend_pid()"),
 * ]);
 * assert.equal(pids[0], pids[1]);
 * ```
 */
export class Pool implements Disposable {
  readonly #manager: PoolManager;

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
      onRelease: (conn) => onRelease?.(conn),
      onLeak,
    });
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
   * @param options Without effect, since there is nothing to wait for.
   * @throws {UsageError} If all connections are in use.
   * @throws {ConnectionError} If the pool is closed, or the server cannot be reached.
   * @throws {ServerError} If the server refuses the session.
   *
   * @example
   * ```ts
   * import { Pool } from "@x/pyro/sync";
   * import assert from "node:assert/strict";
   *
   * using pool = new Pool("pg://");
   * using conn = pool.acquire({ timeout: 5000 });
   * using pipeline = conn.pipeline();
   * const ticket = pipeline.exec("select 1 as n");
   * assert.deepEqual(pipeline.claimOne(ticket), { n: 1 });
   * ```
   */
  acquire(options?: CallOptions): PooledConn {
    parseOptions(options, { action: "acquire a connection", awaits: false });
    const acquiredAt = new Error("taken from the pool here");
    const entry = this.#manager.acquire();
    const { opened, end } = this.#manager.lease(entry, acquiredAt);
    return new PooledConn(opened, () => {
      end();
      this.#manager.release(entry);
    });
  }

  /** As `Conn.ping`, on any connection. */
  ping(options?: CallOptions): void {
    return this.#callWithRetries((conn) => conn.ping(options));
  }

  /** As `Conn.query`, on any connection. A transaction that it begins and does not end is rolled back. */
  query<R = Row>(sql: string | SqlTemplate, options?: QueryOptions): R[] {
    return this.#callWithRetries((conn) => conn.query<R>(sql, options));
  }

  /** As `Conn.queryFirst`, on any connection. */
  queryFirst<R = Row>(sql: string | SqlTemplate, options?: QueryOptions): R | null {
    return this.#callWithRetries((conn) => conn.queryFirst<R>(sql, options));
  }

  /** As `Conn.queryDrop`, on any connection. */
  queryDrop(sql: string | SqlTemplate, options?: CallOptions): number {
    return this.#callWithRetries((conn) => conn.queryDrop(sql, options));
  }

  /** As `Conn.queryAll`, on any connection. */
  queryAll<R = Row>(sql: string | SqlTemplate, options?: QueryOptions): Result<R>[] {
    return this.#callWithRetries((conn) => conn.queryAll<R>(sql, options));
  }

  /** As `Conn.exec`, on any connection. Each connection prepares a string when it first executes it. */
  exec<R = Row>(stmt: PoolStatement, params?: Params | QueryOptions, options?: QueryOptions): R[] {
    return this.#callWithRetries((conn) => conn.exec<R>(stmt, params, options));
  }

  /** As `Conn.execFirst`, on any connection. */
  execFirst<R = Row>(stmt: PoolStatement, params?: Params | QueryOptions, options?: QueryOptions): R | null {
    return this.#callWithRetries((conn) => conn.execFirst<R>(stmt, params, options));
  }

  /** As `Conn.execOne`, on any connection. */
  execOne<R = Row>(stmt: PoolStatement, params?: Params | QueryOptions, options?: QueryOptions): R {
    return this.#callWithRetries((conn) => conn.execOne<R>(stmt, params, options));
  }

  /** As `Conn.execValue`, on any connection. */
  execValue<V = unknown>(stmt: PoolStatement, params?: Params | CallOptions, options?: CallOptions): V | null {
    return this.#callWithRetries((conn) => conn.execValue<V>(stmt, params, options));
  }

  /** As `Conn.execDrop`, on any connection. */
  execDrop(stmt: PoolStatement, params?: Params | CallOptions, options?: CallOptions): number {
    return this.#callWithRetries((conn) => conn.execDrop(stmt, params, options));
  }

  /** As `Conn.run`, on any connection. */
  run<R = Row>(stmt: PoolStatement, params?: Params | QueryOptions, options?: QueryOptions): Result<R> {
    return this.#callWithRetries((conn) => conn.run<R>(stmt, params, options));
  }

  /**
   * As `Conn.execBatch`, on any connection. If the sets are an array, a batch that failed because a
   * migration made its statement stale is executed again.
   */
  execBatch(
    stmt: PoolStatement,
    paramSets: Iterable<Params>,
    options?: BatchOptions,
  ): number {
    // An iterable that is no array may be used up.
    const execBatch = (conn: Conn) => conn.execBatch(stmt, paramSets, options);
    return Array.isArray(paramSets) ? this.#callWithRetries(execBatch) : this.#callOnce(execBatch);
  }

  /** As `Conn.execIter`, on any connection. */
  execIter<T>(
    stmt: PoolStatement,
    params: Params,
    fn: (portal: Portal) => T,
    options?: QueryOptions,
  ): T {
    return this.#callOnce((conn) => conn.execIter(stmt, params, fn, options));
  }

  /**
   * As `Conn.stream`, on any connection, which is taken when the first row is requested. Wrong arguments
   * are reported then, too.
   *
   * @example
   * ```ts
   * import { Pool } from "@x/pyro/sync";
   * import assert from "node:assert/strict";
   *
   * using pool = new Pool("pg://");
   * let sum = 0;
   * for (const row of pool.stream<{ n: number }>("select generate_series(1, $1) as n", [4])) sum += row.n;
   * assert.equal(sum, 10);
   * ```
   */
  stream<R = Row>(stmt: PoolStatement, params?: Params | StreamOptions, options?: StreamOptions): PoolStream<R> {
    const acquiredAt = new Error("streamed from the pool here");
    return new PoolStream<R>(() => this.#openSource(acquiredAt, (conn) => conn.stream<R>(stmt, params, options)));
  }

  /** As `Conn.tx`, on any connection. Calls that `fn` makes on the pool are not part of the transaction. */
  tx<T>(fn: (tx: Transaction) => T, options?: TransactionOptions): T {
    return this.#callOnce((conn) => conn.tx(fn, options));
  }

  /** As `Conn.copyIn`, on any connection. */
  copyIn(
    sql: string | SqlTemplate,
    source: CopyData | Iterable<CopyData>,
    options?: CallOptions,
  ): number {
    return this.#callOnce((conn) => conn.copyIn(sql, source, options));
  }

  /** As `Conn.copyOut`, on any connection, which is taken when the stream is first read. */
  copyOut(sql: string | SqlTemplate, options?: CallOptions): PoolStream<Uint8Array<ArrayBuffer>> {
    const acquiredAt = new Error("copied from the pool here");
    return new PoolStream(() => this.#openSource(acquiredAt, (conn) => conn.copyOut(sql, options)));
  }

  /** As `Conn.copyRows`, on any connection. */
  copyRows(
    table: string | SqlTemplate,
    columns: readonly string[],
    rows: Iterable<CopyRow>,
    options?: CallOptions,
  ): number {
    return this.#callOnce((conn) => conn.copyRows(table, columns, rows, options));
  }

  /**
   * Listens to a channel, on a separate connection that `poolMaxConcurrency` does not count. If it is
   * lost, the pool replaces it, and the listener gets `{ channel, gap: true }`: notifications sent
   * meanwhile are lost.
   *
   * @param options With `timeout`, the iteration ends after that many milliseconds without a
   *   notification.
   *
   * @example
   * ```ts
   * import { Pool } from "@x/pyro/sync";
   * import assert from "node:assert/strict";
   *
   * using pool = new Pool("pg://");
   * using news = pool.listen("news");
   * pool.notify("news", "hello");
   * for (const notification of news) {
   *   if (notification.gap) continue; // whatever was missed has to be looked for
   *   assert.equal(notification.payload, "hello");
   *   break;
   * }
   * ```
   */
  listen(channel: string, options?: ListenOptions): PoolNotifications {
    const name = channelName(channel);
    const { deadline } = parseOptions(options, { action: "listen", awaits: false });
    return new PoolNotifications(name, deadline?.timeout ?? 0, (timeout) => {
      const conn = this.#manager.openListenConnection();
      try {
        return { conn, notifications: conn.listen(name, { timeout }) };
      } catch (error) {
        conn.close();
        throw error;
      }
    });
  }

  /** As `Conn.notify`, on any connection. */
  notify(channel: string, payload?: string, options?: CallOptions): void {
    return this.#callWithRetries((conn) => conn.notify(channel, payload, options));
  }

  /** As `Conn.reloadTypes`, for all of its connections. */
  reloadTypes(): void {
    this.#manager.reloadTypes();
  }

  /**
   * Replaces all connections, for example after a change of settings that only new sessions see: idle
   * ones are closed now, those in use when they are released.
   */
  drain(): void {
    return this.#manager.drain();
  }

  /**
   * Closes the pool, and the connections that are in use. Idempotent. There are no calls to wait for.
   */
  close(options?: CloseOptions): void {
    closeTimeout(options);
    this.#manager.close();
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    return this.close();
  }

  /**
   * Makes a call on a connection. Repeats it if the connection was lost before anything was sent, or if
   * nothing was executed because the statement was stale.
   */
  #callWithRetries<T>(make: (conn: Conn) => T): T {
    for (let left = MAX_RETRIES;; left--) {
      const entry = this.#manager.acquire();
      try {
        return make(entry.conn);
      } catch (error) {
        if (!isRetryable(error, left) || this.closed) throw error;
      } finally {
        this.#manager.release(entry);
      }
    }
  }

  /** Makes a call that must not be repeated. */
  #callOnce<T>(make: (conn: Conn) => T): T {
    const entry = this.#manager.acquire();
    try {
      return make(entry.conn);
    } finally {
      this.#manager.release(entry);
    }
  }

  #openSource<T>(acquiredAt: Error, make: (conn: Conn) => PoolSource<T>["items"]): PoolSource<T> {
    const entry = this.#manager.acquire();
    const lease = new Lease();
    const unwatch = this.#manager.watch(lease, entry, acquiredAt);
    const end = (): void => {
      unwatch();
      this.#manager.release(entry);
    };
    try {
      return { items: make(entry.conn), lease, end };
    } catch (error) {
      end();
      throw error;
    }
  }
}

/** A statement that any connection can execute: SQL text, or an `sql` template. */
export type PoolStatement = string | SqlTemplate;
