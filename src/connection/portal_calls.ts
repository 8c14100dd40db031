/** The calls that fetch rows in parts: streams and portals. */
import { countFrom, parseCall, type ParsedCall, parseOptions, type Statement } from "./arguments.ts";
import { type CallContext, cleanUpDeadlineOf, type CollectorFactory, refusedCall } from "./call_context.ts";
import {
  type OptionNames,
  optionNames,
  OPTIONS_OF,
  type Params,
  type PortalOptions,
  type RowOptions,
  type StreamOptions,
} from "./call_options.ts";
import { UsageError } from "../errors.ts";
import { snapshotOf } from "../rows/snapshot.ts";
import { progressFrom } from "./copy_calls.ts";
import type { OnProgress } from "../features/copy.ts";
import { closeQuietly, Cursor, withPortal } from "../features/cursor.ts";
import { type Call, cancellationPoint, type Deadline, type Op } from "../protocol/request.ts";
import { collectors } from "../rows/collector_factories.ts";
import type { RowLayout } from "../rows/row.ts";
import type { OperationSpan } from "../telemetry/observer.ts";

/** A stream of rows. */
export interface Stream {
  readonly cursor: Cursor;
  readonly shape: RowLayout;
  readonly deadline: Deadline | undefined;
  readonly batch: number;
  readonly span: OperationSpan | undefined;
  readonly onProgress: OnProgress | undefined;
  /** How many rows were fetched. */
  rows: number;
}

/** The result of a fetch. */
export interface Fetch<T> {
  readonly rows: T;
  readonly hasMore: boolean;
}

/** The portal of a statement, not yet opened, with the options of its call. Throws at once. */
function cursorOf(
  context: CallContext,
  statement: Statement,
  params: Params | PortalOptions | undefined,
  options: PortalOptions | undefined,
  name: string,
  names: OptionNames = OPTIONS_OF.portal,
): ParsedCall & { readonly cursor: Cursor } {
  context.check(`open ${name}`);
  const spec = context.optionSpec("execute the statement", names);
  const parsed = parseCall(statement, params, options, context.owner, spec);
  const taking = { ...parsed, values: snapshotOf(parsed.values) };
  return { ...parsed, cursor: new Cursor(context.state, taking, name, context.transaction) };
}

/** The rows of a statement in batches. Throws at once. */
export function stream(
  context: CallContext,
  statement: Statement,
  params: Params | StreamOptions | undefined,
  options: StreamOptions | undefined,
): Stream {
  const { cursor, source, values, shape, deadline, extraOptions } = cursorOf(
    context,
    statement,
    params,
    options,
    "a stream",
    STREAM_OPTIONS,
  );
  const batch = extraOptions.batch === undefined ? DEFAULT_BATCH_SIZE : countFrom(extraOptions.batch, "batch");
  const onProgress = progressFrom(extraOptions);
  return { cursor, shape, deadline, batch, span: context.operationSpan("stream", source, values), onProgress, rows: 0 };
}

/** The next batch of a stream. */
export function nextRows<R>(context: CallContext, stream: Stream): Call<Fetch<R[]>> {
  const { cursor, shape, deadline, batch, span, onProgress } = stream;
  const make = (): Call<Fetch<R[]>> => {
    const fetch = cursor.fetch(batch, collectors.allRows<R>(shape), cursor.mapRow);
    const op = onProgress === undefined ? fetch : countedFetch(fetch, stream, onProgress);
    const isContinuation = cursor.isExecuted;
    return { op, deadline: deadline && { ...deadline, isContinuation }, span: span?.childSpan("any") };
  };
  return cursor.isNew ? context.attempt("open a stream", make) : make();
}

function* countedFetch<R>(fetch: Op<Fetch<R[]>>, stream: Stream, onProgress: OnProgress): Op<Fetch<R[]>> {
  const batch = yield* fetch;
  if (batch.rows.length > 0) onProgress({ bytes: undefined, rows: stream.rows += batch.rows.length });
  return batch;
}

/** Closes a stream that was read to its end. */
export function endStream({ cursor, deadline, span }: Stream): Call<void> {
  cursor.announceClose();
  return {
    op: cursor.close(),
    deadline: cleanUpDeadlineOf(deadline, "end the stream"),
    span: span?.childSpan("close"),
  };
}

/** Closes a stream that may have rows left. A lost connection is no error. */
export function closeStream({ cursor, deadline, span }: Stream): Call<void> {
  cursor.announceClose();
  return {
    op: closeQuietly(cursor),
    deadline: cleanUpDeadlineOf(deadline, "close the stream"),
    span: span?.childSpan("close"),
  };
}

/** Opens a portal, and runs a function that fetches from it. */
export function execIter<T>(
  context: CallContext,
  statement: Statement,
  params: Params,
  fn: (portal: never) => T,
  options: PortalOptions | undefined,
  use: (cursor: Cursor, fn: (portal: never) => T) => T,
): Call<Awaited<T>> {
  return context.attempt("execute the statement", () => {
    if (typeof fn !== "function") throw new UsageError("Cannot use the portal: give a function that takes it");
    const { cursor, source, values, deadline } = cursorOf(
      context,
      statement,
      params ?? undefined,
      options,
      "execIter",
    );
    const op = withPortal(cursor, () => use(cursor, fn)) as Op<Awaited<T>>;
    return { op, deadline, span: context.callSpan("execIter", source, values) };
  });
}

/** Opens a portal in a transaction. */
export function execPortal<T>(
  context: CallContext,
  statement: Statement,
  params: Params | PortalOptions | undefined,
  options: PortalOptions | undefined,
  make: (cursor: Cursor) => T,
): Call<T> {
  return context.attempt("open a portal", () => {
    const { cursor, source, values, deadline } = cursorOf(context, statement, params, options, "a portal");
    return { op: openPortal(cursor, make), deadline, span: context.callSpan("execPortal", source, values) };
  });
}

/** Fetches rows from a portal. */
export function fetch<T>(
  context: CallContext,
  cursor: Cursor,
  count: number | undefined,
  options: RowOptions | undefined,
  collectorOf: CollectorFactory<T>,
): Call<Fetch<T>> {
  const action = "fetch rows";
  try {
    const { shape, mapRow, deadline } = parseOptions(options, {
      ...context.optionSpec(action, OPTIONS_OF.typedRows),
      shape: cursor.shape,
      mapRow: cursor.mapRow,
    });
    const maxRows = count === 0 || count === undefined ? 0 : countFrom(count, "the number of rows");
    const op = cursor.fetch(maxRows, collectorOf(shape), mapRow);
    return { op, deadline, span: context.callSpan("fetch", cursor.source) };
  } catch (error) {
    return refusedCall(error, action);
  }
}

/** Closes a portal. A lost connection is no error. */
export function closePortal(context: CallContext, cursor: Cursor): Call<void> {
  cursor.announceClose();
  const span = cursor.isOpen ? context.callSpan("closePortal", cursor.source) : undefined;
  return { op: closeQuietly(cursor), deadline: undefined, span };
}

function* openPortal<T>(cursor: Cursor, make: (cursor: Cursor) => T): Op<T> {
  yield* cursor.open();
  try {
    yield* cancellationPoint();
  } catch (error) {
    yield* cursor.close();
    throw error;
  }
  return make(cursor);
}

const STREAM_OPTIONS: OptionNames = [
  ...OPTIONS_OF.portal,
  ...optionNames<Omit<StreamOptions, keyof PortalOptions>>({ batch: true, onProgress: true }),
];

/** How many rows a stream fetches at a time. */
const DEFAULT_BATCH_SIZE = 500;
