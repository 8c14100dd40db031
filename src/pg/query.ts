/**
 * Queries. The client sends them and reads their replies in its own way, unless a method is replaced by which a query
 * of pg does so: programs wrap `submit` to log texts, or `handleRowDescription` to rename columns.
 */
import { EventEmitter } from "node:events";
import { type Connection, textOfName } from "./connection.ts";
import type {
  CustomTypesConfig,
  FieldDef,
  QueryConfig,
  QueryEvents,
  QueryResultRow,
  Submittable,
  SubmittedQuery,
} from "./interfaces.ts";
import { inDomain, outside, rethrowFromHere } from "./outside.ts";
import { Result } from "./result.ts";
import { utils } from "./utils.ts";

/** pg's words for a COPY FROM STDIN without data. */
export const NO_SOURCE = "No source stream defined";

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
  /** Internal: the result of the statement that is being executed. */
  _result: Result;
  /** Internal: a result, or an array if the text has several statements. */
  _results: Result | Result[];
  /** Internal: why a value could not be sent or read; the rest of the reply is ignored then. */
  _canceledDueToError: unknown = false;
  /** Internal: whether rows are kept. */
  _accumulateRows = true;

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
    this._result = this._results = new Result(this._rowMode, this.types);
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

  /** Reports the result: to the callback, and as an event. */
  handleReadyForQuery(connection: Connection): void {
    if (this._canceledDueToError) return this.handleError(this._canceledDueToError, connection);
    if (this.callback) outside(() => this.callback!(null, this._results));
    outside(() => (this as EventEmitter).emit("end", this._results));
  }

  /** Sends the first messages. If that cannot be done, it returns the error. */
  submit(connection: Connection): unknown {
    const problem = problemOf(this, connection);
    if (problem !== undefined) return problem;
    if (this.requiresPreparation()) this.prepare(connection);
    else connection.query(this.text ?? "");
    return null;
  }

  /** Whether the server has a statement of this name, or is about to have it. */
  hasBeenParsed(connection: Connection): boolean {
    return Boolean(this.name) && textOfName(this.name!, connection) !== undefined;
  }

  /** Sends the messages of the extended protocol. */
  prepare(connection: Connection): void {
    const { name, portal, text = "", binary } = this;
    if (!this.hasBeenParsed(connection)) {
      connection.parse({ text, name });
      if (name) connection.submittedNamedStatements[name] = text;
    }
    try {
      const valueMapper = utils.prepareValue;
      connection.bind({ portal, statement: name, values: this.values ?? null, binary, valueMapper });
    } catch (error) {
      connection.close({ type: "S", name });
      connection.sync();
      this._canceledDueToError = error;
      return;
    }
    connection.describe({ type: "P", name: portal });
    this._getRows(connection, this.rows);
  }

  /** Takes the columns. */
  handleRowDescription({ fields }: { readonly fields: FieldDef[] }): void {
    this._checkForMultirow();
    this._result.addFields(fields);
    this._accumulateRows = Boolean(this.callback) || this.listenerCount("row") === 0;
  }

  /** Reads a row. */
  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    if (this._canceledDueToError) return;
    let row;
    try {
      row = this._result.parseRow(fields);
    } catch (error) {
      this._canceledDueToError = error;
      return;
    }
    (this as EventEmitter).emit("row", row, this._result);
    if (this._accumulateRows) this._result.addRow(row);
  }

  /** Takes the command tag. */
  handleCommandComplete(message: { readonly text?: string }, connection: Connection): void {
    this._checkForMultirow();
    this._result.addCommandComplete(message);
    if (this.rows) connection.sync();
  }

  /** The text is empty. */
  handleEmptyQuery(connection: Connection): void {
    if (this.rows) connection.sync();
  }

  /** Requests the next rows. */
  handlePortalSuspended(connection: Connection): void {
    this._getRows(connection, this.rows);
  }

  /** Ends a COPY FROM STDIN, for which there is no data. */
  handleCopyInResponse(connection: Connection): void {
    connection.sendCopyFail(NO_SOURCE);
  }

  /** Ignores the data of a COPY TO STDOUT. */
  handleCopyData(_message?: unknown, _connection?: Connection): void {}

  /** Internal: requests rows. */
  _getRows(connection: Connection, rows: number | undefined): void {
    connection.execute({ portal: this.portal, rows });
    if (rows) connection.flush();
    else connection.sync();
  }

  /** Internal: begins the next result if the statement before has completed. */
  _checkForMultirow(): void {
    if (!this._result.command) return;
    if (!Array.isArray(this._results)) this._results = [this._result];
    this._result = new Result(this._rowMode, this._result._types);
    this._results.push(this._result);
  }
}

/** Whether a method is replaced that the client does not call for queries of this class. */
export function isChanged(query: Query): boolean {
  const { _result: result } = query;
  return query.submit !== submit || query.prepare !== prepare || query.hasBeenParsed !== hasBeenParsed ||
    query.handleRowDescription !== handleRowDescription || query.handleDataRow !== handleDataRow ||
    query.handleCommandComplete !== handleCommandComplete || query.handleEmptyQuery !== handleEmptyQuery ||
    query.handleCopyInResponse !== handleCopyInResponse || query.handleCopyData !== handleCopyData ||
    query.handlePortalSuspended !== handlePortalSuspended || result.addFields !== addFields ||
    result.parseRow !== (result.rowAsArray ? _parseRowAsArray : parseRow) || result.addRow !== addRow ||
    result.addCommandComplete !== addCommandComplete;
}

/** Why a query cannot be sent, in pg's words; undefined if it can. */
export function problemOf({ text, name, values }: Query, connection: Connection): Error | undefined {
  if (typeof text !== "string" && typeof name !== "string") {
    return new Error("A query must have either text or a name. Supplying neither is unsupported.");
  }
  const known = name ? textOfName(name, connection) : undefined;
  if (text && known && text !== known) {
    return new Error(`Prepared statements must be unique - '${name}' was used for a different statement`);
  }
  return values && !Array.isArray(values) ? new Error("Query values must be an array") : undefined;
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
  // Query classes of other packages have a result, whose parsers are the client's unless they have their own.
  const { _result: result } = query as { _result?: { _types?: CustomTypesConfig } };
  if (result && !result._types) result._types = clientTypes;
  return (query as { types?: CustomTypesConfig }).types || clientTypes;
}

const { submit, prepare, hasBeenParsed, handleRowDescription, handleDataRow, handleCommandComplete } = Query.prototype;
const { handleEmptyQuery, handleCopyInResponse, handleCopyData, handlePortalSuspended } = Query.prototype;
const { addFields, parseRow, _parseRowAsArray, addRow, addCommandComplete } = Result.prototype;
