/** A view of a pool: the statements that it executes on the hosts that a target names. */
import { parseOptions } from "../../connection/arguments.ts";
import type { PoolStats } from "../pool_state.ts";
import type { SqlTemplate } from "../../sql/template.ts";
import { iterable } from "../../async/copy_stream.ts";
import type { CallOptions, CopyOptions } from "../../async/options.ts";
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
 * import { Pool, type PoolView } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * const count = (pool: PoolView) => pool.execValue("select count(*) from generate_series(1, 3)");
 *
 * await using pool = new Pool("pg://");
 * assert.equal(await count(pool.withTarget("prefer-standby")), 3n);
 * assert.equal(await count(pool), 3n);
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
   * Opens connections until `poolMinIdle` of them, but at least one, are idle, or as many as there is room for. So they
   * are open before the first caller needs one, and the program learns at once whether the server can be reached.
   *
   * @param options As for {@linkcode Pool.acquire}.
   * @throws {ConnectionError} If the server cannot be reached, or the pool is closed.
   * @throws {ServerError} If the server refuses the session, such as for a wrong password.
   *
   * @example
   * ```ts
   * import { Pool } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using pool = new Pool("pg://", { poolMinIdle: 2 });
   * await pool.ready();
   * assert.ok(pool.stats().idle >= 2);
   * ```
   */
  async ready(options?: CallOptions): Promise<void> {
    parseOptions(options, { action: "open connections", awaits: true });
    await this.#calls.ready(options);
  }

  /**
   * Takes a connection. Only the caller uses it until it is released.
   *
   * @param options `timeout`: how long to wait, in milliseconds, if shorter than `poolAcquireTimeout`.
   *   `signal`: ends the wait when it aborts.
   * @throws {TimeoutError} If no connection was free in time. If the server could not be reached, its `cause` is the reason.
   * @throws {ConnectionError} If `poolMaxWaiting` callers wait already, if the pool is closed, or if the server was never reached.
   * @throws {ServerError} If the server refuses the session.
   *
   * @example
   * ```ts
   * import { Pool } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using pool = new Pool("pg://");
   * await using conn = await pool.acquire({ timeout: 5000 });
   * await using pipeline = conn.pipeline();
   * const ticket = pipeline.exec("select 1 as n");
   * assert.deepEqual(await pipeline.claimOne(ticket), { n: 1 });
   * ```
   */
  async acquire(options?: CallOptions): Promise<PooledConn> {
    parseOptions(options, { action: "acquire a connection", awaits: true });
    const acquiredAt = new Error("taken from the pool here");
    const entry = await this.#calls.acquire(options);
    const { opened, end } = this.#source.lease(entry, acquiredAt);
    return new PooledConn(opened, () => {
      end();
      return this.#source.release(entry);
    });
  }

  /** As `Conn.copyOut`, on any connection, which is taken when the stream is first read. */
  copyOut(sql: string | SqlTemplate, options?: CopyOptions): ReadableStream<Uint8Array<ArrayBuffer>> {
    const acquiredAt = new Error("copied from the pool here");
    const chunks = new PoolStream(() =>
      this.#calls.openSource(options, acquiredAt, (conn) => conn.copyOut(sql, options).values())
    );
    return iterable(
      new ReadableStream({
        async pull(controller): Promise<void> {
          const { done, value } = await chunks.next();
          if (done) controller.close();
          else controller.enqueue(value);
        },
        cancel: () => chunks[Symbol.asyncDispose](),
      }, { highWaterMark: 0 }),
    );
  }
}
