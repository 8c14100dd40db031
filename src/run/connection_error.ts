/** Errors of sockets as errors of pyro. */
import { ConnectionError, PyroError } from "../errors.ts";
import { codeOf, reasonOf } from "../transport/reason.ts";

/**
 * The reason of a connection that was closed by its user. It has no stack: calls fail with errors of their own, of which
 * it is the cause, and to capture one takes longer than the rest of closing.
 */
export function closedError(): ConnectionError {
  const { stackTraceLimit } = Error;
  // No assignment, which throws where the runtime has frozen its own objects.
  Reflect.set(Error, "stackTraceLimit", 0);
  try {
    return new ConnectionError("the connection is closed");
  } finally {
    Reflect.set(Error, "stackTraceLimit", stackTraceLimit);
  }
}

/** The error as one of pyro's; `prefix` says what failed. */
export function connectionError(error: unknown, prefix?: string): Error {
  if (error instanceof PyroError) return error;
  const reason = reasonOf(error);
  return new ConnectionError(prefix === undefined ? reason : `${prefix}: ${reason}`, {
    cause: error,
    code: codeOf(error),
  });
}
