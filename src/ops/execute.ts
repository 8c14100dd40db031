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
import { type Known, known, ready } from "./known.ts";
import { turnOffNames } from "./names.ts";
import { forget, refreshed } from "./stale.ts";
import { completed } from "./types.ts";

/** Runs all statements of a string in the simple protocol. */
export function* query<T>(sql: string, sink: Sink<T>, context: Context): Op<T> {
  const ticket = yield* submit(new SimpleQuery(sql, sink, context.registry));
  return yield* answer(effectsOf(sql), ticket, sink, context);
}

/**
 * Executes in the extended protocol what a string says, or a statement that the caller has prepared.
 *
 * The way of most calls is in this one generator: each that it went through would be paid for at every step.
 */
export function* execute<T>(
  source: Known,
  values: readonly unknown[],
  sink: Sink<T>,
  context: Context,
): Op<T> {
  const { statements, registry } = context;
  let statement = ready(source, context);
  if (statement === undefined) {
    const isNew = typeof source === "string" && statements.get(source) === undefined;
    if (isNew && values.length === 0 && context.readsText) return yield* executeFirst(source, sink, context);
    statement = yield* known(source, context);
  }
  for (let isAgain = false;; isAgain = true) {
    const exchange: ExecutePrepared<T> | ExecuteUnnamed<T> = statement.name === ""
      ? new ExecuteUnnamed(statement, values, sink, registry)
      : new ExecutePrepared(statement, values, sink);
    const ticket = (yield { do: "submit", exchange }) as Ticket<T>;
    try {
      let result: T;
      try {
        result = (yield { do: statement.couldCopy ? "settle" : "finish", ticket }) as T;
      } finally {
        note(statement, ticket.failure === undefined, context);
      }
      return sink.isIncomplete ? yield* completed(sink, context) : result;
    } catch (error) {
      if (isAgain || exchange.bound) throw error;
      statement = yield* refreshed(error, ticket, statement, source, context);
    } finally {
      if (exchange instanceof ExecuteUnnamed && exchange.changed) forget(statement, source, context);
    }
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
  return sink.isIncomplete ? yield* completed(sink, context) : result;
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
