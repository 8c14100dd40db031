/**
 * Transactions and, inside of them, savepoints.
 *
 * Source: PostgreSQL manual, SQL commands BEGIN, COMMIT, ROLLBACK, SAVEPOINT, RELEASE SAVEPOINT.
 */
import { ConnectionError, isConflict as isConflictError, PyroError, ServerError, UsageError } from "../errors.ts";
import {
  barrier,
  callback,
  cancellationPoint,
  continueBehindOthers,
  continueSubmitting,
  finish,
  type Op,
  type PendingRequest,
  perform,
  repeat,
  type Request,
  settle,
  submit,
} from "../protocol/request.ts";
import { markExecuted } from "../protocol/failure.ts";
import { Begin } from "../protocol/begin_transaction.ts";
import { Commit, rolledBack } from "../protocol/end_transaction.ts";
import { SimpleQuery } from "../protocol/simple_query.ts";
import { AffectedRows } from "../rows/collectors.ts";
import { Effect } from "../sql/statement.ts";
import { SqlState } from "../sqlstate.ts";
import { effectsOf, succeeded } from "../statements/invalidation.ts";
import { markUncommitted } from "../statements/unexecuted.ts";
import { flushRequest, keepDoubt, markBeforeCommit, markFrom, markRequest } from "./commit_outcome.ts";
import type { TransactionContext } from "./context.ts";
import type { IsolationLevel } from "./isolation_level.ts";
import { positionRequest } from "./position.ts";
import { TransactionState } from "./transaction_state.ts";
import { releaseSavepoint, rollBackToSavepoint, setSavepoint } from "../sql/savepoint.ts";

export { TransactionState } from "./transaction_state.ts";

/** The modes of a transaction, and what it begins with. */
export interface BeginOptions {
  readonly isolationLevel: IsolationLevel | undefined;
  readonly readOnly: boolean | undefined;
  readonly deferrable: boolean | undefined;
  /** SQL that sets what is to hold in the transaction only; sent together with BEGIN. */
  readonly settings: string | undefined;
  /** Whether the server is to be asked what became of it, should the connection be lost while it commits. */
  readonly isMarked?: boolean;
  /** Called with a position that includes the commit. */
  readonly onPosition?: ((position: string) => unknown) | undefined;
  /** Where it is begun, if transactions are strict. */
  readonly begunAt: Error | undefined;
}

/** Begins a transaction, or sets a savepoint in `parent`. */
export function* begin(
  context: TransactionContext,
  parent: TransactionState | undefined,
  options: BeginOptions,
): Op<TransactionState> {
  yield* barrier();
  const state = new TransactionState(parent, options.begunAt);
  if (parent === undefined) {
    refuseNested(context);
  } else {
    parent.check("begin a nested transaction");
    if (parent.child !== undefined && context.session.lost === undefined) {
      throw new UsageError(
        "Cannot begin a nested transaction: another one is open in this one; nest in that by its tx()",
        { safeToRetry: true },
      );
    }
  }
  const request = parent === undefined ? new Begin(beginText(options)) : query(context, setSavepoint(savepoint(state)));
  const pending = yield* submit(request);
  state.open(context);
  try {
    if (options.settings === undefined && !options.isMarked) yield* finish(pending);
    else yield* beginWith(context, pending, state, options);
    yield* cancellationPoint();
    return state;
  } catch (error) {
    // The request has not failed, so the server may have begun the transaction, or may still do so.
    if (pending.failure === undefined && !pending.withdrawn) {
      yield* rollBackQuietly(context, state, continueSubmitting);
    } else state.finish(context);
    if (request instanceof Begin && request.wasIgnored) yield* endIgnored(context);
    throw error;
  }
}

/** CrateDB counts an ignored transaction as open in the extended protocol, and refuses ROLLBACK. */
function* endIgnored(context: TransactionContext): Op<void> {
  try {
    yield* continueSubmitting();
    yield* perform(query(context, "COMMIT"));
  } catch {
    // The caller needs the error of BEGIN, not this one.
  }
}

/** Sends the settings, and the request for the mark, behind BEGIN, without waiting for its reply. */
function* beginWith(
  context: TransactionContext,
  begun: PendingRequest<number>,
  state: TransactionState,
  { settings, isMarked }: BeginOptions,
): Op<void> {
  const effects = settings === undefined ? Effect.None : effectsOf(settings, context);
  const change = context.invalidation.begin(effects, context);
  const marked = isMarked ? yield* submit(markRequest()) : undefined;
  const applied = settings === undefined ? undefined : yield* submit(query(context, settings));
  try {
    yield* settle(begun);
    if (marked !== undefined) state.mark = markFrom(yield* settle(marked));
    if (applied !== undefined) yield* settle(applied);
  } finally {
    context.invalidation.end(effects, change, applied !== undefined && succeeded(applied), context);
  }
}

/** Commits. The transaction is over even if this fails, unless the caller gave up before anything was sent. */
export function* commit(
  context: TransactionContext,
  state: TransactionState,
  tellsPosition: boolean = false,
): Op<void> {
  state.check("commit");
  // If the connection is lost, the request reports that.
  if (context.session.lost === undefined) refuseOpen(context, state);
  if (state.parent !== undefined) return yield* commitNested(context, state);
  const { mark } = state;
  const flushed = mark && (yield* submit(flushRequest()));
  try {
    yield* end(context, state, new Commit(context.session), tellsPosition ? positionRequest() : undefined);
  } finally {
    state.mark = mark && markBeforeCommit(mark, flushed!);
  }
}

function refuseOpen({ session }: TransactionContext, state: TransactionState): void {
  if (state.child !== undefined) {
    throw new UsageError("Cannot commit: a transaction nested in this one is open; commit it or roll it back first", {
      safeToRetry: true,
    });
  }
  const { open } = session.admission;
  if (open !== undefined) {
    throw new UsageError(`Cannot commit: ${open.name} is open on this connection`, { safeToRetry: true });
  }
}

/** Commits a nested transaction; one that has failed is rolled back. */
function* commitNested(context: TransactionContext, state: TransactionState): Op<void> {
  const name = savepoint(state);
  try {
    yield* end(context, state, query(context, releaseSavepoint(name)));
  } catch (error) {
    const { session } = context;
    if (!(error instanceof ServerError) || session.transactionStatus !== "failed") throw error;
    const cause = session.transactionError;
    yield* cleanUp(() => isFailed(context), function* () {
      yield* continueSubmitting();
      context.invalidation.begin(Effect.Ends, context);
      yield* perform(query(context, rollBackToSavepoint(name)));
    });
    throw error.code === SqlState.InFailedSqlTransaction ? rolledBack(cause) : error;
  }
}

/** Rolls back. A lost connection is no error: the server rolls back then. */
export function* rollback(context: TransactionContext, state: TransactionState): Op<void> {
  state.check("roll back");
  yield* closeExclusive(context);
  const sql = state.parent === undefined ? "ROLLBACK" : rollBackToSavepoint(savepoint(state));
  try {
    yield* continueSubmitting();
    yield* end(context, state, query(context, sql));
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error;
    state.finish(context);
  }
}

/**
 * Submits the request that ends the transaction, and the question for its position. The transaction accepts no calls
 * after that.
 */
function* end(
  context: TransactionContext,
  state: TransactionState,
  request: Request<unknown>,
  question?: Request<unknown>,
): Op<void> {
  const change = context.invalidation.begin(Effect.Ends, context);
  const pending = yield* submit(request);
  const asked = question && (yield* submit(question));
  state.finish(context);
  try {
    if (asked === undefined) yield* finish(pending);
    else {
      yield* settle(pending);
      state.position = yield* positionOf(asked);
    }
  } catch (error) {
    if (pending.withdrawn) state.open(context);
    else if (state.parent === undefined) yield* leaveFailed(context);
    throw error;
  } finally {
    context.invalidation.end(Effect.Ends, change, false, context);
  }
}

/** The position, if the server says it: what is committed is so without it. */
function* positionOf(asked: PendingRequest<unknown>): Op<string | undefined> {
  try {
    const [position] = (yield* finish(asked)) as readonly [string | null];
    return position ?? undefined;
  } catch {
    return undefined;
  }
}

/**
 * Rolls back after a failed COMMIT. If that was cancelled before the server executed it, the transaction is still
 * open, and failed.
 */
function* leaveFailed(context: TransactionContext): Op<void> {
  const isNeeded = (): boolean => isFailed(context) && context.transaction === undefined;
  yield* cleanUp(isNeeded, function* () {
    yield* continueSubmitting();
    yield* barrier();
    if (isNeeded()) yield* perform(query(context, "ROLLBACK"));
  });
}

function isFailed({ session }: TransactionContext): boolean {
  return session.lost === undefined && session.transactionStatus === "failed";
}

/**
 * Runs a function in a transaction: commits when it returns, rolls back when it throws, and repeats it after a
 * conflict.
 */
export function* transact<T>(
  context: TransactionContext,
  parent: TransactionState | undefined,
  options: BeginOptions,
  retries: number,
  fn: (state: TransactionState) => T | PromiseLike<T>,
): Op<T> {
  let conflict: { readonly error: unknown } | undefined;
  for (let attempt = 0;; attempt++) {
    let state: TransactionState;
    try {
      yield* continueSubmitting();
      state = yield* begin(context, parent, options);
    } catch (error) {
      if (context.session.lost !== undefined) markUncommitted(error);
      // Another call has begun a transaction meanwhile. The caller needs the error of the conflict, not this one.
      throw error instanceof UsageError && conflict !== undefined ? conflict.error : error;
    }
    let isCommitting = false;
    let result: T | undefined;
    try {
      result = yield* callback(() => fn(state));
      // Calls that the function has made and not awaited come first.
      yield* continueBehindOthers();
      isCommitting = !state.finished;
      if (isCommitting) yield* commit(context, state, options.onPosition !== undefined);
    } catch (error) {
      if (isCommitting) keepDoubt(error, state.mark, result);
      // The callback has ended the transaction itself: running it again would repeat its work.
      const isOver = state.finished && !isCommitting;
      if (!isOver && needsAnotherServer(context, error)) markUncommitted(error);
      yield* rollBackQuietly(context, state, continueBehindOthers);
      if (isOver || attempt >= retries || !isConflict(error) || context.session.lost !== undefined) throw error;
      yield* repeat();
      conflict = { error };
      yield { do: "pause", upTo: Math.min(FIRST_RETRY_DELAY * 2 ** attempt, MAX_RETRY_DELAY) };
      continue;
    }
    const { position } = state;
    try {
      if (position !== undefined) yield* callback(() => options.onPosition!(position));
    } catch (error) {
      markExecuted(error);
      throw error;
    }
    return result;
  }
}

/**
 * Whether the transaction may succeed on another connection: this one was lost before COMMIT was sent, or the server
 * refuses to write because it is a standby.
 */
function needsAnotherServer({ session }: TransactionContext, error: unknown): boolean {
  if (session.lost !== undefined) {
    // If it says idle, a statement of the function's has ended the transaction.
    return session.transactionStatus !== "idle" && !(error instanceof PyroError && error.outcome === "unknown");
  }
  return error instanceof ServerError && error.code === SqlState.ReadOnlySqlTransaction &&
    session.parameter("in_hot_standby") !== "off";
}

/**
 * Rolls back when it is its turn, if the transaction is not over then. Errors of that are ignored, because an earlier
 * one explains the failure.
 */
function* rollBackQuietly(context: TransactionContext, state: TransactionState, turn: () => Op<void>): Op<void> {
  const isOpen = (): boolean => !state.finished && context.session.lost === undefined;
  yield* cleanUp(isOpen, function* () {
    yield* turn();
    if (!state.finished) yield* rollback(context, state);
  });
  if (!state.finished) state.finish(context);
}

/**
 * Attempts a clean-up as long as it is needed, at most twice: if the caller gives up meanwhile, that fails one step.
 * Errors are ignored, because the caller needs the one before them.
 */
function* cleanUp(isNeeded: () => boolean, attempt: () => Op<void>): Op<void> {
  for (let attempts = 0; isNeeded() && attempts < 2; attempts++) {
    try {
      yield* attempt();
    } catch {
      // It is attempted again.
    }
  }
}

/** Closes the exclusive operations that are still open: there are two, if one was opened while the other is ending. */
export function* closeExclusive({ session }: TransactionContext): Op<void> {
  for (let open = session.admission.open; open?.close !== undefined; open = session.admission.open) {
    try {
      yield* open.close();
    } catch {
      // The caller rolls back in any case.
    }
    if (session.admission.open === open) return;
  }
}

function refuseNested({ transaction, session }: TransactionContext): void {
  // The request that follows reports the loss.
  if (session.lost !== undefined) return;
  if (transaction !== undefined) {
    throw new UsageError("Cannot begin a transaction: one is open on this connection; nest in it by its tx.tx()", {
      safeToRetry: true,
    });
  }
  if (session.transactionStatus !== "idle") {
    throw new UsageError(
      "Cannot begin a transaction: one that was begun by SQL is open on this connection; " +
        "begin it by begin() or tx(), whose tx.tx() nests",
      { safeToRetry: true },
    );
  }
}

function beginText({ isolationLevel, readOnly, deferrable }: BeginOptions): string {
  const modes = [
    ...(isolationLevel === undefined ? [] : [`ISOLATION LEVEL ${isolationLevel}`]),
    ...(readOnly === undefined ? [] : [readOnly ? "READ ONLY" : "READ WRITE"]),
    ...(deferrable === undefined ? [] : [deferrable ? "DEFERRABLE" : "NOT DEFERRABLE"]),
  ];
  return ["BEGIN", modes.join(", ")].join(" ").trim();
}

function savepoint(state: TransactionState): string {
  return `pyro_${state.depth}`;
}

function query({ registry }: TransactionContext, sql: string): Request<number> {
  return new SimpleQuery(sql, new AffectedRows(), registry);
}

/** Whether a repetition may succeed, since the conflict was with another transaction. */
function isConflict(error: unknown): boolean {
  if (error instanceof ServerError && isConflictError(error)) return true;
  return error instanceof PyroError && error.cause !== undefined && isConflict(error.cause);
}

/** Milliseconds, at most, before the first repetition. */
const FIRST_RETRY_DELAY = 20;
/** Milliseconds, at most, before any repetition. */
const MAX_RETRY_DELAY = 1000;
