/** The bridge from pyro's tracing channels to OpenTelemetry. */
import type { AcquireEvent, ConnectEvent, QueryEvent, TraceEvent } from "../telemetry/events.ts";
import { acquires, connects, queries, type TraceChannels } from "../telemetry/channels.ts";
import {
  batchAttributes,
  connectAttributes,
  connectionAttributes,
  errorAttributes,
  operationName,
  type QueryText,
  textAttributes,
} from "./attributes.ts";
import type { Attributes, Histogram, Meter, Span, Tracer } from "./interfaces.ts";
import { type MeasuredPool, measurePool } from "./pool_metrics.ts";

/** Options of {@linkcode instrument}. */
export interface Instruments {
  /** Gets a span for each call and each connection that is opened. Default: none. */
  readonly tracer?: Tracer | undefined;
  /** Gets the durations of calls and of waits for pools, and the numbers of pools' connections. Default: none. */
  readonly meter?: Meter | undefined;
  /**
   * How SQL text is shown: `"redacted"` shows text with parameters as it is, and other text with `?` for each
   * literal; `"raw"` shows all text as it is; `"none"` shows none. Default: `"redacted"`.
   */
  readonly queryText?: QueryText | undefined;
  /** Pools whose connections are counted, each by its `db.client.connection.pool.name`. Default: none. */
  readonly pools?: Readonly<Record<string, MeasuredPool>> | undefined;
}

/**
 * Reports the calls of all connections of the process to OpenTelemetry, from now until it is disposed
 * of. Names and attributes are those of the database semantic conventions.
 *
 * Calls are spans of kind CLIENT, below the span that is active where the call is made. `tx` and
 * `execIter`, which run the caller's function, are of kind INTERNAL and not measured; the function's
 * calls are.
 *
 * @example
 * ```ts
 * import { Conn } from "@x/pyro";
 * import { instrument } from "@x/pyro/otel";
 * import assert from "node:assert/strict";
 * import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "npm:@opentelemetry/sdk-trace-base@2";
 *
 * const exporter = new InMemorySpanExporter();
 * const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
 * using _ = instrument({ tracer: provider.getTracer("pyro") });
 *
 * await using conn = await Conn.connect("pg://");
 * await conn.query("select 'secret'");
 * const span = exporter.getFinishedSpans().at(-1)!;
 * assert.equal(span.attributes["db.operation.name"], "SELECT");
 * assert.equal(span.attributes["db.query.text"], "select ?");
 * ```
 */
export function instrument({ tracer, meter, queryText = "redacted", pools = {} }: Instruments): Disposable {
  const duration = meter?.createHistogram("db.client.operation.duration", {
    unit: "s",
    description: "Duration of database client operations.",
    advice: { explicitBucketBoundaries: BUCKETS },
  });
  const waiting = meter?.createHistogram("db.client.connection.wait_time", {
    unit: "s",
    description: "The time it took to obtain an open connection from the pool.",
    advice: { explicitBucketBoundaries: BUCKETS },
  });
  const parts: Disposable[] = [];
  if (tracer !== undefined || duration !== undefined) {
    parts.push(watch(queries, tracer && ((event) => startQuery(tracer, event, queryText)), (event, span) => {
      endQuery(event, span, duration);
    }));
  }
  if (tracer !== undefined) {
    parts.push(watch(connects, (event) => startConnect(tracer, event), endConnect));
  }
  if (waiting !== undefined) {
    parts.push(watch(acquires, undefined, (event) => waiting.record(event.duration! / 1000, waitAttributes(event))));
  }
  if (meter !== undefined) {
    for (const [name, pool] of Object.entries(pools)) parts.push(...measurePool(meter, name, pool));
  }
  // Not a DisposableStack, which Node 22 does not have.
  return {
    [Symbol.dispose](): void {
      for (const part of parts.splice(0)) part[Symbol.dispose]();
    },
  };
}

/** Makes a span for each event, and calls `over` at its end. */
function watch<E extends TraceEvent>(
  { start, end, asyncEnd }: TraceChannels<E>,
  begin: ((event: E) => Span) | undefined,
  over: (event: E, span: Span | undefined) => void,
): Disposable {
  const spans = new WeakMap<E, Span>();
  const onStart = (event: unknown): void => {
    if (begin !== undefined) spans.set(event as E, begin(event as E));
  };
  const onOver = (event: unknown): void => over(event as E, spans.get(event as E));
  // An awaited call has not ended yet when this is published.
  const onEnd = (event: unknown): void => {
    if ((event as E).duration !== undefined) onOver(event);
  };
  start.subscribe(onStart);
  end.subscribe(onEnd);
  asyncEnd.subscribe(onOver);
  return {
    [Symbol.dispose](): void {
      start.unsubscribe(onStart);
      end.unsubscribe(onEnd);
      asyncEnd.unsubscribe(onOver);
    },
  };
}

function startQuery(tracer: Tracer, event: QueryEvent, queryText: QueryText): Span {
  return tracer.startSpan(nameOf(event), {
    kind: WRAPPING.includes(event.operation) ? INTERNAL : CLIENT,
    attributes: { ...queryAttributes(event), ...batchAttributes(event), ...textAttributes(event, queryText) },
  });
}

function endQuery(event: QueryEvent, span: Span | undefined, duration: Histogram | undefined): void {
  const failure = event.error === undefined ? {} : errorAttributes(event.error);
  // A pipeline may have grown since its span began.
  span?.updateName(nameOf(event));
  span?.setAttributes({ ...queryAttributes(event), ...batchAttributes(event) });
  end(span, failure);
  if (WRAPPING.includes(event.operation)) return;
  duration?.record(event.duration! / 1000, { ...queryAttributes(event), ...failure });
}

function startConnect(tracer: Tracer, event: ConnectEvent): Span {
  return tracer.startSpan(`connect ${event.database}`, { kind: CLIENT, attributes: connectAttributes(event) });
}

function endConnect(event: ConnectEvent, span: Span | undefined): void {
  span?.setAttributes(connectAttributes(event));
  end(span, event.error === undefined ? {} : errorAttributes(event.error));
}

/** Errors' messages are left out, since they quote values. */
function end(span: Span | undefined, failure: Attributes): void {
  if ("error.type" in failure) {
    span?.setAttributes(failure);
    span?.setStatus({ code: FAILED });
  }
  span?.end();
}

function nameOf(event: QueryEvent): string {
  const { database } = event.connection;
  return [operationName(event), database].filter((part) => part !== undefined).join(" ");
}

function queryAttributes(event: QueryEvent): Attributes {
  const operation = operationName(event);
  return {
    ...connectionAttributes(event.connection),
    ...(operation === undefined ? {} : { "db.operation.name": operation }),
  };
}

function waitAttributes({ pool, error }: AcquireEvent): Attributes {
  return { "db.client.connection.pool.name": pool, ...(error === undefined ? {} : errorAttributes(error)) };
}

/** Operations that run the caller's function. */
const WRAPPING: readonly string[] = ["tx", "execIter"];
/** SpanKind and SpanStatusCode of OpenTelemetry's API. */
const INTERNAL = 0;
const CLIENT = 2;
const FAILED = 2;
/** Seconds; those that the conventions advise. */
const BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];
