/**
 * How many frames the stacks of errors have. Engines keep ten, and between the place where an error is made and the
 * user's call there may be more of pyro's own.
 */
import { isPrintable, printEscaped } from "./printed.ts";

/** Makes an error with so many frames that the user's are among them. */
export function withWholeStack<E extends Error>(make: () => E): E {
  const limit = raiseStackLimit();
  try {
    return make();
  } finally {
    restoreStackLimit(limit);
  }
}

/** Keeps more frames from now on, and returns the limit of before. A program that wants no stacks gets none. */
export function raiseStackLimit(): number | undefined {
  const limit: unknown = Error.stackTraceLimit;
  if (typeof limit !== "number" || !(limit > 0 && limit < FRAMES)) return undefined;
  // A program may have frozen Error.
  Reflect.set(Error, "stackTraceLimit", FRAMES);
  return limit;
}

/** Sets the limit back to the one that {@linkcode raiseStackLimit} returned. */
export function restoreStackLimit(limit: number | undefined): void {
  if (limit !== undefined) Reflect.set(Error, "stackTraceLimit", limit);
}

/** Sets the error's stack to the caller's, for an error that was made elsewhere. */
export function stackFromHere(error: Error): void {
  const { message } = error;
  const kept = KEPT.get(error);
  const traced: { stack?: string } = kept === undefined ? error : {};
  const limit = raiseStackLimit();
  Error.captureStackTrace(traced, stackFromHere);
  restoreStackLimit(limit);
  if (kept !== undefined) error.stack = `${kept}${/\n[^]*/.exec(traced.stack ?? "")?.[0] ?? ""}`;
  else if (!isPrintable(message)) printEscaped(error, message);
}

/** Keeps the stack of an error of a user's function: {@linkcode stackFromHere} then adds the caller's below it. */
export function keepStack(error: Error): void {
  KEPT.set(error, error.stack ?? "");
}

const KEPT = new WeakMap<Error, string>();
const FRAMES = 50;
