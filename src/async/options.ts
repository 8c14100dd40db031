/** The options of calls that are awaited: those of both worlds, and a signal. */
import type * as shared from "../connection/call_options.ts";

/** How a call can be given up. */
export interface Abortable {
  /** Gives the call up when it aborts; the promise then rejects with its reason. What the server works on is stopped by a cancel request. */
  readonly signal?: AbortSignal | undefined;
}

/** How long a call may take. */
export interface CallOptions extends shared.CallOptions, Abortable {}
/** How a call wants its rows. */
export interface QueryOptions extends shared.QueryOptions, Abortable {}
/** How rows are streamed. */
export interface StreamOptions extends shared.StreamOptions, Abortable {}
/** How a batch is executed. */
export interface BatchOptions extends shared.BatchOptions, Abortable {}
/** How a transaction is begun. What is not given is as the session's defaults say. */
export interface BeginOptions extends shared.BeginOptions, Abortable {}
/** How a function is run in a transaction. */
export interface TransactionOptions extends shared.TransactionOptions, Abortable {}
/** How to listen. */
export interface ListenOptions extends shared.CallOptions, Abortable {}
