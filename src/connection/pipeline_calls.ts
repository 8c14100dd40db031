/** The calls of pipelines. */
import { parseCall, type ParsedOptions, parseOptions, type Statement } from "./arguments.ts";
import { type CallContext, cleanUpDeadline, type CollectorFactory, refusedCall } from "./call_context.ts";
import {
  type CallOptions,
  type OptionNames,
  OPTIONS_OF,
  type Params,
  type RowOptions,
  type TypeOptions,
} from "./call_options.ts";
import { UsageError } from "../errors.ts";
import { PipelineState } from "../features/pipeline.ts";
import type { PipelineItem } from "../features/sync_group.ts";
import type { Call, Op } from "../protocol/request.ts";
import { argumentError } from "../revoked.ts";
import { mapRows } from "../statements/execute.ts";
import type { OperationSpan } from "../telemetry/observer.ts";

/** Opens a pipeline, which is reserved from now on. Throws at once. */
export function openPipeline(context: CallContext): PipelineState {
  const action = "open a pipeline";
  context.checkOpening(action);
  context.state.session.check("reserve", action);
  const pipeline = new PipelineState(context.state, context.transaction);
  const span = context.operationSpan("pipeline");
  if (span !== undefined) pipelineSpans.set(pipeline, span);
  return pipeline;
}

/** Adds a statement to a pipeline. Throws at once. */
export function addToPipeline(
  context: CallContext,
  pipeline: PipelineState,
  statement: Statement,
  params: Params | TypeOptions | undefined,
  options: TypeOptions | undefined,
): PipelineItem {
  // Not context.optionSpec: a statement alone has no time limit.
  const spec = { action: "execute the statement", awaits: false, names: OPTIONS_OF.statement };
  try {
    const { source, values, types, deadline } = parseCall(statement, params, options, context.owner, spec);
    if (deadline !== undefined) {
      throw new UsageError("Cannot use timeout: statements of a pipeline have none; give it to sync() or claim()");
    }
    const item = pipeline.add(source, values, types);
    pipelineSpans.get(pipeline)?.addStatement();
    return item;
  } catch (error) {
    throw argumentError(error, spec.action);
  }
}

/** A call of a pipeline; `make` makes its op. */
export function pipelineStep<T>(
  context: CallContext,
  pipeline: PipelineState,
  action: string,
  options: CallOptions | undefined,
  make: (options: ParsedOptions) => Op<T>,
  names: OptionNames = OPTIONS_OF.nothing,
): Call<T> {
  try {
    const parsed = parseOptions(options, context.optionSpec(action, names));
    const onGivenUp = (): void => {
      pipeline.isAbandoned = true;
    };
    const span = pipelineSpans.get(pipeline)?.childSpan("any");
    return { op: make(parsed), deadline: parsed.deadline && { ...parsed.deadline, onGivenUp }, span };
  } catch (error) {
    return refusedCall(error, action);
  }
}

/** The result of a pipelined statement. */
export function claim<T>(
  context: CallContext,
  pipeline: PipelineState,
  itemOf: () => PipelineItem,
  options: RowOptions | undefined,
  collectorOf: CollectorFactory<T>,
  names: OptionNames,
): Call<T> {
  const make = ({ shape, mapRow }: ParsedOptions): Op<T> => {
    const collector = collectorOf(shape);
    const op = pipeline.claim(itemOf(), collector);
    return mapRow === undefined ? op : mapRows(op, collector, mapRow);
  };
  return pipelineStep(context, pipeline, "claim the result", options, make, names);
}

/** Closes a pipeline. */
export function closePipeline(context: CallContext, pipeline: PipelineState): Call<void> {
  context.state.session.admission.announceEnd(pipeline.exclusive);
  const span = pipelineSpans.get(pipeline)?.childSpan("close");
  // It waits for its own calls, which the server may never answer.
  const deadline = pipeline.isAbandoned ? cleanUpDeadline("close the pipeline", false) : undefined;
  return { op: pipeline.close(), deadline, span };
}

/** The spans of pipelines. */
const pipelineSpans = new WeakMap<PipelineState, OperationSpan>();
