/**
 * Executes SQL: in the simple protocol, or in the extended one through the statement cache.
 *
 * A string is executed in one round trip if it has no parameters, or if its types are known from an earlier
 * execution. Otherwise it is prepared first, for the types of its parameters.
 */
import { type Op, type PendingRequest, submit } from "../protocol/request.ts";
import { ExecuteStatement, NewStatement } from "../protocol/extended_query.ts";
import type { Prepared } from "../protocol/prepared.ts";
import { SimpleQuery } from "../protocol/simple_query.ts";
import { columnCodecs, type ColumnTypes } from "../codecs/column_codecs.ts";
import type { ResultCollector } from "../rows/collectors.ts";
import type { MapRow } from "../rows/row_mapper.ts";
import { Effect, effectsOfStatement } from "../sql/statement.ts";
import type { Context } from "./context.ts";
import { effectsOf, succeeded } from "./invalidation.ts";
import { readyStatement, resolveStatement, type StatementSource } from "./statement_source.ts";
import { turnOffNames } from "./naming.ts";
import { invalidateStatement, prepareIfStale } from "./stale.ts";
import { completeRows } from "./type_lookup.ts";

/** The result of an op, with what the call makes of its rows. */
export function* mapRows<T>(op: Op<T>, collector: ResultCollector<T>, map: MapRow): Op<T> {
  return collector.mapped(yield* op, map);
}

/** Runs all statements of a string in the simple protocol. */
export function* query<T>(
  sql: string,
  collector: ResultCollector<T>,
  context: Context,
  types?: ColumnTypes,
): Op<T> {
  const effects = effectsOf(sql, context);
  const change = context.invalidation.begin(effects, context);
  let pending: PendingRequest<T> | undefined;
  try {
    pending = yield* submit(new SimpleQuery(sql, collector, columnCodecs(types, context.registry)));
    return yield* awaitResult(pending, effects, collector, context);
  } finally {
    context.invalidation.end(effects, change, succeeded(pending), context);
  }
}

/**
 * Executes a string, or a statement that the caller has prepared, in the extended protocol.
 *
 * Most calls run in this one generator, for speed: each step of a nested generator passes through all generators
 * around it.
 */
export function* execute<T>(
  source: StatementSource,
  values: readonly unknown[],
  collector: ResultCollector<T>,
  context: Context,
  types?: ColumnTypes,
): Op<T> {
  const { statements, registry, invalidation } = context;
  let statement = readyStatement(source, context);
  let isNew = false;
  if (statement === undefined) {
    const older = typeof source === "string" ? statements.get(source) : source.prepared;
    if (older === undefined && values.length === 0 && context.readsText) {
      return yield* prepareAndExecute(source as string, collector, context, types);
    }
    statement = yield* resolveStatement(source, context);
    isNew = statement.name !== older?.name;
  }
  for (let isAgain = false;; isAgain = true) {
    const request = new ExecuteStatement(statement, values, collector, registry, types);
    const { effects } = statement;
    const change = effects === Effect.None ? 0 : invalidation.begin(effects, context);
    let pending: PendingRequest<T> | undefined;
    try {
      pending = (yield { do: "submit", request }) as PendingRequest<T>;
      const result = (yield { do: (effects & Effect.Copies) === 0 ? "finish" : "settle", pending }) as T;
      return collector.isIncomplete ? yield* completeRows(collector, context) : result;
    } catch (error) {
      if (isAgain || request.bound) throw error;
      statement = yield* prepareIfStale(error, pending, statement, source, context, isNew);
    } finally {
      if (effects !== Effect.None) invalidation.end(effects, change, succeeded(pending), context);
      if (request.changed) invalidateStatement(statement, source, context);
    }
  }
}

/**
 * Waits for the last request of an op. After a COPY, the op keeps the right to submit, because nothing may be sent
 * before the reply.
 */
function* awaitResult<T>(
  pending: PendingRequest<T>,
  effects: number,
  collector: ResultCollector<T>,
  context: Context,
): Op<T> {
  const result = (yield { do: (effects & Effect.Copies) === 0 ? "finish" : "settle", pending }) as T;
  return collector.isIncomplete ? yield* completeRows(collector, context) : result;
}

/** Prepares, executes and caches a statement without parameters, in one round trip. */
function* prepareAndExecute<T>(
  sql: string,
  collector: ResultCollector<T>,
  context: Context,
  types: ColumnTypes | undefined,
): Op<T> {
  const { statements, registry, invalidation } = context;
  const effects = effectsOfStatement(sql);
  const change = invalidation.begin(effects, context);
  const slot = statements.beginPreparing(sql, effects);
  let isPrepared = false;
  const onPrepared = (statement: Prepared): void => {
    isPrepared = true;
    statements.add(statement);
  };
  const plan = new NewStatement(sql, slot, effects, onPrepared);
  const request = new ExecuteStatement(plan, [], collector, registry, types);
  let pending: PendingRequest<T> | undefined;
  try {
    pending = yield* submit(request);
    return yield* awaitResult(pending, effects, collector, context);
  } catch (error) {
    if (pending === undefined || isPrepared) throw error;
    yield* turnOffNames(error, pending, context);
  } finally {
    statements.endPreparing(sql, slot, isPrepared);
    invalidation.end(effects, change, succeeded(pending), context);
  }
  return yield* prepareAndExecute(sql, collector, context, types);
}
