/**
 * Statements that the server no longer has, or that no longer take and give what was learned: prepared
 * again, once, where that cannot do harm.
 */
import { EncodeError, ServerError } from "../errors.ts";
import { type Op, takeTurn, type Ticket } from "../protocol/request.ts";
import type { Prepared } from "../protocol/prepared.ts";
import { SqlState } from "../sqlstate.ts";
import type { Context } from "./context.ts";
import { type Known, known } from "./source.ts";
import { markUnexecuted } from "./unexecuted.ts";

/**
 * The statement anew, after it failed before anything was executed, as what is known of it may be stale;
 * throws the error if it is not, or if that is not why. It is prepared again only if no transaction was
 * open, which the error has ended, and if nothing was submitted behind it, which would come first.
 * `ticket` is undefined where the values could not be encoded: then nothing is sent at all, and the next
 * call knows better. `isNew` tells that the statement was prepared just now.
 */
export function* refreshed(
  error: unknown,
  ticket: Ticket<unknown> | undefined,
  statement: Prepared,
  source: Known,
  context: Context,
  isNew: boolean = false,
): Op<Prepared> {
  const { session, registry } = context;
  const isDoubtful = isDoubt(error) && !registry.catalog.hasAttributes(statement.typeOids);
  if ((isNew && isDoubtful) || !forgetStale(error, statement, source, context)) throw error;
  if (ticket !== undefined) yield* takeTurn();
  if (session.transactionStatus !== "idle") throw error;
  if (ticket === undefined || !session.isLast(ticket)) {
    if (!isNew || isStale(error)) markUnexecuted(error);
    throw error;
  }
  const anew = yield* known(source, context);
  // It was the value.
  if (isDoubtful && isSame(anew, statement)) throw error;
  return anew;
}

/**
 * Sees to it that a statement which failed before it was executed is prepared again the next time, and
 * its types are asked for, if they may be stale; false if that cannot be why it failed.
 */
export function forgetStale(
  error: unknown,
  statement: Prepared | undefined,
  source: Known,
  context: Context,
): boolean {
  if (statement === undefined || (!isStale(error) && !isDoubt(error))) return false;
  const { statements } = context;
  if (error instanceof ServerError && NAMELESS.includes(error.code) && !statements.isGone(statement)) {
    statements.turnOffNames();
  }
  forgetAttributes(error, statement.parameterTypes, context);
  if (isStale(error)) forget(statement, source, context);
  else if (typeof source === "string") statements.doubt(statement);
  else source.prepared.isDoubtful = true;
  return true;
}

/** Forgets types that have attributes, if values did not fit them. */
export function forgetAttributes(error: unknown, types: readonly number[], { registry }: Context): void {
  const mayNotFit = isDoubt(error) || (error instanceof ServerError && error.code === SqlState.DatatypeMismatch);
  if (mayNotFit && registry.catalog.hasAttributes(types)) registry.forgetTypes();
}

/** Sees to it that a statement is prepared again the next time, as it gives other rows than were learned. */
export function forget(statement: Prepared, source: Known, { statements }: Context): void {
  if (typeof source === "string") statements.drop(statement);
  else source.isStale = true;
}

/** Whether the server no longer has the statement, or it no longer takes and gives what was learned. */
export function isStale(error: unknown): error is ServerError {
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

/** Whether a value does not fit: it is wrong, or the type of its parameter has become another. */
function isDoubt(error: unknown): boolean {
  return error instanceof EncodeError || (error instanceof ServerError && REFUSED_VALUE.includes(error.code));
}

/** Whether statements take and give the same types. */
function isSame(one: Prepared, other: Prepared): boolean {
  const [a, b] = [one.types, other.types];
  return a.length === b.length && a.every((oid, i) => oid === b[i]);
}

/** A name that is missing or taken: someone between gives the server connection to others too. */
const NAMELESS: readonly string[] = [SqlState.InvalidSqlStatementName, SqlState.DuplicatePreparedStatement];
/** What the server says of a parameter's value that it cannot read. */
const REFUSED_VALUE: readonly string[] = [
  SqlState.InvalidTextRepresentation,
  SqlState.InvalidBinaryRepresentation,
  SqlState.NumericValueOutOfRange,
  SqlState.InvalidDatetimeFormat,
  SqlState.DatetimeFieldOverflow,
  SqlState.InvalidParameterValue,
  SqlState.ProtocolViolation,
];
