/** The options that blocking and awaited calls share. */
import type { IsolationLevel } from "../features/isolation_level.ts";
import type { ColumnTypes } from "../codecs/column_codecs.ts";
import type { RowShape } from "../rows/row.ts";
import type { RowMapper } from "../rows/row_mapper.ts";

/** How long a call may take. */
export interface CallOptions {
  /**
   * Milliseconds until the call fails with a `TimeoutError`; 0 is no limit. A running statement is stopped by a
   * cancel request. Default: that of `Opts.timeout`, which is 0 unless it is set.
   */
  readonly timeout?: number | undefined;
}

/** The types of the values that a call returns. */
export interface TypeOptions {
  /**
   * How values are decoded. With `"text"`, each is the text that PostgreSQL prints. An object has parsers by the OIDs
   * of types: a value of such a type is what its parser returns for the text; values of other types are decoded as
   * usual. A function returns the parser for an OID, or `undefined`. NULL is `null` in any case. Use the same object
   * or function for all calls: for a new one, pyro has to prepare again how it reads the rows. Default: as the
   * connection's options say.
   *
   * @example
   * ```ts
   * import { Conn } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect("pg://");
   * const sql = "select date '2026-11-29' as day, 7 as n";
   * assert.deepEqual(await conn.exec(sql, { types: "text" }), [{ day: "2026-11-29", n: "7" }]);
   * const types = { 1082: (text: string) => text.split("-") };
   * assert.deepEqual(await conn.exec(sql, { types }), [{ day: ["2026", "11", "29"], n: 7 }]);
   * ```
   */
  readonly types?: ColumnTypes | undefined;
}

/** How a call returns a value. */
export interface ValueOptions extends CallOptions, TypeOptions {}

/** How a call returns rows whose types are chosen already. */
export interface RowOptions extends CallOptions {
  /**
   * `"object"`: by column name; if two columns have the same name, the last one wins. `"array"`: in the
   * order of the columns. The compiler takes rows for objects: for arrays, name the type of a row, as in
   * `exec<[id: number, name: string]>(…)`. Default: `"object"`.
   *
   * @example
   * ```ts
   * import { Conn } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect("pg://");
   * const rows = await conn.exec<[id: number, name: string]>("select 7, 'Ada'", { rows: "array" });
   * for (const [id, name] of rows) assert.deepEqual([id, name], [7, "Ada"]);
   * ```
   */
  readonly rows?: RowShape | undefined;
  /**
   * Whether a dot in the name of a column makes an object inside of the row: columns `id` and `author.name` make
   * `{ id, author: { name } }`. Default: false.
   */
  readonly nest?: boolean | undefined;
}

/**
 * Options with `as`, which says what the call makes of each row: a function of the row, whose result takes the row's
 * place, or a schema of zod, valibot, arktype or another library that follows Standard Schema. If the function
 * throws, the call throws the same value. The function must not be async: its promises would not be awaited. If the
 * schema refuses a row, the call throws a `DecodeError`, whose `cause` has the issues. The result has the type that the
 * function or the schema returns. To the compiler, the function's row is `any` unless you name its type.
 *
 * @example
 * ```ts
 * import { Conn } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await using conn = await Conn.connect("pg://");
 * const as = ({ name, age }: { name: string; age: number }) => `${name}, ${age}`;
 * const people: string[] = await conn.exec("select 'Ada' as name, 36 as age", { as });
 * assert.deepEqual(people, ["Ada, 36"]);
 * ```
 */
export type Mapped<Options, Output> = Options | (Options & { readonly as: RowMapper<Output> });

/** How a call returns its rows. */
export interface QueryOptions extends ValueOptions, RowOptions {}

/** How a portal returns its rows. */
export interface PortalOptions extends ValueOptions, RowOptions {}

/** How much of a copy or a stream is done. */
export interface Progress {
  /** How many bytes of COPY's data were sent or received; undefined for `stream`. */
  readonly bytes: number | undefined;
  /** How many rows were sent or received; undefined for `copyIn` and `copyOut`, whose data pyro does not parse. */
  readonly rows: number | undefined;
}

/** Options of what may take long. */
export interface ProgressOptions {
  /**
   * Called each time a part was sent or received: some kilobytes of a copy, a batch of a stream. If it throws, the call
   * ends with that error, as if the source had failed. A promise that it returns is not awaited. Default: none.
   */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** How data is copied. */
export interface CopyOptions extends CallOptions, ProgressOptions {}

/** How rows are streamed. */
export interface StreamOptions extends PortalOptions, ProgressOptions {
  /** How many rows are fetched, and kept in memory, at a time. `timeout` limits each such fetch. Default: 500. */
  readonly batch?: number | undefined;
}

/** How a batch is executed. */
export interface BatchOptions extends CallOptions {
  /** How many sets of parameters are committed at a time. Default: all. */
  readonly chunk?: number | undefined;
}

/** How a transaction begins. Options that are not given have the session's defaults. */
export interface BeginOptions extends CallOptions {
  /** The isolation level, in any spelling that `IsolationLevel(name)` accepts. */
  readonly isolationLevel?: IsolationLevel | (string & Record<never, never>) | undefined;
  /** Whether the transaction is read-only. */
  readonly readOnly?: boolean | undefined;
  /**
   * Whether a serializable read-only transaction first waits for a snapshot with which it cannot fail because of a
   * conflict.
   */
  readonly deferrable?: boolean | undefined;
  /**
   * Server settings until the end of the transaction, such as those that row-level security policies read by
   * `current_setting('app.user')`. They are sent together with BEGIN, so they cost no round trip. Default: none.
   */
  readonly settings?: Readonly<Record<string, string | number | bigint | boolean>> | undefined;
  /**
   * The current role until the end of the transaction (SET LOCAL ROLE); the session's own role must be a member of
   * it. Default: the session's.
   */
  readonly role?: string | undefined;
}

/** How a function is run in a transaction. */
export interface TransactionOptions extends BeginOptions {
  /**
   * How many times the function may be run again after a conflict with another transaction (40001, 40P01, and
   * Redshift's error for this), each time after a longer pause. A pool also runs it again, on another connection, if
   * the connection was lost or its server has become a standby, and nothing can have been committed. Default: 0.
   */
  readonly retries?: number | undefined;
  /**
   * Called when the transaction is committed, before `tx` returns, with a position in the write-ahead log that
   * includes the commit, for `pool.withTarget(…, { after: position })`. pyro asks for the position together with
   * COMMIT, so it costs no round trip. The function is not called if the connection is lost before the answer, nor if
   * the server has no positions. If it throws, `tx` throws the same value, although the transaction is committed.
   * Default: none.
   */
  readonly onPosition?: ((position: string) => void) | undefined;
}

/** How a pool runs a function in a transaction. */
export interface PoolTransactionOptions extends TransactionOptions {
  /**
   * Whether the pool finds out what became of a transaction whose connection was lost while COMMIT was under way: it asks
   * the primary for the status of the transaction's ID, also after a failover. If it was committed, `tx` returns what the
   * function has returned; if not, the error has no `outcome`, and `retries` run the function again. Where the answer
   * proves nothing, the outcome stays `"unknown"`. The transaction gets its ID when it begins, with a message of some
   * bytes in the write-ahead log; that costs no round trip. Default: false.
   */
  readonly resolveUnknown?: boolean | undefined;
}

/** How long a blocking connection waits for notifications. */
export interface ListenOptions extends CallOptions {
  /** The iteration ends after this many milliseconds without a notification; 0 for never. Default: 0. */
  readonly timeout?: number | undefined;
}

/** How to close a connection. */
export interface CloseOptions {
  /**
   * How long calls already made may take to finish, in milliseconds; then the connection is closed nevertheless.
   * Default: 5000.
   */
  readonly timeout?: number | undefined;
}

/** The result of a fetch from a portal. */
export interface PortalRows<R> {
  /** The rows. */
  readonly rows: R[];
  /**
   * Whether the server stopped because it had sent the requested number of rows. It does not check whether more rows
   * follow, so the next fetch may return none.
   */
  readonly hasMore: boolean;
}

/** Data for COPY: bytes, which are sent unchanged, or a string, which is sent in UTF-8. */
export type CopyData = Uint8Array | string;

/** A row for COPY: an array in the order of the columns, or an object that has each column as its own property. */
export type CopyRow = readonly unknown[] | object;

/** Values for a statement's parameters, in the order of `$1`, `$2`, …; `null` is SQL NULL. */
export type Params = readonly unknown[];

/** Sets of parameters for one statement. */
export type ParamSets = Iterable<Params> | AsyncIterable<Params>;

/** A row as an object: values by column name. */
export type Row = Record<string, unknown>;

/** The names of options, besides those that all calls have. */
export type OptionNames = readonly string[];

/** Names the members of an interface of options; without one of them, it does not compile. */
export function optionNames<Options>(
  names: Readonly<Record<Exclude<keyof Options, keyof CallOptions>, true>>,
): OptionNames {
  return Object.keys(names);
}

interface Mapping {
  readonly as: unknown;
}

/** What calls return that have the same options. A stream has those of a portal; a `statement` is a pipeline's. */
type Returned = "rows" | "objects" | "value" | "portal" | "statement" | "typedRows" | "nothing";

/** The options of calls by what they return. */
export const OPTIONS_OF: Readonly<Record<Returned, OptionNames>> = {
  rows: optionNames<QueryOptions & Mapping>({ rows: true, nest: true, as: true, types: true }),
  objects: optionNames<Omit<QueryOptions, "rows"> & Mapping>({ nest: true, as: true, types: true }),
  value: optionNames<ValueOptions>({ types: true }),
  portal: optionNames<PortalOptions & Mapping>({ rows: true, nest: true, as: true, types: true }),
  statement: optionNames<TypeOptions>({ types: true }),
  typedRows: optionNames<RowOptions & Mapping>({ rows: true, nest: true, as: true }),
  nothing: [],
};
