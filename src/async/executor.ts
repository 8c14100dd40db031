/** The other methods of connections and transactions that await: one line each, over the shared calls. */
import type { CallContext } from "../connection/call_context.ts";
import * as copyCalls from "../connection/copy_calls.ts";
import * as pipelineCalls from "../connection/pipeline_calls.ts";
import * as portalCalls from "../connection/portal_calls.ts";
import * as sessionCalls from "../connection/session_calls.ts";
import * as transactionCalls from "../connection/transaction_calls.ts";
import type { AsyncLink } from "../run/async_link.ts";
import type { Cursor } from "../features/cursor.ts";
import type { TransactionState } from "../features/transaction.ts";
import type { CopyData, CopyRow, Mapped, Params, Row } from "../connection/call_options.ts";
import type { SqlTemplate } from "../sql/template.ts";
import { copyStream } from "./copy_stream.ts";
import type {
  BeginOptions,
  CallOptions,
  CopyOptions,
  PortalOptions,
  StreamOptions,
  TransactionOptions,
} from "./options.ts";
import { Pipeline } from "./pipeline.ts";
import { Portal } from "./portal.ts";
import { RowStream } from "./row_stream.ts";
import { type Statement, StatementExecutor } from "./statement_executor.ts";
import type { Transaction } from "./transaction.ts";

/**
 * The methods that connections and transactions share: those of {@linkcode StatementExecutor}, and operations of
 * several requests, such as transactions, streams and COPY.
 */
export abstract class Executor extends StatementExecutor {
  readonly #context: CallContext;
  readonly #link: AsyncLink;
  readonly #transactionOf: (state: TransactionState) => Transaction;

  /** Internal: connections and transactions extend it. */
  constructor(context: CallContext, link: AsyncLink, transactionOf: (state: TransactionState) => Transaction) {
    super(context, link);
    this.#context = context;
    this.#link = link;
    this.#transactionOf = transactionOf;
  }

  /**
   * Executes a statement, and calls a function with its portal, from which the function fetches the rows in parts.
   * The call returns what the function returns, and throws what it throws. The portal is closed when the function
   * ends. Outside of a transaction, no other call on the connection is allowed meanwhile. The options `rows`, `nest`
   * and `as` are the defaults of all fetches.
   *
   * @example
   * ```ts
   * import { Conn } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect("pg://");
   * const first = await conn.execIter("select generate_series(1, $1) as n", [1000], async (portal) => {
   *   const { rows, hasMore } = await portal.fetch(2);
   *   return { rows, hasMore };
   * });
   * assert.deepEqual(first, { rows: [{ n: 1 }, { n: 2 }], hasMore: true });
   * ```
   */
  execIter<T>(
    stmt: Statement,
    params: Params,
    fn: (portal: Portal) => T | Promise<T>,
    options?: Mapped<PortalOptions, unknown>,
  ): Promise<T> {
    const use = (cursor: Cursor, fn: (portal: never) => T | Promise<T>): T | Promise<T> =>
      (fn as (portal: Portal) => T | Promise<T>)(new Portal(this.#context, this.#link, cursor));
    return this.#link.run(portalCalls.execIter(this.#context, stmt, params, fn, options, use)) as Promise<T>;
  }

  /**
   * Streams the rows of a statement in constant memory: `batch` rows are fetched at a time. The statement is executed
   * when the first row is requested. Leaving the loop closes the stream. Outside of a transaction, no other call on
   * the connection is allowed from the first row on until then.
   *
   * @example
   * ```ts
   * import { Conn } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect("pg://");
   * let sum = 0;
   * for await (const row of conn.stream<{ n: number }>("select generate_series(1, $1) as n", [10_000])) {
   *   if (row.n > 4) break;
   *   sum += row.n;
   * }
   * assert.equal(sum, 10);
   * ```
   */
  stream<R = Row>(
    stmt: Statement,
    params?: Params | Mapped<StreamOptions, R>,
    options?: Mapped<StreamOptions, R>,
  ): RowStream<R> {
    return new RowStream<R>(this.#context, this.#link, portalCalls.stream(this.#context, stmt, params, options));
  }

  /**
   * Runs a function in a transaction. The transaction is committed if the function returns, and rolled back if it
   * throws. On a transaction, this makes a nested one (a savepoint).
   *
   * @param fn Gets the transaction. The call returns its result.
   * @param options Isolation level, read only, deferrable; `retries` after conflicts with other transactions.
   * @throws {ServerError} 40000, with the first failure as its cause, if a statement failed and the function returned
   *   nevertheless.
   *
   * @example
   * ```ts
   * import { Conn } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect("pg://");
   * await conn.queryDrop("create temporary table account (id int, balance int)");
   * const total = await conn.tx(async (tx) => {
   *   await tx.execDrop("insert into account values ($1, $2)", [1, 100]);
   *   return await tx.execValue("select sum(balance) from account");
   * }, { isolationLevel: "serializable", retries: 3 });
   * assert.equal(total, 100n);
   * ```
   */
  tx<T>(fn: (tx: Transaction) => T | Promise<T>, options?: TransactionOptions): Promise<T> {
    const use = (state: TransactionState, fn: (tx: never) => T | Promise<T>): T | Promise<T> =>
      (fn as (tx: Transaction) => T | Promise<T>)(this.#transactionOf(state));
    return this.#link.run(transactionCalls.tx(this.#context, fn, options, use)) as Promise<T>;
  }

  /**
   * Begins a transaction. It is rolled back if it is disposed of before it was committed. On a transaction, this
   * makes a nested one (a savepoint).
   *
   * @example
   * ```ts
   * import { Conn } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect("pg://");
   * {
   *   await using tx = await conn.begin({ readOnly: true });
   *   assert.equal(await tx.execValue("show transaction_read_only"), "on");
   *   await tx.commit();
   * }
   * assert.equal(conn.transactionStatus, "idle");
   * ```
   */
  async begin(options?: BeginOptions): Promise<Transaction> {
    return this.#transactionOf(await this.#link.run(transactionCalls.begin(this.#context, options)));
  }

  /**
   * Opens a pipeline: statements that are sent together, and whose results are claimed in order. No
   * other call is allowed until it is closed; best used with `await using`.
   *
   * @example
   * ```ts
   * import { Conn } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect("pg://");
   * await using pipeline = conn.pipeline();
   * const one = pipeline.exec<{ n: number }>("select 1 as n");
   * const two = pipeline.exec<{ n: number }>("select 2 as n");
   * await pipeline.sync();
   * assert.deepEqual(await pipeline.claim(one), [{ n: 1 }]);
   * assert.deepEqual(await pipeline.claimOne(two), { n: 2 });
   * ```
   */
  pipeline(): Pipeline {
    return new Pipeline(this.#context, this.#link, pipelineCalls.openPipeline(this.#context));
  }

  /**
   * Executes `COPY … FROM STDIN` and returns the number of rows copied.
   *
   * @param source Bytes or text in the statement's format. Chunks may end anywhere.
   *
   * @example
   * ```ts
   * import { Conn } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect("pg://");
   * await conn.queryDrop("create temporary table point (x int, y int)");
   * assert.equal(await conn.copyIn("copy point from stdin (format csv)", ["1,2\n3,", "4\n"]), 2);
   * ```
   */
  copyIn(
    sql: string | SqlTemplate,
    source: CopyData | Iterable<CopyData> | AsyncIterable<CopyData>,
    options?: CopyOptions,
  ): Promise<number> {
    return this.#link.run(copyCalls.copyIn(this.#context, sql, source, options));
  }

  /**
   * Executes `COPY … TO STDOUT` and returns the data as a stream that can be iterated over. Leaving the loop stops
   * the statement; this does not fail a transaction. Until the data has ended or the loop is left, no other call on
   * the connection is allowed.
   *
   * @example
   * ```ts
   * import { Conn } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect("pg://");
   * const text = await new Response(conn.copyOut("copy (values (1, 2), (3, 4)) to stdout (format csv)")).text();
   * assert.equal(text, "1,2\n3,4\n");
   * ```
   */
  copyOut(sql: string | SqlTemplate, options?: CopyOptions): ReadableStream<Uint8Array<ArrayBuffer>> {
    return copyStream(this.#link, copyCalls.copyOut(this.#context, sql, options));
  }

  /**
   * Copies rows into a table, by COPY, and returns their number. All rows are stored, or none.
   *
   * Values are encoded for their columns' types: in COPY's binary format if pyro writes it for all of
   * these types, otherwise in text. Strings for dates and times must be ISO 8601, with an offset from UTC
   * for timestamptz.
   *
   * @param table The table's name, which is split at dots and quoted, or `sql.id("schema", "table")`.
   * @param columns The columns to fill; others get their defaults.
   * @param rows Arrays in the order of `columns`, or objects with these names.
   * @throws {EncodeError} If a value does not fit its column's type; the error's `index` is the row's.
   *
   * @example
   * ```ts
   * import { Conn } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect("pg://");
   * await conn.queryDrop("create temporary table person (name text, born date)");
   * const copied = await conn.copyRows("person", ["name", "born"], [
   *   ["Ada", Temporal.PlainDate.from("1815-12-10")],
   *   { name: "Alan", born: "1912-06-23" },
   * ]);
   * assert.equal(copied, 2);
   * ```
   */
  copyRows(
    table: string | SqlTemplate,
    columns: readonly string[],
    rows: Iterable<CopyRow> | AsyncIterable<CopyRow>,
    options?: CopyOptions,
  ): Promise<number> {
    return this.#link.run(copyCalls.copyRows(this.#context, table, columns, rows, options));
  }

  /**
   * Notifies all sessions that listen to a channel; in a transaction, when it commits. The payload is
   * text of up to 7999 bytes.
   */
  notify(channel: string, payload?: string, options?: CallOptions): Promise<void> {
    return this.#link.run(sessionCalls.notify(this.#context, channel, payload, options));
  }
}
