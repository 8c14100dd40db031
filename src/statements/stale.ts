/**
 * Stale statements: the server no longer has them, or their parameters or columns have changed. They are prepared
 * again, once, if that is safe.
 */
import { EncodeError, ServerError } from "../errors.ts";
import { continueSubmitting, type Op, type PendingRequest, repeat } from "../protocol/request.ts";
import type { Prepared } from "../protocol/prepared.ts";
import { SqlState } from "../sqlstate.ts";
import type { Context } from "./context.ts";
import { resolveStatement, type StatementSource } from "./statement_source.ts";
import { markUnexecuted } from "./unexecuted.ts";

/**
 * Prepares a statement again that failed before it was executed, if it may be stale; otherwise throws the error. It
 * also throws if a transaction was open, because the error has failed that, and if something was submitted after the
 * statement, because that would be executed first. `pending` is undefined if the values could not be encoded: then
 * the error is thrown too, and the next call prepares the statement. `isNew`: whether the statement was prepared just
 * now.
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
  yield* repeat();
  const anew = yield* resolveStatement(source, context);
  // The types have not changed, so the value is wrong.
  if (isDoubtful && hasSameTypes(anew, statement)) throw error;
  return anew;
}

/**
 * Invalidates a statement that failed before it was executed, and its types, if they may be stale. False if the error
 * has another reason.
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

/** Invalidates known types, if the error says that a value did not fit and one of `types` has attributes. */
export function invalidateAttributes(error: unknown, types: readonly number[], { registry }: Context): void {
  const mayNotFit = isValueError(error) || (error instanceof ServerError && error.code === SqlState.DatatypeMismatch);
  if (mayNotFit && registry.catalog.hasAttributes(types)) registry.invalidateTypes();
}

/** Invalidates a statement, so that it is prepared again. */
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
      // The number of its columns has changed, so that it differs from the number of formats.
      return error.routine === "PortalSetResultFormat" || error.message.startsWith("bind message has");
    case SqlState.AmbiguousFunction:
    case SqlState.CannotCoerce:
    case SqlState.DatatypeMismatch:
    case SqlState.UndefinedFunction:
      // The statement was parsed with the types that its parameters had before, which no longer fit.
      return true;
    default:
      return false;
  }
}

/** Whether a value does not fit: it is wrong, or the type of its parameter has changed. */
function isValueError(error: unknown): boolean {
  return error instanceof EncodeError || (error instanceof ServerError && VALUE_ERROR_CODES.includes(error.code));
}

/** Whether the parameters and columns of two statements have the same types. */
function hasSameTypes(one: Prepared, other: Prepared): boolean {
  const [a, b] = [one.typeOids, other.typeOids];
  return a.length === b.length && a.every((oid, i) => oid === b[i]);
}

/** A name that is missing or taken: a pooler shares the server connection with other clients. */
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
