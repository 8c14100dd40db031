/**
 * Calls users' functions in such a way that what they throw is an uncaught exception, as in pg, and neither a rejected
 * promise nor an error of the connection.
 */

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

/** Lets the stack of an error show where its call was made, as far as the runtime knows; for `catch` of promises. */
export function rethrowFromHere(error: Error): never {
  if (error instanceof Error) Error.captureStackTrace(error, rethrowFromHere);
  throw error;
}

/** A callback that runs in the domain of now, if there are domains; what is no function is given back. */
export function inDomain<Callback>(callback: Callback): Callback {
  const { domain } = process as { domain?: { bind(fn: Callback): Callback } };
  return domain && typeof callback === "function" ? domain.bind(callback) : callback;
}
