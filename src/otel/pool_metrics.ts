/**
 * The metrics of pools.
 *
 * Source: OpenTelemetry semantic conventions, "Database client metrics", connection pools.
 */
import type { Attributes, Meter, ObservableResult } from "./interfaces.ts";

/** How many connections a pool has, and how many callers wait for one. */
export interface PoolStats {
  /** The number of open connections that no caller uses. */
  readonly idle: number;
  /** The number of connections in use. */
  readonly leased: number;
  /** The number of waiting callers. */
  readonly waiting: number;
  /** The maximum number of connections. */
  readonly max: number;
}

/** A pool whose connections are counted. */
export interface MeasuredPool {
  /** Its numbers. Called whenever metrics are collected. */
  stats(): PoolStats;
}

/** Reports a pool's numbers under that name, each until it is disposed of. */
export function measurePool(meter: Meter, name: string, pool: MeasuredPool): Disposable[] {
  const attributes = { "db.client.connection.pool.name": name };
  const measure = (of: string, unit: string, description: string, values: Values): Disposable => {
    const instrument = meter.createObservableUpDownCounter(`db.client.connection.${of}`, { unit, description });
    const answer = (result: ObservableResult): void => {
      for (const [value, more] of values(pool.stats())) result.observe(value, { ...attributes, ...more });
    };
    instrument.addCallback(answer);
    return { [Symbol.dispose]: () => instrument.removeCallback(answer) };
  };
  return [
    measure("count", "{connection}", "The number of connections, by their state.", ({ idle, leased }) => [
      [idle, { "db.client.connection.state": "idle" }],
      [leased, { "db.client.connection.state": "used" }],
    ]),
    measure("max", "{connection}", "The maximum number of open connections allowed.", ({ max }) => [[max, {}]]),
    measure("pending_requests", "{request}", "The number of callers that wait for a connection.", ({ waiting }) => [
      [waiting, {}],
    ]),
  ];
}

type Values = (stats: PoolStats) => readonly (readonly [number, Attributes])[];
