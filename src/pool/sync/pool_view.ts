/** A view of a pool that blocks: the statements that it executes on the hosts that a target names. */
import { parseOptions } from "../../connection/arguments.ts";
import type { CallOptions, CopyOptions } from "../../connection/call_options.ts";
import type { PoolStats } from "../pool_state.ts";
import type { SqlTemplate } from "../../sql/template.ts";
import type { ConnectionSource } from "./connection_source.ts";
import { PoolCalls } from "./pool_calls.ts";
import { PoolExecutor } from "./pool_executor.ts";
import { PoolStream } from "./pool_stream.ts";
import { PooledConn } from "./pooled_conn.ts";

/**
 * A view of a pool, from `Pool.withTarget`: it executes statements on the hosts of a pool that match a target, such as its
 * standbys. It shares the limits, the callbacks and the counts of the pool, and is closed with it. A `Pool` is a view
 * of itself.
 *
 * @example
 * ```ts
 * import { Pool, type PoolView } from "@x/pyro/sync";
 * import assert from "node:assert/strict";
 *
 * const count = (pool: PoolView) => pool.execValue("select count(*) from generate_series(1, 3)");
 *
 * using pool = new Pool("pg://");
 * assert.equal(count(pool.withTarget("prefer-standby")), 3n);
 * assert.equal(count(pool), 3n);
 * ```
 */
export class PoolView extends PoolExecutor {
  readonly #source: ConnectionSource;
  readonly #calls: PoolCalls;

  /** Internal: `Pool.withTarget` makes views. */
  constructor(source: ConnectionSource, primary: () => ConnectionSource) {
    const calls = new PoolCalls(source, primary);
    super(calls);
    this.#source = source;
    this.#calls = calls;
  }

  /** Whether the pool was closed. Its calls then fail. */
  get closed(): boolean {
    return this.#source.closed;
  }

  /** Counts of connections and callers, now and so far. */
  stats(): PoolStats {
    return this.#source.stats;
  }

  /**
   * Opens connections until `poolMinIdle` of them, but at least one, are idle or in use. So they are open before the
   * first call needs one, and the program learns at once whether the server can be reached.
   *
   * @param options Without effect, since there is nothing to wait for.
   * @throws {ConnectionError} If the server cannot be reached, or the pool is closed.
   * @throws {ServerError} If the server refuses the session, such as for a wrong password.
   *
   * @example
   * ```ts
   * import { Pool } from "@x/pyro/sync";
   * import assert from "node:assert/strict";
   *
   * using pool = new Pool("pg://", { poolMinIdle: 2 });
   * pool.ready();
   * assert.ok(pool.stats().idle >= 2);
   * ```
   */
  ready(options?: CallOptions): void {
    parseOptions(options, { action: "open connections", awaits: false });
    this.#source.ready();
  }

  /**
   * Takes a connection. Only the caller uses it until it is released.
   *
   * @param options `timeout`: how long to wait for the server, or for a position, in milliseconds.
   * @throws {TimeoutError} If there is no connection in time; its `cause` is the failure to connect.
   * @throws {UsageError} If all connections are in use.
   * @throws {ConnectionError} If the pool is closed, or the server cannot be reached.
   * @throws {ServerError} If the server refuses the session.
   *
   * @example
   * ```ts
   * import { Pool } from "@x/pyro/sync";
   * import assert from "node:assert/strict";
   *
   * using pool = new Pool("pg://");
   * using conn = pool.acquire({ timeout: 5000 });
   * using pipeline = conn.pipeline();
   * const ticket = pipeline.exec("select 1 as n");
   * assert.deepEqual(pipeline.claimOne(ticket), { n: 1 });
   * ```
   */
  acquire(options?: CallOptions): PooledConn {
    parseOptions(options, { action: "acquire a connection", awaits: false });
    const acquiredAt = new Error("taken from the pool here");
    const entry = this.#source.acquire(options?.timeout);
    const { opened, end } = this.#source.lease(entry, acquiredAt);
    return new PooledConn(opened, () => {
      end();
      this.#source.release(entry);
    });
  }

  /** As `Conn.copyOut`, on any connection, which is taken when the stream is first read. */
  copyOut(sql: string | SqlTemplate, options?: CopyOptions): PoolStream<Uint8Array<ArrayBuffer>> {
    const acquiredAt = new Error("copied from the pool here");
    return new PoolStream(() => this.#calls.openSource(options, acquiredAt, (conn) => conn.copyOut(sql, options)));
  }
}
