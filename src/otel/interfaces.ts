/** The members of OpenTelemetry's API that the bridge uses, so that it depends on no version of it. */

/** What describes a span or a measurement. */
export type Attributes = Record<string, string | number>;

/** Makes spans; `trace.getTracer("pyro")` of `@opentelemetry/api`. */
export interface Tracer {
  /** Starts a span whose parent is the one that is active. */
  startSpan(name: string, options: { readonly kind: number; readonly attributes: Attributes }): Span;
}

/** A span that was started. */
export interface Span {
  /** Describes it further. */
  setAttributes(attributes: Attributes): unknown;
  /** Says how it ended. */
  setStatus(status: { readonly code: number }): unknown;
  /** Changes its name, when more is known. */
  updateName(name: string): unknown;
  /** It is over. */
  end(): void;
}

/** Makes instruments; `metrics.getMeter("pyro")` of `@opentelemetry/api`. */
export interface Meter {
  /** An instrument for a distribution of values. */
  createHistogram(name: string, options: HistogramOptions): Histogram;
  /** An instrument that is asked for its value. */
  createObservableUpDownCounter(name: string, options: InstrumentOptions): ObservableInstrument;
}

/** What describes an instrument. */
export interface InstrumentOptions {
  /** In what it measures. */
  unit: string;
  /** What it measures, for people. */
  description: string;
}

/** What describes a histogram. */
export interface HistogramOptions extends InstrumentOptions {
  /** Buckets that suit what is measured. */
  advice: { explicitBucketBoundaries: number[] };
}

/** An instrument for a distribution of values. */
export interface Histogram {
  /** Takes a value. */
  record(value: number, attributes: Attributes): void;
}

/** An instrument that is asked for its value. */
export interface ObservableInstrument {
  /** Registers who answers. */
  addCallback(callback: (result: ObservableResult) => void): void;
  /** Removes who answered. */
  removeCallback(callback: (result: ObservableResult) => void): void;
}

/** Where answers go. */
export interface ObservableResult {
  /** Gives a value. */
  observe(value: number, attributes: Attributes): void;
}
