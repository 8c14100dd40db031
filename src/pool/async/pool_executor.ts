/** The methods of a pool that execute SQL: one line each, over the methods of connections. */
import { areRepeatable, copyArguments, type PoolStatement } from "../../connection/arguments.ts";
import type { CopyData, CopyRow, Mapped, Params, Row } from "../../connection/call_options.ts";
import type { Result } from "../../rows/collectors.ts";
import type { SqlTemplate } from "../../sql/template.ts";
import type { Conn } from "../../async/conn.ts";
import type {
  BatchOptions,
  CallOptions,
  CopyOptions,
  PoolTransactionOptions,
  PortalOptions,
  QueryOptions,
  StreamOptions,
  ValueOptions,
} from "../../async/options.ts";
import type { Portal } from "../../async/portal.ts";
import type { Transaction } from "../../async/transaction.ts";
import { argumentsOf, type PoolCalls } from "./pool_calls.ts";
import { PoolStream } from "./pool_stream.ts";

/** Everything that executes SQL on any connection of a pool. */
export abstract class PoolExecutor {
  readonly #calls: PoolCalls;

  /** Not for callers: pools build on it. */
  constructor(calls: PoolCalls) {
    this.#calls = calls;
  }

  /** As `Conn.ping`, on any connection. */
  ping(options?: CallOptions): Promise<void> {
    return this.#calls.withRetries(options, (conn, options) => conn.ping(options));
  }

  /**
   * As `Conn.query`, on any connection. If it leaves a transaction open, that is rolled back, and the call throws a
   * `UsageError`.
   */
  query<R = Row>(sql: string | SqlTemplate, options?: Mapped<QueryOptions, R>): Promise<R[]> {
    return this.#calls.withRetries(options, (conn, options) => conn.query<R>(sql, options));
  }

  /** As `Conn.queryFirst`, on any connection. */
  queryFirst<R = Row>(sql: string | SqlTemplate, options?: Mapped<QueryOptions, R>): Promise<R | null> {
    return this.#calls.withRetries(options, (conn, options) => conn.queryFirst<R>(sql, options));
  }

  /** As `Conn.queryDrop`, on any connection. */
  queryDrop(sql: string | SqlTemplate, options?: CallOptions): Promise<number> {
    return this.#calls.withRetries(options, (conn, options) => conn.queryDrop(sql, options));
  }

  /** As `Conn.queryAll`, on any connection. */
  queryAll<R = Row>(sql: string | SqlTemplate, options?: Mapped<QueryOptions, R>): Promise<Result<R>[]> {
    return this.#calls.withRetries(options, (conn, options) => conn.queryAll<R>(sql, options));
  }

  /** As `Conn.exec`, on any connection. Each connection prepares a string when it first executes it. */
  exec<R = Row>(
    stmt: PoolStatement,
    params?: Params | Mapped<QueryOptions, R>,
    options?: Mapped<QueryOptions, R>,
  ): Promise<R[]> {
    const [statement, values, given] = argumentsOf(stmt, params, options);
    return this.#calls.batched(statement, given, (conn, options) => conn.exec<R>(statement, values, options));
  }

  /** As `Conn.execFirst`, on any connection. */
  execFirst<R = Row>(
    stmt: PoolStatement,
    params?: Params | Mapped<QueryOptions, R>,
    options?: Mapped<QueryOptions, R>,
  ): Promise<R | null> {
    const [statement, values, given] = argumentsOf(stmt, params, options);
    return this.#calls.batched(statement, given, (conn, options) => conn.execFirst<R>(statement, values, options));
  }

  /** As `Conn.execOne`, on any connection. */
  execOne<R = Row>(
    stmt: PoolStatement,
    params?: Params | Mapped<QueryOptions, R>,
    options?: Mapped<QueryOptions, R>,
  ): Promise<R> {
    const [statement, values, given] = argumentsOf(stmt, params, options);
    return this.#calls.batched(statement, given, (conn, options) => conn.execOne<R>(statement, values, options));
  }

  /** As `Conn.execValue`, on any connection. */
  execValue<V = unknown>(
    stmt: PoolStatement,
    params?: Params | ValueOptions,
    options?: ValueOptions,
  ): Promise<V | null> {
    const [statement, values, given] = argumentsOf(stmt, params, options);
    return this.#calls.batched(statement, given, (conn, options) => conn.execValue<V>(statement, values, options));
  }

  /** As `Conn.execColumn`, on any connection. */
  execColumn<V = unknown>(stmt: PoolStatement, params?: Params | ValueOptions, options?: ValueOptions): Promise<V[]> {
    const [statement, values, given] = argumentsOf(stmt, params, options);
    return this.#calls.batched(statement, given, (conn, options) => conn.execColumn<V>(statement, values, options));
  }

  /** As `Conn.execMap`, on any connection. */
  execMap<K = unknown, R = Row>(
    stmt: PoolStatement,
    params: Params | undefined,
    key: string,
    options?: Mapped<QueryOptions, R>,
  ): Promise<Map<K, R>> {
    const [statement, values, given] = argumentsOf(stmt, params, options);
    return this.#calls.batched(
      statement,
      given,
      (conn, options) => conn.execMap<K, R>(statement, values, key, options),
    );
  }

  /** As `Conn.execDrop`, on any connection. */
  execDrop(stmt: PoolStatement, params?: Params | CallOptions, options?: CallOptions): Promise<number> {
    const [statement, values, given] = argumentsOf(stmt, params, options);
    return this.#calls.batched(statement, given, (conn, options) => conn.execDrop(statement, values, options));
  }

  /** As `Conn.run`, on any connection. */
  run<R = Row>(
    stmt: PoolStatement,
    params?: Params | Mapped<QueryOptions, R>,
    options?: Mapped<QueryOptions, R>,
  ): Promise<Result<R>> {
    const [statement, values, given] = argumentsOf(stmt, params, options);
    return this.#calls.batched(statement, given, (conn, options) => conn.run<R>(statement, values, options));
  }

  /**
   * As `Conn.execBatch`, on any connection. If the batch fails because the tables or types of its statement were
   * changed, for example by a migration, it is executed again, but only if the sets are an array.
   */
  execBatch(
    stmt: PoolStatement,
    paramSets: Iterable<Params> | AsyncIterable<Params>,
    options?: BatchOptions,
  ): Promise<number> {
    // An iterable that is no array may be used up.
    const execBatch = (conn: Conn, options: BatchOptions | undefined) => conn.execBatch(stmt, paramSets, options);
    return areRepeatable(paramSets)
      ? this.#calls.withRetries(options, execBatch)
      : this.#calls.once(options, execBatch);
  }

  /** As `Conn.execIter`, on any connection. */
  execIter<T>(
    stmt: PoolStatement,
    params: Params,
    fn: (portal: Portal) => T | Promise<T>,
    options?: Mapped<PortalOptions, unknown>,
  ): Promise<T> {
    const [statement, values = params] = argumentsOf(stmt, params, undefined);
    return this.#calls.once(options, (conn, options) => conn.execIter(statement, values, fn, options));
  }

  /**
   * As `Conn.stream`, on any connection, which is taken when the first row is requested. Wrong arguments are reported
   * only then.
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
  stream<R = Row>(
    stmt: PoolStatement,
    params?: Params | Mapped<StreamOptions, R>,
    options?: Mapped<StreamOptions, R>,
  ): PoolStream<R> {
    const [statement, values, given] = copyArguments(stmt, params, options);
    const acquiredAt = new Error("streamed from the pool here");
    return new PoolStream<R>(() =>
      this.#calls.openSource(given, acquiredAt, (conn) => conn.stream<R>(statement, values, given))
    );
  }

  /**
   * As `Conn.tx`, on any connection. Calls that `fn` makes on the pool are not part of the transaction.
   *
   * With `retries`, `fn` is also run again, on another connection, if the connection was lost or its server has
   * become a standby, and nothing can have been committed; after a failover, it is run on the new primary. With
   * `resolveUnknown`, the pool finds out what became of a COMMIT whose answer was lost.
   *
   * @example
   * ```ts
   * import { Pool } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using pool = new Pool("pg://");
   * const options = { retries: 3, resolveUnknown: true, timeout: 20_000 };
   * assert.equal(await pool.tx((tx) => tx.execValue("select 6 * 7"), options), 42);
   * ```
   */
  tx<T>(fn: (tx: Transaction) => T | Promise<T>, options?: PoolTransactionOptions): Promise<T> {
    return this.#calls.transaction(options, (conn, options) => conn.tx(fn, options));
  }

  /** As `Conn.position`, on any connection. */
  position(options?: CallOptions): Promise<string> {
    return this.#calls.withRetries(options, (conn, options) => conn.position(options));
  }

  /** As `Conn.copyIn`, on any connection. */
  copyIn(
    sql: string | SqlTemplate,
    source: CopyData | Iterable<CopyData> | AsyncIterable<CopyData>,
    options?: CopyOptions,
  ): Promise<number> {
    return this.#calls.once(options, (conn, options) => conn.copyIn(sql, source, options));
  }

  /** As `Conn.copyRows`, on any connection. */
  copyRows(
    table: string | SqlTemplate,
    columns: readonly string[],
    rows: Iterable<CopyRow> | AsyncIterable<CopyRow>,
    options?: CopyOptions,
  ): Promise<number> {
    return this.#calls.once(options, (conn, options) => conn.copyRows(table, columns, rows, options));
  }

  /** As `Conn.notify`, on any connection. */
  notify(channel: string, payload?: string, options?: CallOptions): Promise<void> {
    return this.#calls.withRetries(options, (conn, options) => conn.notify(channel, payload, options));
  }
}
