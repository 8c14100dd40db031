/**
 * Executing SQL: the simple protocol, or the extended one through the statement cache.
 *
 * A string is sent at once if nothing is to be learned about it: it has no parameters, or it was
 * executed before. Otherwise the types of its parameters are asked for first.
 */
import { ServerError } from "../errors.ts";
import { finish, type Op, settle, submit, type Ticket } from "../protocol/exchange.ts";
import { ExecutePrepared, ExecuteUnnamed, PrepareAndExecute } from "../protocol/extended_query.ts";
import { couldCopy } from "../protocol/misplaced_copy.ts";
import { Prepare } from "../protocol/prepare.ts";
import type { Prepared } from "../protocol/prepared.ts";
import { SimpleQuery } from "../protocol/simple_query.ts";
import type { Sink } from "../protocol/sink.ts";
import { SqlState } from "../sqlstate.ts";
import type { Registry } from "../types/registry.ts";
import type { StatementCache } from "./statements.ts";

/** Runs all statements of a string in the simple protocol. */
export function* query<T>(sql: string, sink: Sink<T>, registry: Registry): Op<T> {
  return yield* answer(couldCopy(sql), yield* submit(new SimpleQuery(sql, sink, registry)));
}

/** Executes the statement of a string in the extended protocol. */
export function* execute<T>(
  sql: string,
  values: readonly unknown[],
  sink: Sink<T>,
  statements: StatementCache,
  registry: Registry,
): Op<T> {
  let statement = statements.get(sql);
  if (statement === undefined) {
    if (values.length === 0) return yield* executeFirst(sql, sink, statements, registry);
    statement = yield* learn(sql, statements, registry);
  }
  const exchange = statement.name === ""
    ? new ExecuteUnnamed(statement, values, sink, registry)
    : new ExecutePrepared(statement, values, sink);
  const ticket = yield* submit(exchange);
  try {
    return yield* answer(statement.couldCopy, ticket);
  } catch (error) {
    if (isStale(error)) statements.drop(statement);
    throw error;
  }
}

/** Executes a statement that the caller has prepared. */
export function* executePrepared<T>(statement: Prepared, values: readonly unknown[], sink: Sink<T>): Op<T> {
  return yield* answer(statement.couldCopy, yield* submit(new ExecutePrepared(statement, values, sink)));
}

/** Waits for the only or last exchange of an op. Behind a COPY nothing may be sent before it has been answered. */
function answer<T>(couldCopy: boolean, ticket: Ticket<T>): Op<T> {
  return couldCopy ? settle(ticket) : finish(ticket);
}

/** Prepares a string, to learn its parameters' types. */
function* learn(sql: string, statements: StatementCache, registry: Registry): Op<Prepared> {
  const place = statements.begin(sql);
  try {
    const statement = yield* settle(yield* submit(new Prepare(place.name, sql, place.evicted, registry)));
    statements.learn(statement);
    return statement;
  } finally {
    statements.end(sql, place);
  }
}

/** Prepares, executes and remembers a statement without parameters in one round trip. */
function* executeFirst<T>(sql: string, sink: Sink<T>, statements: StatementCache, registry: Registry): Op<T> {
  const place = statements.begin(sql);
  try {
    const learned = (statement: Prepared): void => statements.learn(statement);
    const exchange = new PrepareAndExecute(place.name, sql, place.evicted, sink, registry, learned);
    return yield* answer(couldCopy(sql), yield* submit(exchange));
  } finally {
    statements.end(sql, place);
  }
}

/** Whether the server no longer has the statement, or no longer gives the rows that were learned. */
function isStale(error: unknown): boolean {
  return error instanceof ServerError &&
    (error.code === SqlState.InvalidSqlStatementName || error.code === SqlState.FeatureNotSupported);
}
