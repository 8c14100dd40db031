/** The calls that execute and prepare statements. */
import { countFrom, parseCall, parseOptions, sqlText, type Statement, statementSourceOf } from "./arguments.ts";
import { type CallContext, type CollectorFactory, sizeOf } from "./call_context.ts";
import {
  type BatchOptions,
  type CallOptions,
  type OptionNames,
  optionNames,
  type Params,
  type ParamSets,
  type QueryOptions,
} from "./call_options.ts";
import { UsageError } from "../errors.ts";
import { snapshotOf } from "../rows/snapshot.ts";
import { executeBatch } from "../features/batch.ts";
import { SourceReader } from "../features/source_reader.ts";
import type { Prepared } from "../protocol/prepared.ts";
import type { Call, Op } from "../protocol/request.ts";
import type { SqlTemplate } from "../sql/template.ts";
import { execute, mapRows, query as queryOp } from "../statements/execute.ts";
import { closeStatements, prepare as prepareOp, prepareBatch as prepareBatchOp } from "../statements/prepare.ts";

/** Executes SQL text in the simple protocol. `collectorOf` makes the result collector. */
export function query<T>(
  context: CallContext,
  sql: string | SqlTemplate,
  options: QueryOptions | undefined,
  collectorOf: CollectorFactory<T>,
  names: OptionNames,
  operation: string = "query",
): Call<T> {
  const action = "run the query";
  return context.attempt(action, () => {
    const text = sqlText(sql);
    const { shape, types, mapRow, deadline } = parseOptions(options, context.optionSpec(action, names));
    const collector = collectorOf(shape);
    const rows = queryOp(text, collector, context.state, types);
    const op = mapRow === undefined ? rows : mapRows(rows, collector, mapRow);
    const span = context.callSpan(operation, sql);
    span?.watch(collector);
    return { op, deadline, span };
  });
}

/** Executes a statement in the extended protocol. `collectorOf` makes the result collector. */
export function exec<T>(
  context: CallContext,
  statement: Statement,
  params: Params | QueryOptions | undefined,
  options: QueryOptions | undefined,
  collectorOf: CollectorFactory<T>,
  names: OptionNames,
  operation: string = "exec",
): Call<T> {
  const action = "execute the statement";
  return context.attempt(action, () => {
    const parsed = parseCall(statement, params, options, context.owner, context.optionSpec(action, names));
    const { source, values, shape, types, mapRow, deadline } = parsed;
    const collector = collectorOf(shape);
    const rows = execute(source, snapshotOf(values), collector, context.state, types);
    const op = mapRow === undefined ? rows : mapRows(rows, collector, mapRow);
    const span = context.callSpan(operation, source, values);
    span?.watch(collector);
    return { op, deadline, span };
  });
}

/** Prepares a statement that the caller holds. */
export function prepare(
  context: CallContext,
  sql: string | SqlTemplate,
  options: CallOptions | undefined,
): Call<Prepared> {
  const make = (): Op<Prepared> => prepareOp(sqlText(sql), context.state);
  return context.call("prepare", "prepare the statement", options, make, [], sql);
}

/** Prepares statements that the caller holds: all, or none. */
export function prepareBatch(
  context: CallContext,
  sqls: readonly (string | SqlTemplate)[],
  options: CallOptions | undefined,
): Call<Prepared[]> {
  return context.call(
    "prepareBatch",
    "prepare the statements",
    options,
    () => {
      if (!Array.isArray(sqls)) throw new UsageError("Cannot prepare the statements: they must be in an array");
      return prepareBatchOp(Array.from(sqls, sqlText), context.state);
    },
    [],
    sqls,
  );
}

/** Closes a statement that the caller holds, unless the server has dropped it already. */
export function closeStatement(context: CallContext, prepared: Prepared): Call<void> {
  const { session, statements } = context.state;
  const names = context.state.closed || statements.isDropped(prepared) ? [] : [prepared.name];
  if (session.admission.open === undefined) {
    const span = names.join("") === "" ? undefined : context.callSpan("closeStatement", prepared.sql);
    return { op: closeStatements(names), deadline: undefined, span };
  }
  // No request may be sent now, so the next preparing closes it.
  statements.closeLater(prepared);
  return { op: closeStatements([]), deadline: undefined };
}

/** One statement with many sets of parameters. */
export function execBatch(
  context: CallContext,
  statement: Statement,
  sets: ParamSets,
  options: BatchOptions | undefined,
): Call<number> {
  const action = "execute the batch";
  return context.attempt(action, () => {
    const { extraOptions, deadline } = parseOptions(options, context.optionSpec(action, BATCH_OPTIONS));
    const chunk = extraOptions.chunk === undefined ? undefined : countFrom(extraOptions.chunk, "chunk");
    const setReader = new SourceReader<readonly unknown[]>(
      sets,
      context.state.link.awaits,
      "the sets of parameters",
    );
    const source = statementSourceOf(statement, context.owner);
    const op = executeBatch(source, setReader, chunk, context.state);
    return { op, deadline, span: context.callSpan("execBatch", source, undefined, sizeOf(sets)) };
  });
}

const BATCH_OPTIONS = optionNames<BatchOptions>({ chunk: true });
