/** The response when something fails: whose fault it is and whether to try again, but no internal details. */
import { EncodeError, PyroError, ServerError, SqlState, TimeoutError } from "../../mod.ts";

/** A request that the handler itself refuses. */
export class Refusal extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** The response to a request that failed; `signal` is the request's. */
export function responseTo(error: unknown, signal: AbortSignal): Response {
  if (error instanceof Refusal) return problem(error.status, error.message, error.headers);
  // The client is gone.
  if (signal.aborted) return new Response(null, { status: 499 });
  if (error instanceof ServerError && error.code === SqlState.UniqueViolation) {
    return problem(409, "There is such a note already");
  }
  if (error instanceof EncodeError) return problem(400, "There is a character in the text that cannot be stored");
  // Either no connection was free in time, or the statement took too long.
  if (error instanceof TimeoutError) {
    return error.outcome === "not sent" ? busy(error) : problem(504, "It took too long");
  }
  // Titles are unique, so a repeated request does not store a note twice.
  if (error instanceof PyroError && (error.connectionLost || error.safeToRetry)) return busy(error);
  console.error(error);
  return problem(500, "Something went wrong");
}

function busy(error: PyroError): Response {
  console.warn(String(error));
  return problem(503, "Try again in a moment", { "retry-after": "1" });
}

function problem(status: number, error: string, headers?: Readonly<Record<string, string>>): Response {
  return Response.json({ error }, { status, ...(headers && { headers }) });
}
