/** The pool of connections that await. */
import { closeTimeout, parseOptions } from "../../connection/arguments.ts";
import type { CloseOptions } from "../../connection/call_options.ts";
import { settingsOf } from "../../options/opts.ts";
import { type Target, targetOpts } from "../../options/target.ts";
import { variable } from "../../runtime/runtime.ts";
import type { ConnectionError } from "../../errors.ts";
import type { PoolLeak } from "../leak_detector.ts";
import { type PoolLimits, poolOpts } from "../limits.ts";
import type { PoolStats } from "../pool_state.ts";
import { printMembers } from "../../inspection.ts";
import type { SqlTemplate } from "../../sql/template.ts";
import type { Conn } from "../../async/conn.ts";
import type { CallOptions, CopyOptions, ListenOptions } from "../../async/options.ts";
import { PoolCalls } from "./pool_calls.ts";
import { PoolExecutor } from "./pool_executor.ts";
import { PoolListener } from "./pool_listener.ts";
import type { PoolConn } from "./pool_conn.ts";
import { PoolManager } from "./pool_manager.ts";
import type { PoolNotifications } from "./pool_notifications.ts";
import { PoolStream } from "./pool_stream.ts";
import { PooledConn } from "./pooled_conn.ts";

/** Options of a pool. Its limits override those of the target's `Opts`. */
export interface PoolOptions extends PoolLimits {
  /**
   * Called with each new connection before its first use, to set up the session. If it throws,
   * connecting has failed.
   */
  readonly onConnect?: ((conn: Conn) => void | Promise<void>) | undefined;
  /**
   * Called with each released connection after the clean-up, for example to reset it. If it returns
   * `false` or throws, the connection is closed.
   */
  readonly onRelease?: ((conn: Conn) => boolean | void | Promise<boolean | void>) | undefined;
  /**
   * Called once for each connection that is closed, or lost, with the error, even while it is idle. Errors that it
   * throws are ignored.
   */
  readonly onClose?: ((conn: Conn, error?: ConnectionError) => void) | undefined;
  /** Called for each connection that is not released. Without it, there is a warning. */
  readonly onLeak?: ((leak: PoolLeak) => void) | undefined;
}

/**
 * Connections to one database, opened when they are needed, and reused: for servers, where many callers
 * must not share a session.
 *
 * Each call takes a connection, and releases it when it ends; `tx` and `acquire` keep one for longer.
 * Callers that find none wait, first come, first served. A lost connection is replaced; a statement
 * that was not sent because of the loss is sent on another one.
 *
 * @example
 * ```ts
 * import { Pool } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await using pool = new Pool("pg://", { poolMaxConcurrency: 5 });
 * const squares = await Promise.all([1, 2, 3].map((n) => pool.execValue("select $1::int4 * $1", [n])));
 * assert.deepEqual(squares, [1, 4, 9]);
 * ```
 *
 * @example A transaction
 * ```ts
 * import { Pool } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await using pool = new Pool("pg://");
 * const pids = await pool.tx(async (tx) => [
 *   await tx.execValue("select pg_backend_pid()"),
 *   await tx.execValue("select pg_backend_pid()"),
 * ]);
 * assert.equal(pids[0], pids[1]);
 * ```
 */
export class Pool extends PoolExecutor implements AsyncDisposable {
  readonly #manager: PoolManager;
  readonly #calls: PoolCalls;
  readonly #listener: PoolListener;

  /**
   * Makes a pool. The first call opens the first connection.
   *
   * @param target The server to connect to, as for `Conn.connect`.
   * @param options Limits and callbacks.
   * @throws {UsageError} If the target or an option is malformed.
   */
  constructor(target?: Target, options?: PoolOptions) {
    const given = targetOpts(target, variable);
    const { opts, name, limits } = poolOpts(given, options, ["onConnect", "onRelease", "onClose", "onLeak"]);
    const { onConnect, onRelease, onClose, onLeak } = options ?? {};
    const manager = new PoolManager(name, settingsOf(opts), limits, {
      onConnect: (conn) => {
        if (onClose !== undefined) {
          const { handlers } = (conn as PoolConn).opened.state;
          handlers.pool.onClose = (...error) => onClose(conn, ...error);
        }
        return onConnect?.(conn);
      },
      onRelease,
      onLeak,
    });
    const calls = new PoolCalls(manager);
    super(calls);
    this.#manager = manager;
    this.#calls = calls;
    this.#listener = new PoolListener(this.#manager);
  }

  static {
    printMembers<Pool>(this.prototype, (pool) => ({ name: pool.#manager.name, ...pool.stats() }));
  }

  /** Whether the pool was closed. Its calls then fail. */
  get closed(): boolean {
    return this.#manager.closed;
  }

  /** Counts of connections and callers, now and so far. */
  stats(): PoolStats {
    return this.#manager.stats;
  }

  /**
   * Opens connections until `poolMinIdle` of them are idle, at least one: to have them before the first caller comes,
   * and to learn at once whether the server can be reached.
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
   * Takes a connection, for the caller alone until it is released.
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
    const { opened, end } = this.#manager.lease(entry, acquiredAt);
    return new PooledConn(opened, () => {
      end();
      return this.#manager.release(entry);
    });
  }

  /** As `Conn.copyOut`, on any connection, which is taken when the stream is first read. */
  copyOut(sql: string | SqlTemplate, options?: CopyOptions): ReadableStream<Uint8Array<ArrayBuffer>> {
    const acquiredAt = new Error("copied from the pool here");
    const chunks = new PoolStream(() =>
      this.#calls.openSource(options, acquiredAt, (conn) => conn.copyOut(sql, options).values())
    );
    return new ReadableStream({
      async pull(controller): Promise<void> {
        const { done, value } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: () => chunks[Symbol.asyncDispose](),
    }, { highWaterMark: 0 });
  }

  /**
   * Listens to a channel, on a separate connection that `poolMaxConcurrency` does not count. If it is
   * lost, the pool replaces it, and the listener gets `{ channel, gap: true }`: notifications sent
   * meanwhile are lost. While a server that was reached before is down, the call waits for it, at most
   * `poolAcquireTimeout`.
   *
   * @example
   * ```ts
   * import { Pool } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using pool = new Pool("pg://");
   * await using news = await pool.listen("news");
   * await pool.notify("news", "hello");
   * for await (const notification of news) {
   *   if (notification.gap) continue; // whatever was missed has to be looked for
   *   assert.equal(notification.payload, "hello");
   *   break;
   * }
   * ```
   */
  listen(channel: string, options?: ListenOptions): Promise<PoolNotifications> {
    return this.#listener.listen(channel, options);
  }

  /** As `Conn.reloadTypes`, for all of its connections. */
  reloadTypes(): void {
    this.#manager.reloadTypes();
  }

  /**
   * Replaces all connections, for example after a change of settings that only new sessions see: idle
   * ones are closed now, those in use when they are released. Resolves when the idle ones are closed.
   */
  drain(): Promise<void> {
    return this.#manager.drain();
  }

  /**
   * Closes the pool. Calls already made may finish within `timeout`, including those that wait for a
   * connection; the rest are then cut off. Idempotent.
   */
  async close(options?: CloseOptions): Promise<void> {
    const closing = this.#manager.close(closeTimeout(options));
    await Promise.all([closing, this.#listener.close()]);
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
