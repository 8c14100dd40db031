/** The options of calls, as far as both worlds have them. */
import type { IsolationLevel } from "../features/isolation_level.ts";
import type { RowShape } from "../rows/row.ts";

/** How long a call may take. */
export interface CallOptions {
  /**
   * Milliseconds until the call fails with a `TimeoutError`, 0 for no limit. What the server works on
   * then is stopped by a cancel request. Default: 0.
   */
  readonly timeout?: number | undefined;
}

/** How a call wants its rows. */
export interface QueryOptions extends CallOptions {
  /** `"object"`: by column name, of equal names the last. `"array"`: in the order of the columns. Default: `"object"`. */
  readonly rows?: RowShape | undefined;
}

/** How rows are streamed. */
export interface StreamOptions extends QueryOptions {
  /** How many rows are fetched, and held, at a time. `timeout` limits each such fetch. Default: 500. */
  readonly batch?: number | undefined;
}

/** How a batch is executed. */
export interface BatchOptions extends CallOptions {
  /** How many sets of parameters are committed at a time. Default: all or nothing. */
  readonly chunk?: number | undefined;
}

/** How a transaction is begun. What is not given is as the session's defaults say. */
export interface BeginOptions extends CallOptions {
  /** What it sees of others; any spelling that `IsolationLevel(name)` takes. */
  readonly isolationLevel?: IsolationLevel | (string & Record<never, never>) | undefined;
  /** Whether it may only read. */
  readonly readOnly?: boolean | undefined;
  /** Whether a serializable one that only reads waits until no conflict can hit it. */
  readonly deferrable?: boolean | undefined;
}

/** How a function is run in a transaction. */
export interface TransactionOptions extends BeginOptions {
  /** How often the whole function is run again after a conflict with another transaction (40001, 40P01), each time after a longer pause. Default: 0. */
  readonly retries?: number | undefined;
}

/** How long a blocking connection waits for notifications. */
export interface ListenOptions extends CallOptions {
  /** Milliseconds without a notification after which the iteration ends, 0 for never. Default: 0. */
  readonly timeout?: number | undefined;
}

/** How to close a connection. */
export interface CloseOptions {
  /** How long calls already made may take to finish, in milliseconds. Default: 5000. */
  readonly timeout?: number | undefined;
}

/** Rows that a portal gave. */
export interface PortalRows<R> {
  /** The rows. */
  readonly rows: R[];
  /** Whether the server has stopped because it was asked for no more. There may be none left all the same. */
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
