/** The options of calls that await: those of blocking calls, and a signal. */
import type * as shared from "../connection/call_options.ts";

/** How a call is cancelled. */
export interface Abortable {
  /**
   * When it aborts, the promise rejects with the signal's reason. A running statement is stopped by a cancel request.
   */
  readonly signal?: AbortSignal | undefined;
}

/** How long a call may take. */
export interface CallOptions extends shared.CallOptions, Abortable {}
/** How a call returns a value. */
export interface ValueOptions extends shared.ValueOptions, Abortable {}
/** How a call returns rows whose types are chosen already. */
export interface RowOptions extends shared.RowOptions, Abortable {}
/** How a call returns its rows. */
export interface QueryOptions extends shared.QueryOptions, Abortable {}
/** How a portal returns its rows. */
export interface PortalOptions extends shared.PortalOptions, Abortable {}
/** How rows are streamed. */
export interface StreamOptions extends shared.StreamOptions, Abortable {}
/** How data is copied. */
export interface CopyOptions extends shared.CopyOptions, Abortable {}
/** How a batch is executed. */
export interface BatchOptions extends shared.BatchOptions, Abortable {}
/** How a transaction begins. Options that are not given have the session's defaults. */
export interface BeginOptions extends shared.BeginOptions, Abortable {}
/** How a function is run in a transaction. */
export interface TransactionOptions extends shared.TransactionOptions, Abortable {}
/** How a pool runs a function in a transaction. */
export interface PoolTransactionOptions extends shared.PoolTransactionOptions, Abortable {}
/** Options of `listen`. */
export interface ListenOptions extends shared.CallOptions, Abortable {}
