/** Errors of sockets as errors of pyro. */
import { ConnectionError, PyroError } from "../errors.ts";
import { codeOf, reasonOf } from "../transport/reason.ts";

/** The reason of a connection that was closed by its user. */
export function closedError(): ConnectionError {
  return new ConnectionError("the connection is closed");
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
