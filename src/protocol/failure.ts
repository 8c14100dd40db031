/**
 * Turns failures into errors. These functions are called where the caller waits, so that the stack shows the caller.
 */
import {
  ConnectionError,
  PipelineAborted,
  ProtocolError,
  PyroError,
  ServerError,
  type ServerFields,
  stackFromHere,
} from "../errors.ts";
import { Effect, effectsOfStatements } from "../sql/statement.ts";
import type { Failure, Request } from "./request.ts";

/** The error for a request that failed. */
export function errorOf(failure: Failure, request: Request<unknown>): PyroError {
  switch (failure.kind) {
    case "server":
      return new ServerError(failure.fields, { query: request.sql });
    case "aborted":
      return new PipelineAborted(`Cannot ${request.action}: an earlier statement of its group failed`, {
        cause: errorOf(failure.by, failure.failed),
      });
    case "lost":
      return lostError(request.action, failure.cause, failure.sent, mayBeCommitted(failure, request));
    case "malformed":
      return new ProtocolError(failure.cause.message, { cause: failure.cause.cause });
    case "unusable":
      stackFromHere(failure.error);
      return failure.error;
  }
}

/** The error of a call whose connection was lost. */
export function lostError(
  action: string,
  cause: Error,
  sent: boolean,
  mayBeCommitted: boolean = sent,
): ConnectionError {
  const reason = cause instanceof ServerError
    ? `the server ended the connection: ${cause.message}`
    : cause instanceof ProtocolError
    ? `the connection was given up: ${cause.message}`
    : cause instanceof PyroError
    ? cause.message
    : `the connection was lost: ${cause.message}`;
  return new ConnectionError(`Cannot ${action}: ${reason}`, {
    cause,
    safeToRetry: !sent,
    outcome: mayBeCommitted ? "unknown" : sent ? undefined : "not sent",
  });
}

/** Whether a request whose connection was lost may have committed: the server rolls back a transaction that was open. */
function mayBeCommitted(
  { sent, inTransaction }: Extract<Failure, { kind: "lost" }>,
  { sql = "" }: Request<unknown>,
): boolean {
  return sent && !(inTransaction && (effectsOfStatements(sql) & Effect.Ends) === 0);
}

const executed = new WeakSet<object>();

/** Marks the error of a call that its caller has given up: what it has executed until then takes effect. */
export function markExecuted(error: unknown): void {
  if (error instanceof Error) executed.add(error);
}

/** Whether it is the error of such a call. */
export function isExecuted(error: unknown): boolean {
  return error instanceof Error && executed.has(error);
}

/** Whether an error ends the connection. */
export function isFatal(fields: ServerFields): boolean {
  return fields.severity === "FATAL" || fields.severity === "PANIC";
}

/** Ends the session for a reason that is not about the reply being read. */
export class SessionEnd extends Error {
  readonly reason: Error;

  constructor(reason: Error) {
    super();
    this.reason = reason;
  }
}
