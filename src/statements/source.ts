/** Statements whose types are known before they are executed. */
import { type Op, settle, submit, type Ticket } from "../protocol/request.ts";
import { prepareAt } from "../protocol/prepare.ts";
import type { Prepared } from "../protocol/prepared.ts";
import type { Context } from "./context.ts";
import { succeeded } from "./invalidation.ts";
import { turnOffNames } from "./names.ts";
import type { StatementCache } from "./cache.ts";
import { withTypes } from "./type_lookup.ts";

/** A statement that the caller has prepared, and may be told more of. */
export interface Handle {
  prepared: Prepared;
  /** Whether the server has refused to execute it as it is. */
  isStale?: boolean;
}

/** What is executed: SQL text, which the cache may know, or a statement that the caller holds. */
export type Known = string | Handle;

/** Whether a statement has to be prepared again: the server does not have it, or its text may mean something else, or take other types. */
export function isLost({ prepared, isStale }: Handle, statements: StatementCache): boolean {
  return isStale === true || prepared.isDoubtful || statements.isOutdated(prepared) || statements.isGone(prepared);
}

/** What can be executed as it is known; undefined if the server has to be asked before. */
export function ready(source: Known, { statements, registry }: Context): Prepared | undefined {
  const statement = typeof source === "string" ? statements.get(source) : source.prepared;
  if (statement === undefined || !statement.isCurrent(registry)) return undefined;
  if (typeof source !== "string" && isLost(source, statements)) return undefined;
  return statement;
}

/** What is to be executed, with all its types; asks the server for what is not known yet. */
export function* known(source: Known, context: Context): Op<Prepared> {
  const { statements, registry } = context;
  if (typeof source !== "string") {
    if (isLost(source, statements)) {
      source.prepared = yield* prepareAgain(source.prepared, context);
      source.isStale = false;
    } else if (!source.prepared.isCurrent(registry)) source.prepared = yield* withTypes(source.prepared, context);
    return source.prepared;
  }
  const statement = statements.get(source);
  if (statement?.isDoubtful) statements.drop(statement);
  if (statement === undefined || statement.isDoubtful) return yield* learn(source, context);
  if (statement.isCurrent(registry)) return statement;
  const renewed = yield* withTypes(statement, context);
  statements.renew(renewed);
  return renewed;
}

/** Prepares a string, to learn the types of its parameters and columns. */
export function* learn(sql: string, context: Context): Op<Prepared> {
  const { statements, registry } = context;
  const place = statements.begin(sql);
  let ticket: Ticket<Prepared> | undefined;
  try {
    ticket = yield* submit(prepareAt(place, sql, registry));
    const prepared = yield* settle(ticket);
    statements.learn(prepared);
    const statement = yield* withTypes(prepared, context);
    if (statement !== prepared) statements.renew(statement);
    return statement;
  } catch (error) {
    if (ticket === undefined) throw error;
    yield* turnOffNames(error, ticket, context);
  } finally {
    statements.end(sql, place, succeeded(ticket));
  }
  return yield* learn(sql, context);
}

/** Prepares a statement of the caller's under a new name; the old one is closed, should it exist. */
export function* prepareAgain(statement: Prepared, context: Context): Op<Prepared> {
  const { statements, registry } = context;
  statements.discard(statement);
  const ticket = yield* submit(prepareAt(statements.place(), statement.sql, registry));
  try {
    return yield* withTypes(yield* settle(ticket), context);
  } catch (error) {
    yield* turnOffNames(error, ticket, context);
  }
  return yield* prepareAgain(statement, context);
}
