/**
 * Marks errors of calls of which nothing was executed, or nothing committed, and which are likely to succeed if they are
 * retried.
 */
import { ConnectionError } from "../errors.ts";

const errors = new WeakSet<object>();
const uncommitted = new WeakSet<object>();

/** Marks an error: nothing was executed, or everything was rolled back, and the stale statement was invalidated. */
export function markUnexecuted(error: unknown): void {
  if (error instanceof Error) errors.add(error);
}

/**
 * Whether a caller that promises no order among calls, such as a pool, may retry a call: its connection was lost
 * before anything was sent, or its statement was stale and there are retries left for that.
 */
export function isRetryable(error: unknown, left: number): boolean {
  if (error instanceof ConnectionError) return error.connectionLost && error.safeToRetry;
  return left > 0 && error instanceof Error && errors.has(error);
}

/** Marks the error of a transaction of which nothing can have been committed, and which may succeed on another connection. */
export function markUncommitted(error: unknown): void {
  if (error instanceof Error) uncommitted.add(error);
}

/** Whether a transaction that has failed may be run again on another connection. */
export function isUncommitted(error: unknown): boolean {
  return error instanceof Error && uncommitted.has(error);
}

/**
 * How often a call is repeated because of stale statements. Each connection has its own statement, and invalidates it
 * at the first failure.
 */
export const MAX_RETRIES = 10;
