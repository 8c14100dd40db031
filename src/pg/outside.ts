/**
 * Calls users' functions in such a way that what they throw is an uncaught exception, as in pg, and neither a rejected
 * promise nor an error of the connection.
 */
import process from "node:process";

/** Calls a function now; what it throws is thrown in the next tick. */
export function outside(call: () => unknown): void {
  try {
    call();
  } catch (error) {
    throwLater(error);
  }
}

/** Throws an error in the next tick. */
export function throwLater(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}
