/** The pool of connections that block. */
import { closeTimeout, parseOptions } from "../../connection/arguments.ts";
import type { CallOptions, CloseOptions, CopyOptions, ListenOptions } from "../../connection/call_options.ts";
import { channelName } from "../../features/listen.ts";
import { settingsOf } from "../../options/opts.ts";
import { type Target, targetOpts } from "../../options/target.ts";
import { variable } from "../../runtime/runtime.ts";
import type { ConnectionError } from "../../errors.ts";
import type { PoolLeak } from "../leak_detector.ts";
import { type PoolLimits, poolOpts } from "../limits.ts";
import type { PoolStats } from "../pool_state.ts";
import { printMembers } from "../../inspection.ts";
import type { SqlTemplate } from "../../sql/template.ts";
import type { Conn } from "../../sync/conn.ts";
import { PoolCalls } from "./pool_calls.ts";
import { PoolExecutor } from "./pool_executor.ts";
import type { PoolConn } from "./pool_conn.ts";
import { PoolManager } from "./pool_manager.ts";
import { PoolNotifications } from "./pool_notifications.ts";
import { PoolStream } from "./pool_stream.ts";
import { PooledConn } from "./pooled_conn.ts";

/** Options of a pool. Its limits override those of the target's `Opts`. */
export interface PoolOptions extends PoolLimits {
  /**
   * Called with each new connection before its first use, to set up the session. If it throws,
   * connecting has failed.
   */
  readonly onConnect?: ((conn: Conn) => void) | undefined;
  /**
   * Called with each released connection after the clean-up, for example to reset it. If it returns
   * `false` or throws, the connection is closed.
   */
  readonly onRelease?: ((conn: Conn) => boolean | void) | undefined;
  /**
   * Called once for each connection that is closed, or lost, with the error, even while it is idle. Errors that it
   * throws are ignored.
   */
  readonly onClose?: ((conn: Conn, error?: ConnectionError) => void) | undefined;
  /** Called for each connection that is not released. Without it, there is a warning. */
  readonly onLeak?: ((leak: PoolLeak) => void) | undefined;
}

/**
 * Connections to one database, opened when they are needed, and reused.
 *
 * Each call takes a connection, and releases it when it ends; `tx` and `acquire` keep one for longer. A
 * lost connection is replaced; a statement that was not sent because of the loss is sent on another
 * one. Since nothing else runs on the thread, no caller ever waits for a connection, and nothing
 * happens between calls: `poolAcquireTimeout`, `poolMaxWaiting`, `poolMinIdle` and `poolMaxPipelined`
 * have no effect.
 *
 * @example
 * ```ts
 * import { Pool } from "@x/pyro/sync";
 * import assert from "node:assert/strict";
 *
 * using pool = new Pool("pg://", { poolMaxConcurrency: 5 });
 * const squares = [1, 2, 3].map((n) => pool.execValue("select $1::int4 * $1", [n]));
 * assert.deepEqual(squares, [1, 4, 9]);
 * ```
 *
 * @example A transaction
 * ```ts
 * import { Pool } from "@x/pyro/sync";
 * import assert from "node:assert/strict";
 *
 * using pool = new Pool("pg://");
 * const pids = pool.tx((tx) => [
 *   tx.execValue("select pg_backend_pid()"),
 *   tx.execValue("select pg_backend_pid()"),
 * ]);
 * assert.equal(pids[0], pids[1]);
 * ```
 */
export class Pool extends PoolExecutor implements Disposable {
  readonly #manager: PoolManager;
  readonly #calls: PoolCalls;

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
      onRelease: (conn) => onRelease?.(conn),
      onLeak,
    });
    const calls = new PoolCalls(manager);
    super(calls);
    this.#manager = manager;
    this.#calls = calls;
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
   * and to learn at once whether the server can be reached. Connections in use count.
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
    this.#manager.ready();
  }

  /**
   * Takes a connection, for the caller alone until it is released.
   *
   * @param options Without effect, since there is nothing to wait for.
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
    const entry = this.#manager.acquire();
    const { opened, end } = this.#manager.lease(entry, acquiredAt);
    return new PooledConn(opened, () => {
      end();
      this.#manager.release(entry);
    });
  }

  /** As `Conn.copyOut`, on any connection, which is taken when the stream is first read. */
  copyOut(sql: string | SqlTemplate, options?: CopyOptions): PoolStream<Uint8Array<ArrayBuffer>> {
    const acquiredAt = new Error("copied from the pool here");
    return new PoolStream(() => this.#calls.openSource(options, acquiredAt, (conn) => conn.copyOut(sql, options)));
  }

  /**
   * Listens to a channel, on a separate connection that `poolMaxConcurrency` does not count. If it is
   * lost, the pool replaces it, and the listener gets `{ channel, gap: true }`: notifications sent
   * meanwhile are lost.
   *
   * @param options With `timeout`, the iteration ends after that many milliseconds without a
   *   notification.
   *
   * @example
   * ```ts
   * import { Pool } from "@x/pyro/sync";
   * import assert from "node:assert/strict";
   *
   * using pool = new Pool("pg://");
   * using news = pool.listen("news");
   * pool.notify("news", "hello");
   * for (const notification of news) {
   *   if (notification.gap) continue; // whatever was missed has to be looked for
   *   assert.equal(notification.payload, "hello");
   *   break;
   * }
   * ```
   */
  listen(channel: string, options?: ListenOptions): PoolNotifications {
    const name = channelName(channel);
    const { deadline } = parseOptions(options, { action: "listen", awaits: false });
    return new PoolNotifications(name, deadline?.timeout ?? 0, (timeout) => {
      const conn = this.#manager.openListenConnection();
      try {
        return { conn, notifications: conn.listen(name, { timeout }) };
      } catch (error) {
        conn.close();
        throw error;
      }
    });
  }

  /** As `Conn.reloadTypes`, for all of its connections. */
  reloadTypes(): void {
    this.#manager.reloadTypes();
  }

  /**
   * Replaces all connections, for example after a change of settings that only new sessions see: idle
   * ones are closed now, those in use when they are released.
   */
  drain(): void {
    return this.#manager.drain();
  }

  /**
   * Closes the pool, and the connections that are in use. Idempotent. There are no calls to wait for.
   */
  close(options?: CloseOptions): void {
    closeTimeout(options);
    this.#manager.close();
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    return this.close();
  }
}
