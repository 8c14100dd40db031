/** The connection that awaits: one-line methods over the shared core. */
import { type CloseOptions, ConnState } from "../conn_state.ts";
import { Core, type Params, type QueryOptions, type Row, sinks } from "../core.ts";
import type { AsyncLink } from "../drive/async_link.ts";
import { now } from "../drive/clock.ts";
import { connectAsync } from "../drive/connect_async.ts";
import { UsageError } from "../errors.ts";
import { catalogOf } from "../ops/catalogs.ts";
import { connect } from "../ops/connect.ts";
import { planOf } from "../ops/plan.ts";
import { settingsOf, type Target, toOpts } from "../opts/opts.ts";
import type { Result } from "../protocol/sink.ts";
import { nativeDialer } from "../transport/native_async.ts";
import { osUser, randomText, variable } from "../transport/runtime.ts";
import { PreparedStatement } from "./prepared_statement.ts";

/** What can be executed: SQL text, or a statement prepared on the same connection. */
export type Statement = string | PreparedStatement;

/** How to connect, beyond where to. */
export interface ConnectOptions {
  /** Gives up connecting when it aborts; the promise then rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A connection to a PostgreSQL server: one session, whose statements are executed in the order of the
 * calls. Calls need not be awaited one by one; what is called in one go is sent in one go.
 *
 * All methods reject with a `ConnectionError` once the connection is closed or lost, and with a
 * `ServerError` for what the server refuses; a refused statement leaves the connection usable.
 *
 * @example A query with a parameter
 * ```ts
 * import { Conn } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await using conn = await Conn.connect("pg://");
 * const rows = await conn.exec("select n, n * n as square from generate_series(1, $1) as n", [3]);
 * assert.deepEqual(rows, [{ n: 1, square: 1 }, { n: 2, square: 4 }, { n: 3, square: 9 }]);
 * ```
 *
 * @example Three calls, one round trip
 * ```ts
 * import { Conn } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await using conn = await Conn.connect("pg://");
 * const [one, two, three] = await Promise.all([
 *   conn.execValue("select 1"),
 *   conn.execValue("select 2"),
 *   conn.queryFirst("select 3 as n"),
 * ]);
 * assert.deepEqual([one, two, three], [1, 2, { n: 3 }]);
 * ```
 */
export class Conn extends ConnState implements AsyncDisposable {
  readonly #core: Core;
  readonly #link: AsyncLink;
  #closing: Promise<void> | undefined = undefined;

  /** Not for callers: {@linkcode Conn.connect} makes connections. */
  private constructor(core: Core, link: AsyncLink) {
    if (!(core instanceof Core)) throw new UsageError("Cannot construct Conn: use await Conn.connect(target)");
    super(core);
    this.#core = core;
    this.#link = link;
    link.onEvent = (event) => core.deliver(event);
  }

  /**
   * Connects.
   *
   * @param target A URL (`pg://user:password@host:port/database?key=value`), a `URL`, `Opts`, a
   *   keyword/value string of libpq's, or a plain object of the names of Opts' setters.
   * @throws {UsageError} If the target is malformed.
   * @throws {ServerError} If the server refuses the session, such as for a wrong password.
   * @throws {ConnectionError} If no server can be reached within `connectTimeout`.
   *
   * @example
   * ```ts
   * import { Conn } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect("pg://", { signal: AbortSignal.timeout(10_000) });
   * assert.equal(conn.transactionStatus, "idle");
   * ```
   */
  static async connect(target: Target, options?: ConnectOptions): Promise<Conn> {
    const settings = settingsOf(toOpts(target));
    const dialer = await nativeDialer();
    const plan = planOf(settings, { variable, osUser, now, nonce: randomText, obstacle: dialer.obstacle });
    const { link, upgrade } = await connectAsync(connect(plan), dialer, options?.signal);
    return new Conn(new Core(link, upgrade, settings, randomText(), catalogOf(link, plan)), link);
  }

  /** Makes one round trip to the server; works in a failed transaction too. */
  ping(): Promise<void> {
    return this.#link.run(this.#core.ping());
  }

  /**
   * Runs a string of any number of statements, without parameters (the simple protocol).
   *
   * @returns The rows of the last statement that gave any, `[]` if none did.
   *
   * @example
   * ```ts
   * import { Conn } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect("pg://");
   * const rows = await conn.query("create temporary table t (n int); insert into t values (1), (2); table t");
   * assert.deepEqual(rows, [{ n: 1 }, { n: 2 }]);
   * ```
   */
  query<R = Row>(sql: string, options?: QueryOptions): Promise<R[]> {
    return this.#link.run(this.#core.query(sql, options, sinks.allRows<R>));
  }

  /** The same as {@linkcode query}, but only the first row, or `null`; the others are not decoded. */
  queryFirst<R = Row>(sql: string, options?: QueryOptions): Promise<R | null> {
    return this.#link.run(this.#core.query(sql, options, sinks.firstRow<R>));
  }

  /** The same as {@linkcode query}, but only the number of rows that the last statement affected (or selected). */
  queryDrop(sql: string): Promise<number> {
    return this.#link.run(this.#core.query(sql, undefined, sinks.affected));
  }

  /**
   * Runs a string of any number of statements; everything each of them gave.
   *
   * @example
   * ```ts
   * import { Conn } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect("pg://");
   * const results = await conn.queryAll("create temporary table t (n int); insert into t values (1), (2); table t");
   * assert.deepEqual(results.map(({ command, affected }) => [command, affected]), [
   *   ["CREATE TABLE", 0],
   *   ["INSERT", 2],
   *   ["SELECT", 2],
   * ]);
   * ```
   */
  queryAll<R = Row>(sql: string, options?: QueryOptions): Promise<Result<R>[]> {
    return this.#link.run(this.#core.query(sql, options, sinks.allResults<R>));
  }

  /** Prepares a statement, to be executed many times; see {@linkcode PreparedStatement}. Strings that are executed often are kept prepared without it. */
  async prepare(sql: string): Promise<PreparedStatement> {
    return new PreparedStatement(this.#core, this.#link, await this.#link.run(this.#core.prepare(sql)));
  }

  /**
   * Prepares statements in one round trip: all of them, or none.
   *
   * @example
   * ```ts
   * import { Conn } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect("pg://");
   * const [add, negate] = await conn.prepareBatch(["select $1::int4 + $2", "select -$1::int4"]);
   * assert.equal(await conn.execValue(add!, [1, 2]), 3);
   * assert.equal(await conn.execValue(negate!, [1]), -1);
   * ```
   */
  async prepareBatch(sqls: readonly string[]): Promise<PreparedStatement[]> {
    const all = await this.#link.run(this.#core.prepareBatch(sqls));
    return all.map((prepared) => new PreparedStatement(this.#core, this.#link, prepared));
  }

  /**
   * Executes one statement with parameters (the extended protocol); its rows.
   *
   * A string is prepared the first time, and from then on takes one round trip.
   *
   * @param stmt SQL text with `$1`, `$2`, … for the parameters, or a prepared statement.
   * @param params The parameters' values. An object in their place is the options.
   * @throws {EncodeError} If a value does not fit its parameter's type; nothing is then sent.
   * @throws {DecodeError} If a value of the result cannot be read; the connection goes on.
   *
   * @example
   * ```ts
   * import { Conn } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect("pg://");
   * assert.deepEqual(
   *   await conn.exec("select $1::text as name, $2::int8 as size", ["Ada", 36n]),
   *   [{ name: "Ada", size: 36n }],
   * );
   * assert.deepEqual(await conn.exec("select 1, 2", { rows: "array" }), [[1, 2]]);
   * ```
   */
  exec<R = Row>(stmt: Statement, params?: Params | QueryOptions, options?: QueryOptions): Promise<R[]> {
    return this.#link.run(this.#core.exec(stmt, params, options, sinks.allRows<R>));
  }

  /** The same as {@linkcode exec}, but only the first row, or `null`; the others are not decoded. */
  execFirst<R = Row>(stmt: Statement, params?: Params | QueryOptions, options?: QueryOptions): Promise<R | null> {
    return this.#link.run(this.#core.exec(stmt, params, options, sinks.firstRow<R>));
  }

  /** The same as {@linkcode exec}, but the only row; a `UsageError` if there are none or several. */
  execOne<R = Row>(stmt: Statement, params?: Params | QueryOptions, options?: QueryOptions): Promise<R> {
    return this.#link.run(this.#core.exec(stmt, params, options, sinks.onlyRow<R>));
  }

  /** The same as {@linkcode exec}, but the first column of the first row, or `null`. */
  execValue<V = unknown>(stmt: Statement, params?: Params): Promise<V | null> {
    return this.#link.run(this.#core.exec(stmt, params, undefined, sinks.firstValue<V>));
  }

  /** The same as {@linkcode exec}, but only the number of rows that were affected (or selected). */
  execDrop(stmt: Statement, params?: Params): Promise<number> {
    return this.#link.run(this.#core.exec(stmt, params, undefined, sinks.affected));
  }

  /**
   * The same as {@linkcode exec}, but everything: rows, columns, command and affected rows.
   *
   * @example
   * ```ts
   * import { Conn } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect("pg://");
   * const { rows, columns, command, affected } = await conn.run("select 1 as n");
   * assert.deepEqual([rows, columns[0]?.name, command, affected], [[{ n: 1 }], "n", "SELECT", 1]);
   * ```
   */
  run<R = Row>(stmt: Statement, params?: Params | QueryOptions, options?: QueryOptions): Promise<Result<R>> {
    return this.#link.run(this.#core.exec(stmt, params, options, sinks.onlyResult<R>));
  }

  /** Closes the connection once the calls already made have finished. Idempotent; never rejects for a connection that is gone. */
  close(options?: CloseOptions): Promise<void> {
    return this.#closing ??= this.#close(options?.timeout ?? 5000);
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(timeout: number): Promise<void> {
    this.#core.beginClosing();
    await this.#link.drained(timeout);
    await this.#link.close();
  }
}
