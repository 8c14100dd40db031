/**
 * Executing SQL: the simple protocol, or the extended one through the statement cache.
 *
 * A string is sent at once if nothing is to be learned about it: it has no parameters, or it was
 * executed before. Otherwise the types of its parameters are asked for first.
 */
import { type Op, submit, type Ticket } from "../protocol/exchange.ts";
import { ExecutePrepared, ExecuteUnnamed, PrepareAndExecute } from "../protocol/extended_query.ts";
import type { Prepared } from "../protocol/prepared.ts";
import { SimpleQuery } from "../protocol/simple_query.ts";
import type { Sink } from "../protocol/sink.ts";
import type { Context } from "./context.ts";
import { type Effects, effectsOf, note } from "./effects.ts";
import { type Handle, type Known, known } from "./known.ts";
import { turnOffNames } from "./names.ts";
import { forget, refreshed } from "./stale.ts";
import { completed } from "./types.ts";

/** Runs all statements of a string in the simple protocol. */
export function* query<T>(sql: string, sink: Sink<T>, context: Context): Op<T> {
  const ticket = yield* submit(new SimpleQuery(sql, sink, context.registry));
  return yield* answer(effectsOf(sql), ticket, sink, context);
}

/**
 * Executes the statement of a string in the extended protocol. `readsText` tells whether text that
 * the session gives can be read, so that a statement may be executed before it is known.
 */
export function* execute<T>(
  sql: string,
  values: readonly unknown[],
  sink: Sink<T>,
  context: Context,
  readsText: boolean = true,
): Op<T> {
  const { statements, registry } = context;
  let statement = statements.get(sql);
  if (statement === undefined || !statement.isCurrent(registry)) {
    if (statement === undefined && values.length === 0 && readsText) return yield* executeFirst(sql, sink, context);
    statement = yield* known(sql, context);
  }
  return yield* executeKnown(statement, sql, values, sink, context);
}

/** Executes a statement that the caller has prepared. */
export function* executePrepared<T>(
  handle: Handle,
  values: readonly unknown[],
  sink: Sink<T>,
  context: Context,
): Op<T> {
  let statement = handle.prepared;
  if (handle.isStale || !statement.isCurrent(context.registry) || context.statements.isGone(statement)) {
    statement = yield* known(handle, context);
  }
  return yield* executeKnown(statement, handle, values, sink, context);
}

function* executeKnown<T>(
  statement: Prepared,
  source: Known,
  values: readonly unknown[],
  sink: Sink<T>,
  context: Context,
  isAgain: boolean = false,
): Op<T> {
  const exchange = statement.name === ""
    ? new ExecuteUnnamed(statement, values, sink, context.registry)
    : new ExecutePrepared(statement, values, sink);
  const ticket = yield* submit(exchange);
  try {
    return yield* answer(statement, ticket, sink, context);
  } catch (error) {
    if (isAgain || exchange.bound) throw error;
    const again = yield* refreshed(error, ticket, statement, source, context);
    return yield* executeKnown(again, source, values, sink, context, true);
  } finally {
    if (exchange instanceof ExecuteUnnamed && exchange.changed) forget(statement, source, context);
  }
}

/** Waits for the only or last exchange of an op. Behind a COPY nothing may be sent before it has been answered. */
function* answer<T>(effects: Effects, ticket: Ticket<T>, sink: Sink<T>, context: Context): Op<T> {
  let result: T;
  try {
    result = (yield { do: effects.couldCopy ? "settle" : "finish", ticket }) as T;
  } finally {
    note(effects, ticket.failure === undefined, context);
  }
  return sink.isIncomplete ? yield* completed(sink, context.registry) : result;
}

/** Prepares, executes and remembers a statement without parameters in one round trip. */
function* executeFirst<T>(sql: string, sink: Sink<T>, context: Context): Op<T> {
  const { statements, registry } = context;
  const place = statements.begin(sql);
  let isLearned = false;
  const learned = (statement: Prepared): void => {
    isLearned = true;
    statements.learn(statement);
  };
  const exchange = new PrepareAndExecute(place.name, sql, place.evicted, sink, registry, learned);
  let ticket: Ticket<T> | undefined;
  try {
    ticket = yield* submit(exchange);
    return yield* answer(effectsOf(sql), ticket, sink, context);
  } catch (error) {
    if (ticket === undefined || isLearned) throw error;
    yield* turnOffNames(error, ticket, context);
  } finally {
    statements.end(sql, place, isLearned);
  }
  return yield* executeFirst(sql, sink, context);
}
