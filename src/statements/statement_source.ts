/** Statements whose types are known before they are executed. */
import { type Op, type PendingRequest, settle, submit } from "../protocol/request.ts";
import { prepareInSlot } from "../protocol/prepare.ts";
import type { Prepared } from "../protocol/prepared.ts";
import { Effect } from "../sql/statement.ts";
import type { Context } from "./context.ts";
import { outcomeOf } from "./invalidation.ts";
import { turnOffNames } from "./naming.ts";
import type { StatementCache } from "./cache.ts";
import { loadStatementTypes } from "./type_lookup.ts";

/** A prepared statement that the caller holds. Preparing it again replaces its content. */
export interface StatementReference {
  prepared: Prepared;
  /** Whether the server has refused to execute it as it is. */
  isStale?: boolean;
}

/** The source of a statement: SQL text, which the cache may know, or a statement that the caller holds. */
export type StatementSource = string | StatementReference;

/**
 * Whether a statement must be prepared again: the server has dropped it, its text may have another meaning now, or
 * its columns or parameter types may have changed.
 */
export function needsPreparing({ prepared, isStale }: StatementReference, statements: StatementCache): boolean {
  return isStale === true || prepared.isDoubtful || (prepared.effects & Effect.Varies) !== 0 ||
    statements.isOutdated(prepared) || statements.isDropped(prepared);
}

/** Whether a statement that was found by this source is outdated, or the server no longer has it. */
export function isMissing({ name }: Prepared, source: StatementSource, statements: StatementCache): boolean {
  const known = typeof source === "string" ? statements.get(source) : source.prepared;
  return name !== "" && (known?.name !== name || statements.isDropped(known));
}

/** The statement, if it can be executed as it is; undefined if it must be prepared first. */
export function readyStatement(source: StatementSource, { statements, registry }: Context): Prepared | undefined {
  const statement = typeof source === "string" ? statements.get(source) : source.prepared;
  if (statement === undefined || !statement.isCurrent(registry)) return undefined;
  if (typeof source !== "string" && needsPreparing(source, statements)) return undefined;
  return statement;
}

/** The statement with all its types; prepares it and looks types up if needed. */
export function* resolveStatement(source: StatementSource, context: Context): Op<Prepared> {
  const { statements, registry } = context;
  if (typeof source !== "string") {
    if (needsPreparing(source, statements)) {
      source.prepared = yield* prepareAgain(source.prepared, context);
      source.isStale = false;
    } else if (!source.prepared.isCurrent(registry)) {
      source.prepared = yield* loadStatementTypes(source.prepared, context);
    }
    return source.prepared;
  }
  const statement = statements.get(source);
  if (statement?.isDoubtful) statements.drop(statement);
  if (statement === undefined || statement.isDoubtful) return yield* prepareCached(source, context);
  if (statement.isCurrent(registry)) return statement;
  const renewed = yield* loadStatementTypes(statement, context);
  statements.replace(renewed);
  return renewed;
}

/** Prepares a string for the cache, with the types of its parameters and columns. */
function* prepareCached(sql: string, context: Context): Op<Prepared> {
  const { statements, registry } = context;
  const slot = statements.beginPreparing(sql);
  let pending: PendingRequest<Prepared> | undefined;
  try {
    pending = yield* submit(prepareInSlot(slot, sql, registry));
    const prepared = yield* settle(pending);
    statements.add(prepared);
    const statement = yield* loadStatementTypes(prepared, context);
    if (statement !== prepared) statements.replace(statement);
    return statement;
  } catch (error) {
    if (pending === undefined) throw error;
    yield* turnOffNames(error, pending, context);
  } finally {
    statements.endPreparing(sql, slot, outcomeOf(pending));
  }
  return yield* prepareCached(sql, context);
}

/** Prepares the caller's statement under a new name, and closes the old one if it exists. */
function* prepareAgain(statement: Prepared, context: Context): Op<Prepared> {
  const { statements, registry } = context;
  statements.closeLater(statement);
  const { sql } = statement;
  const slot = statements.newSlot(sql);
  let pending: PendingRequest<Prepared> | undefined;
  try {
    pending = yield* submit(prepareInSlot(slot, sql, registry));
    return yield* loadStatementTypes(yield* settle(pending), context);
  } catch (error) {
    if (pending === undefined) throw error;
    yield* turnOffNames(error, pending, context);
  } finally {
    statements.endPreparing(sql, slot, outcomeOf(pending));
  }
  return yield* prepareAgain(statement, context);
}
