/** The options that blocking and awaited calls share. */
import type { IsolationLevel } from "../features/isolation_level.ts";
import type { RowShape } from "../rows/row.ts";

/** How long a call may take. */
export interface CallOptions {
  /**
   * Milliseconds until the call fails with a `TimeoutError`, 0 for no limit. A running statement is
   * stopped by a cancel request. Default: 0.
   */
  readonly timeout?: number | undefined;
}

/** How a call returns its rows. */
export interface QueryOptions extends CallOptions {
  /**
   * `"object"`: by column name; if two columns have the same name, the last one wins. `"array"`: in the
   * order of the columns. Default: `"object"`.
   */
  readonly rows?: RowShape | undefined;
}

/** How rows are streamed. */
export interface StreamOptions extends QueryOptions {
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
  /** Whether a serializable read-only transaction waits for a snapshot that no conflict can affect. */
  readonly deferrable?: boolean | undefined;
}

/** How a function is run in a transaction. */
export interface TransactionOptions extends BeginOptions {
  /**
   * How many times the function is run again after a conflict with another transaction (40001, 40P01),
   * each time after a longer pause. A pool also runs it again, as often, on another connection, if its connection was
   * lost, or its server has become a standby, and nothing can have been committed. Default: 0.
   */
  readonly retries?: number | undefined;
}

/** How long a blocking connection waits for notifications. */
export interface ListenOptions extends CallOptions {
  /** The iteration ends after this many milliseconds without a notification; 0 for never. Default: 0. */
  readonly timeout?: number | undefined;
}

/** How to close a connection. */
export interface CloseOptions {
  /** How long calls already made may take to finish, in milliseconds. Default: 5000. */
  readonly timeout?: number | undefined;
}

/** The result of a fetch from a portal. */
export interface PortalRows<R> {
  /** The rows. */
  readonly rows: R[];
  /**
   * Whether the server stopped because it had sent the requested number of rows. There may be no more
   * rows all the same.
   */
  readonly hasMore: boolean;
}

/** Data for COPY: bytes as they are, text in UTF-8. */
export type CopyData = Uint8Array | string;

/** A row for COPY: an array in the order of the columns, or an object with a property of its own for each. */
export type CopyRow = readonly unknown[] | object;

/** Values for a statement's parameters, in the order of `$1`, `$2`, …; `null` is SQL NULL. */
export type Params = readonly unknown[];

/** Sets of parameters for one statement. */
export type ParamSets = Iterable<Params> | AsyncIterable<Params>;

/** A row as an object: values by column name. */
export type Row = Record<string, unknown>;
