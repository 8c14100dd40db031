/** The options of pools. */
import { SecurityOpts } from "./security_opts.ts";
import { set } from "./server_opts.ts";

/** The setters of {@linkcode Opts} for the limits of pools. */
export abstract class PoolOpts extends SecurityOpts {
  /**
   * The maximum number of idle connections of a pool. Default: `poolMaxConcurrency`.
   *
   * @throws {UsageError} If it is not an integer from 0 to 1 000 000.
   */
  poolMaxIdleConn(count: number): this {
    return set(this, "poolMaxIdleConn", count);
  }

  /**
   * The maximum number of connections of a pool. Default: 10.
   *
   * @throws {UsageError} If it is not an integer from 1 to 1 000 000.
   */
  poolMaxConcurrency(count: number): this {
    return set(this, "poolMaxConcurrency", count);
  }

  /**
   * How many idle connections a pool keeps ready once it is in use, within the other two limits.
   * Default: 0.
   *
   * @throws {UsageError} If it is not an integer from 0 to 1 000 000.
   */
  poolMinIdle(count: number): this {
    return set(this, "poolMinIdle", count);
  }

  /**
   * A pool closes connections that were idle for this time, in milliseconds; 0 is no limit. It keeps `poolMinIdle` of
   * them open. Default: 600 000, ten minutes.
   *
   * @throws {UsageError} If it is not an integer from 0 to 2^31-1.
   */
  poolIdleTimeout(milliseconds: number): this {
    return set(this, "poolIdleTimeout", milliseconds);
  }

  /**
   * A pool closes connections after this time, in milliseconds; 0 is no limit. It never closes one in
   * use. Each connection's time is up to a tenth shorter, at random, so that not all are closed at
   * once. Default: 3 600 000, one hour.
   *
   * @throws {UsageError} If it is not an integer from 0 to 2^31-1.
   */
  poolMaxLifetime(milliseconds: number): this {
    return set(this, "poolMaxLifetime", milliseconds);
  }

  /**
   * How often a pool hands out a connection before it closes it, when it is released; 0 is no limit. Of callers that
   * share a connection, each counts. Default: 0.
   *
   * @throws {UsageError} If it is not an integer from 0 to 1 000 000.
   */
  poolMaxUses(count: number): this {
    return set(this, "poolMaxUses", count);
  }

  /**
   * How long a caller waits for a connection of a pool, in milliseconds, before it gets a `TimeoutError`; 0 is no
   * limit. A call's `timeout` may be shorter. Default: 30 000.
   *
   * @throws {UsageError} If it is not an integer from 0 to 2^31-1.
   */
  poolAcquireTimeout(milliseconds: number): this {
    return set(this, "poolAcquireTimeout", milliseconds);
  }

  /**
   * The maximum number of callers that wait for a connection of a pool; others get a `ConnectionError`
   * at once. Default: no limit.
   *
   * @throws {UsageError} If it is not an integer from 0 to 1 000 000.
   */
  poolMaxWaiting(count: number): this {
    return set(this, "poolMaxWaiting", count);
  }

  /**
   * A connection that was taken from a pool (by `acquire`, or for a stream) is reported after this
   * time, in milliseconds, with the place where it was taken, if it is not released; 0 is never.
   * Default: 0.
   *
   * @throws {UsageError} If it is not an integer from 0 to 2^31-1.
   */
  poolLeakTimeout(milliseconds: number): this {
    return set(this, "poolLeakTimeout", milliseconds);
  }

  /**
   * The maximum number of callers of a pool that share a connection when all are in use, or when they call at the
   * same time: each with one `select` known to be quick, together at most 10 ms of work (1 ms if other connections
   * are idle). Sending them together is several times as fast, but a statement that is unexpectedly slow delays those
   * after it. Calls with a `timeout` or `signal` never share. With 1, no call does. Default: 16.
   *
   * @throws {UsageError} If it is not an integer from 1 to 1000.
   */
  poolMaxPipelined(count: number): this {
    return set(this, "poolMaxPipelined", count);
  }
}
