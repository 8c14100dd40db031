/** What clients are told when something fails: whose fault it is, whether to try again, and nothing of the inside. */
import { EncodeError, PyroError, ServerError, SqlState, TimeoutError } from "../../mod.ts";

/** A request that the handler itself turns down. */
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
  // Nobody will read it.
  if (signal.aborted) return new Response(null, { status: 499 });
  if (error instanceof ServerError && error.code === SqlState.UniqueViolation) {
    return problem(409, "There is such a note already");
  }
  if (error instanceof EncodeError) return problem(400, "There is a character in the text that cannot be stored");
  // There was no connection in time, or none of the server's time left.
  if (error instanceof TimeoutError) {
    return error.outcome === "not sent" ? busy(error) : problem(504, "It took too long");
  }
  // Titles are unique, so a note that was stored all the same is not stored twice.
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
