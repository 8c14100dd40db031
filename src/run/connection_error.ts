/** Errors of sockets as errors of pyro. */
import { ConnectionError, PyroError } from "../errors.ts";
import { lazy } from "../lazy.ts";
import { codeOf, reasonOf } from "../transport/reason.ts";

/**
 * The reason of a connection that was closed by its user. It has no stack of that call, and so is the same for all: calls
 * fail with errors of their own, of which it is the cause.
 */
export const closedError: () => ConnectionError = lazy(() => {
  const error = new ConnectionError("the connection is closed");
  error.stack = String(error);
  return error;
});

/** The error as one of pyro's; `prefix` says what failed. */
export function connectionError(error: unknown, prefix?: string): Error {
  if (error instanceof PyroError) return error;
  const reason = reasonOf(error);
  return new ConnectionError(prefix === undefined ? reason : `${prefix}: ${reason}`, {
    cause: error,
    code: codeOf(error),
  });
}
