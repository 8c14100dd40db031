/** The errors of a pool that cannot hand out a connection. */
import { ConnectionError, isServerFull, ServerError, TimeoutError, UsageError } from "../errors.ts";
import { SqlState } from "../sqlstate.ts";
import type { PoolStats } from "./pool_state.ts";

/** Whether a later attempt to connect may succeed, although nothing else has changed. */
export function isTransient(error: unknown): boolean {
  if (error instanceof ServerError) {
    return isServerFull(error) || TRANSIENT_CODES.includes(error.code) || isWithoutServer(error);
  }
  return error instanceof ConnectionError && error.connectionLost;
}

/** Whether Pgpool-II cannot reach its server, for which it has no code of its own. */
function isWithoutServer({ severity, code, message }: ServerError): boolean {
  return severity === "FATAL" && code === SqlState.InternalError && message === "failed to create a backend connection";
}

/** Whether a server that could not be asked may be asked later. */
export function isPassing(error: unknown): boolean {
  return isTransient(error) || error instanceof ConnectionError || error instanceof TimeoutError;
}

/** Milliseconds to find out what became of a transaction, if its caller has set no timeout: a failover takes some seconds. */
export const RESOLVE_TIMEOUT = 30_000;
/** Milliseconds between two questions. */
export const RESOLVE_INTERVAL = 100;
/** Milliseconds for an answer. */
export const ANSWER_TIMEOUT = 2000;

/** The pool is closed. */
export function poolClosed(): ConnectionError {
  return new ConnectionError("Cannot use the pool: it is closed", { connectionLost: false, safeToRetry: true });
}

/** A new connection cannot be used. */
export function lostWhileOpening(): ConnectionError {
  return new ConnectionError("Cannot use the new connection: it was closed or lost before its first use", {
    safeToRetry: true,
  });
}

/** Too many callers wait already. */
export function tooManyWaiting(maxWaiting: number): ConnectionError {
  return new ConnectionError(
    `Cannot acquire a connection: ${maxWaiting} callers wait for one already, as many as poolMaxWaiting allows`,
    { connectionLost: false, safeToRetry: true },
  );
}

/** All connections are in use, by the only thread that could release one. */
export function allInUse({ max }: PoolStats): UsageError {
  return new UsageError(
    `Cannot acquire a connection: all ${max} are in use; release one, or set a higher poolMaxConcurrency`,
    { safeToRetry: true },
  );
}

/** There was no connection in time; `cause` is the last failure to connect. */
export function acquireTimedOut(milliseconds: number, stats: PoolStats, options: ErrorOptions): TimeoutError {
  return new TimeoutError(
    `Cannot acquire a connection: there was none within ${milliseconds} ms; ${usage(stats)}`,
    { outcome: "not sent", ...options },
  );
}

/** The use of the pool when a caller's waiting failed, in words. */
function usage({ max, idle, leased, opening, waiting }: PoolStats): string {
  return `of at most ${max}, ${leased} are in use, ${opening} being opened and ${idle} idle; ${waiting} other callers wait`;
}

/** The server is starting or stopping. */
const TRANSIENT_CODES: readonly string[] = [
  SqlState.CannotConnectNow,
  SqlState.AdminShutdown,
  SqlState.CrashShutdown,
];
