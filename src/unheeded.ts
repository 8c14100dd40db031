/** Calls of users' functions whose outcome is nobody's: it must not fail a call, nor end the process. */

/** Calls a function. What it throws is ignored, and so is what a promise that it returns rejects with. */
export function callUnheeded(fn: () => unknown): void {
  try {
    const result = fn();
    if (isPromise(result)) silence(result);
  } catch {
    // See above.
  }
}

/** Whether it is a promise, or anything else with a method `then`. */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  try {
    return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
  } catch {
    return true;
  }
}

/** Takes the error of a promise that nobody waits for. */
export function silence(promise: PromiseLike<unknown>): void {
  try {
    promise.then(undefined, () => {});
  } catch {
    // It is no promise.
  }
}
