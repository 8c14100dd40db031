/** Queries, and the collecting of their results. */
import { EventEmitter } from "node:events";
import { ProtocolError } from "../errors.ts";
import type { RowReader } from "../rows/row.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { Columns } from "./columns.ts";
import type {
  CustomTypesConfig,
  QueryConfig,
  QueryEvents,
  QueryResultRow,
  Submittable,
  SubmittedQuery,
} from "./interfaces.ts";
import { inDomain, outside, rethrowFromHere, throwLater } from "./outside.ts";
import { Result } from "./result.ts";

/** Gets the outcome of a query. */
// deno-lint-ignore no-explicit-any -- the result's rows are those of any query
export type QueryCallback = (error: any, result?: any) => void;

/**
 * A query whose rows are listened to. Without a callback, rows for which there is a listener are not kept.
 *
 * @example
 * ```ts
 * import { Client, Query } from "@x/pyro/pg";
 * import assert from "node:assert/strict";
 *
 * const client = new Client();
 * await client.connect();
 * const query = client.query(new Query("select n from generate_series(1, 3) as n"));
 * const numbers: number[] = [];
 * query.on("row", (row) => numbers.push(row.n));
 * await new Promise((resolve) => query.on("end", resolve));
 * assert.deepEqual(numbers, [1, 2, 3]);
 * await client.end();
 * ```
 */
// deno-lint-ignore no-explicit-any -- as in pg
export class Query<R extends QueryResultRow = any, I extends any[] = any> extends EventEmitter<QueryEvents<R>> {
  /** The SQL text. */
  text: string | undefined;
  /** The values of its parameters. */
  values: I | readonly unknown[] | undefined;
  /** As in {@linkcode QueryConfig}, without effect. */
  rows: number | undefined;
  /** The parsers for its values. */
  types: CustomTypesConfig | undefined;
  /** The name under which the statement is prepared. */
  name: string | undefined;
  /** `"extended"` for the extended protocol. */
  queryMode: string | undefined;
  /** Whether values are given to the parsers of the binary format. */
  binary: boolean | undefined;
  /** As in {@linkcode QueryConfig}, without effect. */
  portal: string;
  /** Gets the outcome; without it, there are only the events. */
  callback: QueryCallback | undefined;
  /** Internal, as is everything in pg that begins with `_`: `array`, or undefined. */
  _rowMode: string | undefined;

  /** A query of a text or of a configuration; values and a callback may follow. */
  constructor(config?: string | QueryConfig<I>, values?: I | QueryCallback, callback?: QueryCallback) {
    super();
    const given: Partial<QueryConfig<I>> = typeof config === "string" ? { text: config } : config ?? {};
    const hasCallback = typeof values === "function";
    this.text = given.text;
    this.values = (values && !hasCallback ? values : given.values) as I | undefined;
    this.rows = given.rows;
    this.types = given.types;
    this.name = given.name;
    this.queryMode = given.queryMode;
    this.binary = given.binary;
    this.portal = given.portal || "";
    this.callback = inDomain(callback || (hasCallback ? values as QueryCallback : given.callback as QueryCallback));
    this._rowMode = given.rowMode;
  }

  /** Whether the extended protocol is used. */
  requiresPreparation(): boolean {
    if (this.queryMode === "extended" || this.name || this.rows) return true;
    return Boolean(this.text) && this.values !== undefined && this.values !== null && this.values.length > 0;
  }

  /** Reports an error: to the callback, or as an event. */
  handleError(error: unknown, _connection?: unknown): void {
    outside(() => this.callback ? this.callback(error) : (this as EventEmitter).emit("error", error));
  }

  /** Internal: reports the result, to the callback, and as an event. */
  _succeed(results: unknown): void {
    if (this.callback) outside(() => this.callback!(null, results));
    outside(() => (this as EventEmitter).emit("end", results));
  }
}

/** A query of this class, or one that talks to the connection itself. */
export type RunnableQuery = Query | SubmittedQuery;

/** The query of the arguments of `query`, and what that returns. */
export function queryOf(
  config: unknown,
  values: unknown,
  callback: unknown,
  promise: PromiseConstructor,
): readonly [query: RunnableQuery, result: unknown] {
  if (config instanceof Query || typeof (config as Submittable).submit === "function") {
    const query = config as RunnableQuery;
    const given = typeof values === "function" ? values : callback;
    if (!query.callback && typeof given === "function") query.callback = given as QueryCallback;
    return [query, query];
  }
  // deno-lint-ignore no-explicit-any -- the constructor reads what it is given
  const query = new Query(config as QueryConfig, values as any, callback as any);
  if (query.callback) {
    if (typeof query.callback !== "function") throw new TypeError("callback is not a function");
    return [query, undefined];
  }
  const result = new promise((resolve, reject) => {
    query.callback = (error, result) => error ? reject(error) : resolve(result);
  });
  return [query, result.catch(rethrowFromHere)];
}

/** The parsers for a query: its own, or those of the client. */
export function typesOf(query: RunnableQuery, clientTypes: CustomTypesConfig): CustomTypesConfig {
  if (query instanceof Query) return query.types || clientTypes;
  // Query classes of other packages have a result, whose parsers are the client's unless they have their own.
  const { _result: result } = query as { _result?: { _types?: CustomTypesConfig } };
  if (result && !result._types) result._types = clientTypes;
  return clientTypes;
}

/** Collects the results of one query, from the messages of its reply. */
export class QuerySink {
  /** A result, or an array if the text has several statements. */
  results: Result | Result[];
  /** Why a row could not be read, or `undefined`. It is the outcome of the query, whatever the server says later. */
  failure: { readonly error: unknown } | undefined = undefined;
  readonly #query: Query;
  readonly #types: CustomTypesConfig;
  #result: Result;
  #reader: RowReader | undefined = undefined;
  /** Where rows are kept; undefined if they only go to listeners. */
  #rows: unknown[] | undefined = undefined;
  #hasListeners = false;

  constructor(query: Query, types: CustomTypesConfig) {
    this.#query = query;
    this.#types = types;
    this.#result = this.results = new Result(query._rowMode, types);
  }

  /** Must be called before rows with these columns. Whoever makes them calls the user's `getTypeParser`. */
  begin(make: () => Columns): void {
    this.#checkForNext();
    let columns: Columns;
    try {
      columns = make();
    } catch (error) {
      this.failure ??= { error };
      return;
    }
    this.#result.fields = columns.fields.slice();
    this.#reader = columns.reader;
    this.#hasListeners = this.#query.listenerCount("row") > 0;
    this.#rows = this.#query.callback || !this.#hasListeners ? this.#result.rows : undefined;
  }

  /** Reads the current message, a DataRow. */
  row(inbox: Inbox): void {
    if (this.failure !== undefined) return;
    if (this.#reader === undefined) throw inbox.unexpected("read rows");
    let row: unknown;
    try {
      row = this.#reader.read(inbox, inbox.pos, inbox.limit);
    } catch (error) {
      if (error instanceof ProtocolError) throw error;
      // A parser's error is wrapped by the reader; pg gives it to the caller as it is.
      this.failure = { error: (error as Error).cause ?? error };
      return;
    }
    this.#rows?.push(row);
    if (this.#hasListeners) this.#emit(row);
  }

  /** Reads the current message, a CommandComplete. */
  complete(inbox: Inbox): void {
    this.#checkForNext();
    const text = inbox.cstring();
    inbox.end();
    this.#reader = undefined;
    this.#result.addCommandComplete({ text });
  }

  /** Listeners are called while the reply is read, so what they throw must not reach the session. */
  #emit(row: unknown): void {
    try {
      (this.#query as EventEmitter).emit("row", row, this.#result);
    } catch (error) {
      throwLater(error);
    }
  }

  /** Begins the next result if the statement before has completed. */
  #checkForNext(): void {
    if (!this.#result.command) return;
    const results = Array.isArray(this.results) ? this.results : [this.results];
    this.#result = new Result(this.#query._rowMode, this.#types);
    results.push(this.#result);
    this.results = results;
  }
}
