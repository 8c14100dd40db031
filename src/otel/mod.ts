/**
 * The bridge to OpenTelemetry: spans and metrics of all connections of the process, by the database
 * semantic conventions. It needs no package other than the one that its tracer and meter come from.
 *
 * @example
 * ```ts
 * import { Conn } from "@x/pyro";
 * import { instrument } from "@x/pyro/otel";
 * import { metrics, trace } from "npm:@opentelemetry/api@1";
 *
 * using _ = instrument({ tracer: trace.getTracer("pyro"), meter: metrics.getMeter("pyro") });
 * await using conn = await Conn.connect("pg://");
 * await conn.ping();
 * ```
 *
 * @module
 */
export type { QueryText } from "./attributes.ts";
export { instrument, type Instruments } from "./instrument.ts";
export type {
  Attributes,
  Histogram,
  HistogramOptions,
  InstrumentOptions,
  Meter,
  ObservableInstrument,
  ObservableResult,
  Span,
  Tracer,
} from "./interfaces.ts";
export type { MeasuredPool, PoolStats } from "./pool_metrics.ts";
