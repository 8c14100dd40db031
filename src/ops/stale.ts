/**
 * Statements that the server no longer has, or no longer gives the learned rows: prepared again, once,
 * where that cannot do harm.
 */
import { ServerError } from "../errors.ts";
import { type Op, takeTurn, type Ticket } from "../protocol/exchange.ts";
import type { Prepared } from "../protocol/prepared.ts";
import { SqlState } from "../sqlstate.ts";
import type { Context } from "./context.ts";
import { type Known, known } from "./known.ts";

/**
 * The statement anew, after the server refused to execute it as stale; throws the error for any other
 * refusal. It is prepared again only if no transaction was open, which the error has ended, and if
 * nothing was submitted behind it, which would come first.
 */
export function* refreshed(
  error: unknown,
  ticket: Ticket<unknown>,
  statement: Prepared,
  source: Known,
  context: Context,
): Op<Prepared> {
  if (!forgetStale(error, statement, source, context)) throw error;
  const { session } = context;
  yield* takeTurn();
  if (session.transactionStatus !== "idle" || !session.isLast(ticket)) throw error;
  return yield* known(source, context);
}

/** Sees to it that a statement which was refused as stale is prepared again the next time; false if that is not why it was refused. */
export function forgetStale(
  error: unknown,
  statement: Prepared | undefined,
  source: Known,
  context: Context,
): boolean {
  if (!isStale(error) || statement === undefined) return false;
  const { statements } = context;
  if (NAMELESS.includes(error.code) && !statements.isGone(statement)) statements.turnOffNames();
  forget(statement, source, context);
  return true;
}

/** Sees to it that a statement is prepared again the next time, as it gives other rows than were learned. */
export function forget(statement: Prepared, source: Known, { statements }: Context): void {
  if (typeof source === "string") statements.drop(statement);
  else source.isStale = true;
}

/** Whether the server no longer has the statement, or it no longer takes and gives what was learned. */
function isStale(error: unknown): error is ServerError {
  if (!(error instanceof ServerError)) return false;
  switch (error.code) {
    case SqlState.InvalidSqlStatementName:
    case SqlState.DuplicatePreparedStatement:
      return true;
    case SqlState.FeatureNotSupported:
      return error.routine === "RevalidateCachedQuery" || error.message.startsWith("cached plan must not change");
    case SqlState.InternalError:
      // A type of its parameters was dropped; the server says so without a code of its own.
      return error.message.startsWith("cache lookup failed for type");
    case SqlState.ProtocolViolation:
      // It has another number of columns than there are formats.
      return error.routine === "PortalSetResultFormat" || error.message.startsWith("bind message has");
    case SqlState.AmbiguousFunction:
    case SqlState.CannotCoerce:
    case SqlState.DatatypeMismatch:
    case SqlState.UndefinedFunction:
      // Once it was parsed without: the types that its parameters had then do not fit any more.
      return true;
    default:
      return false;
  }
}

/** A name that is missing or taken: someone between gives the server connection to others too. */
const NAMELESS: readonly string[] = [SqlState.InvalidSqlStatementName, SqlState.DuplicatePreparedStatement];
