/**
 * COPY FROM STDIN or TO STDOUT in a call that expects rows, such as `query` or `exec`.
 *
 * The server then waits for data, or sends it. A COPY FROM STDIN is refused, and the data of a COPY TO STDOUT is read
 * and dropped, so that only this call fails.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", section "COPY Operations".
 */
import { type ServerFields, UsageError } from "../errors.ts";
import { copyFail } from "../wire/frontend.ts";
import type { Outbox } from "../wire/outbox.ts";
import type { Failure } from "./request.ts";

/** Answers a CopyInResponse. The server replies with an error, which {@linkcode mapCopyInError} recognizes. */
export function refuseCopyIn(out: Outbox): void {
  copyFail(out, COPY_REFUSAL);
}

/** The failure of a call whose COPY FROM STDIN was refused. */
export function mapCopyInError(fields: ServerFields): Failure | undefined {
  if (fields.code !== "57014" || !fields.message.includes(COPY_REFUSAL)) return undefined;
  return { kind: "unusable", error: misplaced("COPY FROM STDIN", "copyIn") };
}

/** The failure of a call whose COPY TO STDOUT was read and dropped. */
export function misplacedCopyOut(): UsageError {
  return misplaced("COPY TO STDOUT", "copyOut");
}

function misplaced(command: string, method: string): UsageError {
  return new UsageError(`Cannot run ${command} as a query: use ${method}(), which gives access to the data`);
}

/** The reason with which the COPY is refused, by which its error is recognized. */
export const COPY_REFUSAL = "pyro: this call has no data to copy";
