/** The methods of connections and transactions that await, for statements: one line each, over the shared calls. */
import type { CallContext } from "../connection/call_context.ts";
import * as statementCalls from "../connection/statement_calls.ts";
import { ConnState } from "../api/conn_state.ts";
import type { AsyncLink } from "../run/async_link.ts";
import { type Mapped, OPTIONS_OF, type Params, type Row } from "../connection/call_options.ts";
import type { Result } from "../rows/collectors.ts";
import { collectors, rowsByKey } from "../rows/collector_factories.ts";
import type { RowLayout } from "../rows/row.ts";
import type { SqlTemplate } from "../sql/template.ts";
import type { BatchOptions, CallOptions, QueryOptions, ValueOptions } from "./options.ts";
import { PreparedStatement } from "./prepared_statement.ts";

/** A statement: SQL text, a statement prepared on the same connection, or an `sql` template. */
export type Statement = string | PreparedStatement | SqlTemplate;

/** The methods that execute statements, and return their results as a whole. */
export abstract class StatementExecutor extends ConnState {
  readonly #context: CallContext;
  readonly #link: AsyncLink;

  /** Internal: {@linkcode Executor} extends it. */
  constructor(context: CallContext, link: AsyncLink) {
    super(context.state, context.lease);
    this.#context = context;
    this.#link = link;
  }

  /**
   * Executes a string of any number of statements, without parameters (simple query protocol).
   *
   * @returns The rows of the last statement that returned rows, or `[]`.
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
  query<R = Row>(sql: string | SqlTemplate, options?: Mapped<QueryOptions, R>): Promise<R[]> {
    return this.#link.run(statementCalls.query(this.#context, sql, options, collectors.allRows<R>, OPTIONS_OF.rows));
  }

  /** The same as {@linkcode query}, but returns the first row or `null`; other rows are not decoded. */
  queryFirst<R = Row>(sql: string | SqlTemplate, options?: Mapped<QueryOptions, R>): Promise<R | null> {
    return this.#link.run(
      statementCalls.query(this.#context, sql, options, collectors.firstRow<R>, OPTIONS_OF.rows, "queryFirst"),
    );
  }

  /** The same as {@linkcode query}, but returns the number of rows that the last statement affected (or selected). */
  queryDrop(sql: string | SqlTemplate, options?: CallOptions): Promise<number> {
    return this.#link.run(
      statementCalls.query(this.#context, sql, options, collectors.affected, OPTIONS_OF.nothing, "queryDrop"),
    );
  }

  /**
   * Executes a string of any number of statements, and returns a result for each.
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
  queryAll<R = Row>(sql: string | SqlTemplate, options?: Mapped<QueryOptions, R>): Promise<Result<R>[]> {
    return this.#link.run(
      statementCalls.query(this.#context, sql, options, collectors.allResults<R>, OPTIONS_OF.rows, "queryAll"),
    );
  }

  /**
   * Prepares a statement; see {@linkcode PreparedStatement}. You need not prepare a string that you execute
   * repeatedly: `exec` does that by itself.
   */
  async prepare(sql: string | SqlTemplate, options?: CallOptions): Promise<PreparedStatement> {
    const prepared = await this.#link.run(statementCalls.prepare(this.#context, sql, options));
    return new PreparedStatement(this.#context, this.#link, prepared);
  }

  /**
   * Prepares several statements in one round trip: all of them, or none.
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
  async prepareBatch(sqls: readonly (string | SqlTemplate)[], options?: CallOptions): Promise<PreparedStatement[]> {
    const all = await this.#link.run(statementCalls.prepareBatch(this.#context, sqls, options));
    return all.map((prepared) => new PreparedStatement(this.#context, this.#link, prepared));
  }

  /**
   * Executes one statement with parameters (extended query protocol) and returns its rows.
   *
   * A string with parameters is prepared the first time, which takes one more round trip; from then on it takes one.
   *
   * @param stmt SQL text with `$1`, `$2`, … for the parameters, a prepared statement, or an `sql` template.
   * @param params The parameters' values. An object in their place is taken as the options.
   * @throws {EncodeError} If a value does not fit its parameter's type; nothing is sent.
   * @throws {DecodeError} If a value of the result cannot be read; the connection stays usable.
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
  exec<R = Row>(
    stmt: Statement,
    params?: Params | Mapped<QueryOptions, R>,
    options?: Mapped<QueryOptions, R>,
  ): Promise<R[]> {
    return this.#link.run(
      statementCalls.exec(this.#context, stmt, params, options, collectors.allRows<R>, OPTIONS_OF.rows),
    );
  }

  /** The same as {@linkcode exec}, but returns the first row or `null`; other rows are not decoded. */
  execFirst<R = Row>(
    stmt: Statement,
    params?: Params | Mapped<QueryOptions, R>,
    options?: Mapped<QueryOptions, R>,
  ): Promise<R | null> {
    return this.#link.run(
      statementCalls.exec(this.#context, stmt, params, options, collectors.firstRow<R>, OPTIONS_OF.rows, "execFirst"),
    );
  }

  /**
   * The same as {@linkcode exec}, but returns the only row. If there is none or more than one, it throws a
   * `UsageError`.
   */
  execOne<R = Row>(
    stmt: Statement,
    params?: Params | Mapped<QueryOptions, R>,
    options?: Mapped<QueryOptions, R>,
  ): Promise<R> {
    return this.#link.run(
      statementCalls.exec(this.#context, stmt, params, options, collectors.onlyRow<R>, OPTIONS_OF.rows, "execOne"),
    );
  }

  /** The same as {@linkcode exec}, but returns the first column of the first row, or `null`. */
  execValue<V = unknown>(stmt: Statement, params?: Params | ValueOptions, options?: ValueOptions): Promise<V | null> {
    return this.#link.run(
      statementCalls.exec(
        this.#context,
        stmt,
        params,
        options,
        collectors.firstValue<V>,
        OPTIONS_OF.value,
        "execValue",
      ),
    );
  }

  /**
   * The same as {@linkcode exec}, but returns the first column of all rows.
   *
   * @example
   * ```ts
   * import { Conn } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect("pg://");
   * assert.deepEqual(await conn.execColumn("select generate_series(1, $1)", [3]), [1, 2, 3]);
   * ```
   */
  execColumn<V = unknown>(stmt: Statement, params?: Params | ValueOptions, options?: ValueOptions): Promise<V[]> {
    return this.#link.run(
      statementCalls.exec(
        this.#context,
        stmt,
        params,
        options,
        collectors.columnValues<V>,
        OPTIONS_OF.value,
        "execColumn",
      ),
    );
  }

  /**
   * The same as {@linkcode exec}, but returns a Map: its keys are the values of the column `key`, its values the
   * rows.
   *
   * @throws {UsageError} If there is no such column, two rows have the same value of it, or the values are objects.
   *
   * @example
   * ```ts
   * import { Conn } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect("pg://");
   * const people = await conn.execMap<number, { name: string }>(
   *   "select * from (values (1, 'Ada'), (2, 'Alan')) as person (id, name)",
   *   [],
   *   "id",
   * );
   * assert.equal(people.get(2)?.name, "Alan");
   * ```
   */
  execMap<K = unknown, R = Row>(
    stmt: Statement,
    params: Params | undefined,
    key: string,
    options?: Mapped<QueryOptions, R>,
  ): Promise<Map<K, R>> {
    const collectorOf = (layout: RowLayout) => rowsByKey<K, R>(layout, key);
    return this.#link.run(
      statementCalls.exec(this.#context, stmt, params, options, collectorOf, OPTIONS_OF.objects, "execMap"),
    );
  }

  /** The same as {@linkcode exec}, but returns the number of affected (or selected) rows. */
  execDrop(stmt: Statement, params?: Params | CallOptions, options?: CallOptions): Promise<number> {
    return this.#link.run(
      statementCalls.exec(this.#context, stmt, params, options, collectors.affected, OPTIONS_OF.nothing, "execDrop"),
    );
  }

  /**
   * The same as {@linkcode exec}, but returns rows, columns, command and affected rows.
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
  run<R = Row>(
    stmt: Statement,
    params?: Params | Mapped<QueryOptions, R>,
    options?: Mapped<QueryOptions, R>,
  ): Promise<Result<R>> {
    return this.#link.run(
      statementCalls.exec(this.#context, stmt, params, options, collectors.onlyResult<R>, OPTIONS_OF.rows, "run"),
    );
  }

  /**
   * Executes one statement with many sets of parameters. All of them take effect, or none: they are executed in a
   * transaction of their own or, inside of a transaction, after a savepoint. Rows that the statement returns are
   * dropped.
   *
   * @param paramSets Arrays of parameters, in an array or in an iterable of any length.
   * @param options With `chunk`, that many sets are committed at a time; a failure does not undo earlier chunks.
   *   `chunk` is not allowed inside of a transaction.
   * @returns The number of affected rows of all sets together.
   * @throws {PyroError} If a set fails. `index` is the set's index, `committed` the number of sets that chunks have committed.
   *
   * @example
   * ```ts
   * import { Conn } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect("pg://");
   * await conn.queryDrop("create temporary table person (name text, age int)");
   * const affected = await conn.execBatch("insert into person values ($1, $2)", [["Ada", 36], ["Alan", 41]]);
   * assert.equal(affected, 2);
   * ```
   */
  execBatch(
    stmt: Statement,
    paramSets: Iterable<Params> | AsyncIterable<Params>,
    options?: BatchOptions,
  ): Promise<number> {
    return this.#link.run(statementCalls.execBatch(this.#context, stmt, paramSets, options));
  }
}
