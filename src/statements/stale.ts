/**
 * Statements that the server no longer has, or whose parameters and columns have changed: prepared
 * again, once, where that cannot do harm.
 */
import { EncodeError, ServerError } from "../errors.ts";
import { continueSubmitting, type Op, type PendingRequest } from "../protocol/request.ts";
import type { Prepared } from "../protocol/prepared.ts";
import { SqlState } from "../sqlstate.ts";
import type { Context } from "./context.ts";
import { resolveStatement, type StatementSource } from "./statement_source.ts";
import { markUnexecuted } from "./unexecuted.ts";

/**
 * Prepares a statement again that failed before it was executed, if it may be stale; otherwise throws
 * the error. It is prepared again only if no transaction was open, which the error has ended, and if
 * nothing was submitted behind it, which would come first. `pending` is undefined if the values could
 * not be encoded: then nothing is sent at all, and the next call prepares it. `isNew` says that the
 * statement was prepared just now.
 */
export function* prepareIfStale(
  error: unknown,
  pending: PendingRequest<unknown> | undefined,
  statement: Prepared,
  source: StatementSource,
  context: Context,
  isNew: boolean = false,
): Op<Prepared> {
  const { session, registry } = context;
  const isDoubtful = isValueError(error) && !registry.catalog.hasAttributes(statement.typeOids);
  if ((isNew && isDoubtful) || !invalidateIfStale(error, statement, source, context)) throw error;
  if (pending !== undefined) yield* continueSubmitting();
  if (session.transactionStatus !== "idle") throw error;
  if (pending === undefined || !session.isLast(pending)) {
    if (!isNew || isStale(error)) markUnexecuted(error);
    throw error;
  }
  const anew = yield* resolveStatement(source, context);
  // It was the value.
  if (isDoubtful && hasSameTypes(anew, statement)) throw error;
  return anew;
}

/**
 * Invalidates a statement that failed before it was executed, and its types, if they may be stale; false
 * if that cannot be why it failed.
 */
export function invalidateIfStale(
  error: unknown,
  statement: Prepared | undefined,
  source: StatementSource,
  context: Context,
): boolean {
  if (statement === undefined || (!isStale(error) && !isValueError(error))) return false;
  const { statements } = context;
  if (error instanceof ServerError && MISSING_NAME_CODES.includes(error.code) && !statements.isDropped(statement)) {
    statements.turnOffNames();
  }
  invalidateAttributes(error, statement.parameterTypes, context);
  if (isStale(error)) invalidateStatement(statement, source, context);
  else if (typeof source === "string") statements.markDoubtful(statement);
  else source.prepared.isDoubtful = true;
  return true;
}

/** Invalidates types that have attributes, if values did not fit them. */
export function invalidateAttributes(error: unknown, types: readonly number[], { registry }: Context): void {
  const mayNotFit = isValueError(error) || (error instanceof ServerError && error.code === SqlState.DatatypeMismatch);
  if (mayNotFit && registry.catalog.hasAttributes(types)) registry.invalidateTypes();
}

/** Invalidates a statement, as its columns have changed. */
export function invalidateStatement(statement: Prepared, source: StatementSource, { statements }: Context): void {
  if (typeof source === "string") statements.drop(statement);
  else source.isStale = true;
}

/** Whether the server no longer has the statement, or its parameters or columns have changed. */
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
function isValueError(error: unknown): boolean {
  return error instanceof EncodeError || (error instanceof ServerError && VALUE_ERROR_CODES.includes(error.code));
}

/** Whether statements take and give the same types. */
function hasSameTypes(one: Prepared, other: Prepared): boolean {
  const [a, b] = [one.types, other.types];
  return a.length === b.length && a.every((oid, i) => oid === b[i]);
}

/** A name that is missing or taken: someone between gives the server connection to others too. */
const MISSING_NAME_CODES: readonly string[] = [SqlState.InvalidSqlStatementName, SqlState.DuplicatePreparedStatement];
/** The server's errors for a parameter's value that it cannot read. */
const VALUE_ERROR_CODES: readonly string[] = [
  SqlState.InvalidTextRepresentation,
  SqlState.InvalidBinaryRepresentation,
  SqlState.NumericValueOutOfRange,
  SqlState.InvalidDatetimeFormat,
  SqlState.DatetimeFieldOverflow,
  SqlState.InvalidParameterValue,
  SqlState.ProtocolViolation,
];
