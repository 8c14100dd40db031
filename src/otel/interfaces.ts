/** The members of OpenTelemetry's API that the bridge uses, so that it depends on no version of it. */

/** The attributes of a span or a measurement. */
export type Attributes = Record<string, string | number>;

/** Makes spans; `trace.getTracer("pyro")` of `@opentelemetry/api`. */
export interface Tracer {
  /** Starts a span, a child of the active one. */
  startSpan(name: string, options: { readonly kind: number; readonly attributes: Attributes }): Span;
}

/** A span that was started. */
export interface Span {
  /** Adds attributes. */
  setAttributes(attributes: Attributes): unknown;
  /** Sets its status. */
  setStatus(status: { readonly code: number }): unknown;
  /** Changes its name. */
  updateName(name: string): unknown;
  /** Ends it. */
  end(): void;
}

/** Makes instruments; `metrics.getMeter("pyro")` of `@opentelemetry/api`. */
export interface Meter {
  /** An instrument for a distribution of values. */
  createHistogram(name: string, options: HistogramOptions): Histogram;
  /** An instrument that is asked for its value. */
  createObservableUpDownCounter(name: string, options: InstrumentOptions): ObservableInstrument;
}

/** The options of an instrument. */
export interface InstrumentOptions {
  /** The unit of its values. */
  unit: string;
  /** A description of what it measures, for people. */
  description: string;
}

/** The options of a histogram. */
export interface HistogramOptions extends InstrumentOptions {
  /** The buckets to use by default. */
  advice: { explicitBucketBoundaries: number[] };
}

/** An instrument for a distribution of values. */
export interface Histogram {
  /** Records a value. */
  record(value: number, attributes: Attributes): void;
}

/** An instrument that is asked for its value. */
export interface ObservableInstrument {
  /** Adds a callback that gives the values. */
  addCallback(callback: (result: ObservableResult) => void): void;
  /** Removes a callback. */
  removeCallback(callback: (result: ObservableResult) => void): void;
}

/** Takes the values that a callback gives. */
export interface ObservableResult {
  /** Gives a value. */
  observe(value: number, attributes: Attributes): void;
}
