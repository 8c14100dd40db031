/**
 * The numbers of a pool's connections.
 *
 * Source: OpenTelemetry semantic conventions, "Database client metrics", connection pools.
 */
import type { Attributes, Meter, ObservableResult } from "./interfaces.ts";

/** How many connections a pool has, and how many callers wait for one. */
export interface PoolStats {
  /** Open, and lent to nobody. */
  readonly idle: number;
  /** Lent to somebody. */
  readonly leased: number;
  /** How many callers wait. */
  readonly waiting: number;
  /** How many may be open. */
  readonly max: number;
}

/** A pool whose connections are counted. */
export interface MeasuredPool {
  /** Its numbers; asked for whenever metrics are collected. */
  stats(): PoolStats;
}

/** Answers for a pool of that name until it is disposed of. */
export function measurePool(meter: Meter, name: string, pool: MeasuredPool): Disposable {
  const attributes = { "db.client.connection.pool.name": name };
  const stack = new DisposableStack();
  const measure = (of: string, unit: string, description: string, values: Values): void => {
    const instrument = meter.createObservableUpDownCounter(`db.client.connection.${of}`, { unit, description });
    const answer = (result: ObservableResult): void => {
      for (const [value, more] of values(pool.stats())) result.observe(value, { ...attributes, ...more });
    };
    instrument.addCallback(answer);
    stack.defer(() => instrument.removeCallback(answer));
  };
  measure("count", "{connection}", "The number of connections, by their state.", ({ idle, leased }) => [
    [idle, { "db.client.connection.state": "idle" }],
    [leased, { "db.client.connection.state": "used" }],
  ]);
  measure("max", "{connection}", "The maximum number of open connections allowed.", ({ max }) => [[max, {}]]);
  measure("pending_requests", "{request}", "The number of callers that wait for a connection.", ({ waiting }) => [
    [waiting, {}],
  ]);
  return stack;
}

type Values = (stats: PoolStats) => readonly (readonly [number, Attributes])[];
