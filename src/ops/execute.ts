/**
 * Executing SQL: the simple protocol, or the extended one through the statement cache.
 *
 * A string is sent at once if nothing is to be learned about it: it has no parameters, or it was
 * executed before. Otherwise the types of its parameters are asked for first.
 */
import { ServerError } from "../errors.ts";
import { type Op, settle, submit, type Ticket } from "../protocol/exchange.ts";
import { ExecutePrepared, ExecuteUnnamed, PrepareAndExecute } from "../protocol/extended_query.ts";
import { Prepare } from "../protocol/prepare.ts";
import type { Prepared } from "../protocol/prepared.ts";
import { SimpleQuery } from "../protocol/simple_query.ts";
import type { Sink } from "../protocol/sink.ts";
import { couldCopy, effectOnTypes } from "../protocol/sql_text.ts";
import { SqlState } from "../sqlstate.ts";
import type { Registry } from "../types/registry.ts";
import type { StatementCache } from "./statements.ts";
import { completed, withTypes } from "./types.ts";

/** Runs all statements of a string in the simple protocol. */
export function* query<T>(sql: string, sink: Sink<T>, registry: Registry): Op<T> {
  const ticket = yield* submit(new SimpleQuery(sql, sink, registry));
  return yield* answer({ couldCopy: couldCopy(sql), effectOnTypes: effectOnTypes(sql) }, ticket, sink, registry);
}

/**
 * Executes the statement of a string in the extended protocol. `readsText` tells whether text that
 * the session gives can be read, so that a statement may be executed before it is known.
 */
export function* execute<T>(
  sql: string,
  values: readonly unknown[],
  sink: Sink<T>,
  statements: StatementCache,
  registry: Registry,
  readsText: boolean = true,
): Op<T> {
  let statement = statements.get(sql);
  if (statement === undefined) {
    if (values.length === 0 && readsText) return yield* executeFirst(sql, sink, statements, registry);
    statement = yield* learn(sql, statements, registry);
  } else if (!statement.isCurrent(registry)) {
    statement = yield* withTypes(statement, registry);
    statements.renew(statement);
  }
  if (statement.name !== "") {
    const ticket = yield* submit(new ExecutePrepared(statement, values, sink));
    try {
      return yield* answer(statement, ticket, sink, registry);
    } catch (error) {
      if (isStale(error)) statements.drop(statement);
      throw error;
    }
  }
  const exchange = new ExecuteUnnamed(statement, values, sink, registry);
  const ticket = yield* submit(exchange);
  try {
    return yield* answer(statement, ticket, sink, registry);
  } finally {
    if (exchange.changed) statements.drop(statement);
  }
}

/** Executes a statement that the caller has prepared; `renewed` is told if more is known of it than before. */
export function* executePrepared<T>(
  prepared: Prepared,
  values: readonly unknown[],
  sink: Sink<T>,
  registry: Registry,
  renewed: (statement: Prepared) => void = () => {},
): Op<T> {
  let statement = prepared;
  if (!statement.isCurrent(registry)) {
    statement = yield* withTypes(statement, registry);
    renewed(statement);
  }
  const ticket = yield* submit(new ExecutePrepared(statement, values, sink));
  return yield* answer(statement, ticket, sink, registry);
}

/** What a statement may do. */
type Suspicion = Pick<Prepared, "couldCopy" | "effectOnTypes">;

/** Waits for the only or last exchange of an op. Behind a COPY nothing may be sent before it has been answered. */
function* answer<T>(
  { couldCopy, effectOnTypes }: Suspicion,
  ticket: Ticket<T>,
  sink: Sink<T>,
  registry: Registry,
): Op<T> {
  let result: T;
  try {
    result = (yield { do: couldCopy ? "settle" : "finish", ticket }) as T;
  } finally {
    registry.catalog.touch(effectOnTypes);
  }
  return sink.isIncomplete ? yield* completed(sink, registry) : result;
}

/** Prepares a string, to learn the types of its parameters and columns. */
function* learn(sql: string, statements: StatementCache, registry: Registry): Op<Prepared> {
  const place = statements.begin(sql);
  try {
    const prepared = yield* settle(yield* submit(new Prepare(place.name, sql, place.evicted, registry)));
    statements.learn(prepared);
    const statement = yield* withTypes(prepared, registry);
    if (statement !== prepared) statements.renew(statement);
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
    const ticket = yield* submit(exchange);
    return yield* answer({ couldCopy: couldCopy(sql), effectOnTypes: effectOnTypes(sql) }, ticket, sink, registry);
  } finally {
    statements.end(sql, place);
  }
}

/** Whether the server no longer has the statement, or no longer gives the rows that were learned. */
function isStale(error: unknown): boolean {
  return error instanceof ServerError && (
    error.code === SqlState.InvalidSqlStatementName || error.code === SqlState.FeatureNotSupported ||
    // A type of its parameters was dropped; the server says so without a code of its own.
    (error.code === SqlState.InternalError && error.message.startsWith("cache lookup failed for type"))
  );
}
