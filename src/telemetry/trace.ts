/**
 * Tracing channels: who wants to know subscribes by their names, and whoever does not costs a check.
 *
 * Built on the five plain channels behind each, since not every runtime's `TracingChannel` tells
 * whether somebody listens, and since its `tracePromise` would publish results.
 *
 * Source: Node.js documentation, "Diagnostics Channel", TracingChannel, for the order of what is
 * published.
 */
import { type Channel, tracingChannel } from "node:diagnostics_channel";
import { now } from "../runtime/clock.ts";
import { observe, observeBlocking } from "./observe.ts";
import type { Observation } from "../protocol/request.ts";
import type { AcquireEvent, ConnectEvent, QueryEvent, TraceEvent, Writable } from "./events.ts";

/** What can be subscribed to. */
export type TraceName = "pyro:query" | "pyro:connect" | "pyro:acquire";

/** The channels of one kind of event. */
export class Traces<E extends TraceEvent> {
  readonly name: TraceName;
  readonly start: Channel<unknown, E>;
  readonly end: Channel<unknown, E>;
  readonly asyncStart: Channel<unknown, E>;
  readonly asyncEnd: Channel<unknown, E>;
  readonly error: Channel<unknown, E>;

  constructor(name: TraceName) {
    this.name = name;
    const { start, end, asyncStart, asyncEnd, error } = tracingChannel<unknown, E>(name);
    this.start = start;
    this.end = end;
    this.asyncStart = asyncStart;
    this.asyncEnd = asyncEnd;
    this.error = error;
  }

  /** Whether anybody listens. */
  get isObserved(): boolean {
    return this.start.hasSubscribers || this.end.hasSubscribers || this.asyncEnd.hasSubscribers ||
      this.error.hasSubscribers || this.asyncStart.hasSubscribers;
  }
}

/** Calls on connections. */
export const queries: Traces<QueryEvent> = new Traces("pyro:query");
/** The opening of connections. */
export const connects: Traces<ConnectEvent> = new Traces("pyro:connect");
/** The waiting for a connection of a pool. */
export const acquires: Traces<AcquireEvent> = new Traces("pyro:acquire");

/** One event, from its beginning to its end. */
export class Trace<E extends TraceEvent> implements Observation {
  readonly event: Writable<E>;
  readonly #traces: Traces<E>;
  readonly #awaits: boolean;
  #began = 0;

  /** `awaits` tells whether it goes on after what begins it has returned. */
  constructor(traces: Traces<E>, event: Writable<E>, awaits: boolean) {
    this.#traces = traces;
    this.event = event;
    this.#awaits = awaits;
  }

  /** Begins, with whatever contexts subscribers have bound to that. */
  start<T>(work: () => T): T {
    const { start, end } = this.#traces;
    this.#began = now();
    try {
      return start.runStores(this.event as E, work);
    } finally {
      if (this.#awaits) end.publish(this.event as E);
    }
  }

  /** It came to a good end. */
  succeed(): void {
    this.event.duration = now() - this.#began;
    this.#publishEnd();
  }

  /** It failed. */
  fail(error: unknown): void {
    this.event.duration = now() - this.#began;
    this.event.error = error;
    this.#traces.error.publish(this.event as E);
    this.#publishEnd();
  }

  #publishEnd(): void {
    const { end, asyncStart, asyncEnd } = this.#traces;
    if (!this.#awaits) return end.publish(this.event as E);
    asyncStart.publish(this.event as E);
    asyncEnd.publish(this.event as E);
  }
}

/**
 * Does something that is awaited, and publishes it if anybody listens; `make` gives the event then, in
 * which the work may fill in what it learns.
 */
export function traced<E extends TraceEvent, T>(
  traces: Traces<E>,
  make: () => Writable<E>,
  work: (event: Writable<E> | undefined) => Promise<T>,
): Promise<T> {
  if (!traces.isObserved) return work(undefined);
  const trace = new Trace(traces, make(), true);
  return observe(trace, () => work(trace.event));
}

/** The same for what blocks. */
export function tracedBlocking<E extends TraceEvent, T>(
  traces: Traces<E>,
  make: () => Writable<E>,
  work: (event: Writable<E> | undefined) => T,
): T {
  if (!traces.isObserved) return work(undefined);
  const trace = new Trace(traces, make(), false);
  return observeBlocking(trace, () => work(trace.event));
}
