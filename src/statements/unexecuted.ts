/** Calls that have failed before anything was executed for good, for a reason that a retry is likely not to meet. */
import { ConnectionError } from "../errors.ts";

const errors = new WeakSet<object>();

/** Remembers that nothing was executed, or all of it rolled back, and that what was stale is forgotten. */
export function markUnexecuted(error: unknown): void {
  if (error instanceof Error) errors.add(error);
}

/**
 * Whether a call may be made again by those who promise no order among calls: its connection was gone
 * before anything was sent, or its statement was stale and there are repetitions left for that.
 */
export function isRetryable(error: unknown, left: number): boolean {
  if (error instanceof ConnectionError) return error.connectionLost && error.safeToRetry;
  return left > 0 && error instanceof Error && errors.has(error);
}

/** How often a call is repeated because of stale statements. Each connection has its own, and forgets it at once. */
export const MAX_RETRIES = 10;
