/**
 * Tracing channels. Programs subscribe to them by name; without subscribers, a call costs one check.
 *
 * Built on the five plain channels of each, since not every runtime's `TracingChannel` says whether it
 * has subscribers, and since its `tracePromise` would publish results.
 *
 * Source: Node.js documentation, "Diagnostics Channel", TracingChannel, for the order of the messages.
 */
import { type Channel, tracingChannel } from "node:diagnostics_channel";
import { now } from "../runtime/clock.ts";
import { runInSpan, runInSpanBlocking } from "./run_in_span.ts";
import type { Span } from "../protocol/request.ts";
import type { AcquireEvent, ConnectEvent, QueryEvent, TraceEvent, Writable } from "./events.ts";

/** The names of the channels. */
export type TraceChannelName = "pyro:query" | "pyro:connect" | "pyro:acquire";

/** The channels of one kind of event. */
export class TraceChannels<E extends TraceEvent> {
  readonly name: TraceChannelName;
  readonly start: Channel<unknown, E>;
  readonly end: Channel<unknown, E>;
  readonly asyncStart: Channel<unknown, E>;
  readonly asyncEnd: Channel<unknown, E>;
  readonly error: Channel<unknown, E>;

  constructor(name: TraceChannelName) {
    this.name = name;
    const { start, end, asyncStart, asyncEnd, error } = tracingChannel<unknown, E>(name);
    this.start = start;
    this.end = end;
    this.asyncStart = asyncStart;
    this.asyncEnd = asyncEnd;
    this.error = error;
  }

  /** Whether there is a subscriber. */
  get hasSubscribers(): boolean {
    return this.start.hasSubscribers || this.end.hasSubscribers || this.asyncEnd.hasSubscribers ||
      this.error.hasSubscribers || this.asyncStart.hasSubscribers;
  }
}

/** Calls on connections. */
export const queries: TraceChannels<QueryEvent> = new TraceChannels("pyro:query");
/** The opening of connections. */
export const connects: TraceChannels<ConnectEvent> = new TraceChannels("pyro:connect");
/** Waiting for a connection of a pool. */
export const acquires: TraceChannels<AcquireEvent> = new TraceChannels("pyro:acquire");

/** Publishes one event, from its beginning to its end. */
export class ChannelSpan<E extends TraceEvent> implements Span {
  readonly event: Writable<E>;
  readonly #channels: TraceChannels<E>;
  readonly #awaits: boolean;
  #began = 0;

  /** `awaits`: whether it ends later than the function that begins it. */
  constructor(channels: TraceChannels<E>, event: Writable<E>, awaits: boolean) {
    this.#channels = channels;
    this.event = event;
    this.#awaits = awaits;
  }

  /** Begins, in the contexts that subscribers have bound to the channel. */
  start<T>(work: () => T): T {
    const { start, end } = this.#channels;
    this.#began = now();
    try {
      return start.runStores(this.event as E, work);
    } finally {
      if (this.#awaits) end.publish(this.event as E);
    }
  }

  /** Ends after success. */
  succeed(): void {
    this.event.duration = now() - this.#began;
    this.#publishEnd();
  }

  /** Ends after a failure. */
  fail(error: unknown): void {
    this.event.duration = now() - this.#began;
    this.event.error = error;
    this.#channels.error.publish(this.event as E);
    this.#publishEnd();
  }

  #publishEnd(): void {
    const { end, asyncStart, asyncEnd } = this.#channels;
    if (!this.#awaits) return end.publish(this.event as E);
    asyncStart.publish(this.event as E);
    asyncEnd.publish(this.event as E);
  }
}

/**
 * Runs work that is awaited, and publishes it if there is a subscriber. `make` then makes the event,
 * which the work may complete.
 */
export function publishSpan<E extends TraceEvent, T>(
  channels: TraceChannels<E>,
  make: () => Writable<E>,
  work: (event: Writable<E> | undefined) => Promise<T>,
): Promise<T> {
  if (!channels.hasSubscribers) return work(undefined);
  const trace = new ChannelSpan(channels, make(), true);
  return runInSpan(trace, () => work(trace.event));
}

/** The same for work that blocks. */
export function publishSpanBlocking<E extends TraceEvent, T>(
  channels: TraceChannels<E>,
  make: () => Writable<E>,
  work: (event: Writable<E> | undefined) => T,
): T {
  if (!channels.hasSubscribers) return work(undefined);
  const trace = new ChannelSpan(channels, make(), false);
  return runInSpanBlocking(trace, () => work(trace.event));
}
