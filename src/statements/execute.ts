/**
 * Executing SQL: the simple protocol, or the extended one through the statement cache.
 *
 * A string is sent at once if nothing is to be learned about it: it has no parameters, or it was
 * executed before. Otherwise the types of its parameters are asked for first.
 */
import { type Op, submit, type Ticket } from "../protocol/request.ts";
import { ExecutePrepared, ExecuteUnnamed, PrepareAndExecute } from "../protocol/extended_query.ts";
import type { Prepared } from "../protocol/prepared.ts";
import { SimpleQuery } from "../protocol/simple_query.ts";
import type { Sink } from "../rows/collectors.ts";
import { Effect, effectsOfStatement } from "../sql/statement.ts";
import type { Context } from "./context.ts";
import { effectsOf, succeeded } from "./invalidation.ts";
import { type Known, known, ready } from "./source.ts";
import { turnOffNames } from "./names.ts";
import { forget, refreshed } from "./stale.ts";
import { completed } from "./type_lookup.ts";

/** Runs all statements of a string in the simple protocol. */
export function* query<T>(sql: string, sink: Sink<T>, context: Context): Op<T> {
  const effects = effectsOf(sql, context);
  const change = context.changes.begin(effects, context);
  let ticket: Ticket<T> | undefined;
  try {
    ticket = yield* submit(new SimpleQuery(sql, sink, context.registry));
    return yield* answer(ticket, effects, sink, context);
  } finally {
    context.changes.end(effects, change, succeeded(ticket), context);
  }
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
  const { statements, registry, changes } = context;
  let statement = ready(source, context);
  let isNew = false;
  if (statement === undefined) {
    const older = typeof source === "string" ? statements.get(source) : source.prepared;
    if (older === undefined && values.length === 0 && context.readsText) {
      return yield* executeFirst(source as string, sink, context);
    }
    statement = yield* known(source, context);
    isNew = statement.name !== older?.name;
  }
  for (let isAgain = false;; isAgain = true) {
    const exchange: ExecutePrepared<T> | ExecuteUnnamed<T> = statement.name === ""
      ? new ExecuteUnnamed(statement, values, sink, registry)
      : new ExecutePrepared(statement, values, sink);
    const { effects } = statement;
    const change = effects === Effect.None ? 0 : changes.begin(effects, context);
    let ticket: Ticket<T> | undefined;
    try {
      ticket = (yield { do: "submit", exchange }) as Ticket<T>;
      const result = (yield { do: (effects & Effect.Copies) === 0 ? "finish" : "settle", ticket }) as T;
      return sink.isIncomplete ? yield* completed(sink, context) : result;
    } catch (error) {
      if (isAgain || exchange.bound) throw error;
      statement = yield* refreshed(error, ticket, statement, source, context, isNew);
    } finally {
      if (effects !== Effect.None) changes.end(effects, change, succeeded(ticket), context);
      if (exchange instanceof ExecuteUnnamed && exchange.changed) forget(statement, source, context);
    }
  }
}

/** Waits for the only or last exchange of an op. Behind a COPY nothing may be sent before it has been answered. */
function* answer<T>(ticket: Ticket<T>, effects: number, sink: Sink<T>, context: Context): Op<T> {
  const result = (yield { do: (effects & Effect.Copies) === 0 ? "finish" : "settle", ticket }) as T;
  return sink.isIncomplete ? yield* completed(sink, context) : result;
}

/** Prepares, executes and remembers a statement without parameters in one round trip. */
function* executeFirst<T>(sql: string, sink: Sink<T>, context: Context): Op<T> {
  const { statements, registry, changes } = context;
  const effects = effectsOfStatement(sql);
  const change = changes.begin(effects, context);
  const place = statements.begin(sql);
  let isLearned = false;
  const learned = (statement: Prepared): void => {
    isLearned = true;
    statements.learn(statement);
  };
  const { name, evicted, meaning } = place;
  const exchange = new PrepareAndExecute(name, sql, evicted, sink, registry, learned, meaning, effects);
  let ticket: Ticket<T> | undefined;
  try {
    ticket = yield* submit(exchange);
    return yield* answer(ticket, effects, sink, context);
  } catch (error) {
    if (ticket === undefined || isLearned) throw error;
    yield* turnOffNames(error, ticket, context);
  } finally {
    statements.end(sql, place, isLearned);
    changes.end(effects, change, succeeded(ticket), context);
  }
  return yield* executeFirst(sql, sink, context);
}
