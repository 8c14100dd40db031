/** The pool of connections that block. */
import { closeTimeout, parseOptions, withRemainingTime } from "../../connection/arguments.ts";
import { poolSettings } from "../../connection/strictness.ts";
import { type Target, targetOpts } from "../../options/target.ts";
import { now } from "../../runtime/clock.ts";
import { variable } from "../../runtime/runtime.ts";
import type { CallOptions, CloseOptions, ListenOptions } from "../../connection/call_options.ts";
import { channelName } from "../../features/listen.ts";
import { settingsOf } from "../../options/opts.ts";
import type { TargetSessionAttrs } from "../../options/settings.ts";
import type { ConnectionError } from "../../errors.ts";
import type { PoolLeak } from "../leak_detector.ts";
import { type PoolLimits, poolOpts } from "../limits.ts";
import type { PoolStats } from "../pool_state.ts";
import { printMembers } from "../../inspection.ts";
import type { TargetOptions } from "../view_options.ts";
import type { Conn } from "../../sync/conn.ts";
import type { PoolConn } from "./pool_conn.ts";
import { PoolNotifications } from "./pool_notifications.ts";
import { PoolView } from "./pool_view.ts";
import { PoolViews } from "./pool_views.ts";

/** Options of a pool. Its limits override those of the target's `Opts`. */
export interface PoolOptions extends PoolLimits {
  /**
   * Called with each new connection before its first use, to set up the session. If it throws, connecting has failed;
   * what it returns does not matter, but must not be a promise. Default: none.
   */
  readonly onConnect?: ((conn: Conn) => unknown) | undefined;
  /**
   * Called with each released connection after the pool has cleaned the session up, for example to reset it. If it
   * returns `false` or throws, the connection is closed. It must not return a promise. Default: none.
   */
  readonly onRelease?: ((conn: Conn) => unknown) | undefined;
  /**
   * Called once for each connection when it is closed, or, with the error, when it is lost, even while it is idle.
   * Errors that it throws are ignored. Default: none.
   */
  readonly onClose?: ((conn: Conn, error?: ConnectionError) => void) | undefined;
  /**
   * Called for each connection that is not released: one that is garbage-collected, or that is in use for longer than
   * `poolLeakTimeout`. Without it, there is a warning.
   */
  readonly onLeak?: ((leak: PoolLeak) => void) | undefined;
}

/**
 * Connections to one database, which are opened when they are needed, and reused.
 *
 * Each call takes a connection, and releases it when it ends; `acquire` takes one until you release it. A lost
 * connection is replaced; a statement that was not sent because of the loss is sent on another connection. Since
 * nothing else runs on the thread, no caller ever waits for a connection, and nothing happens between calls:
 * `poolAcquireTimeout`, `poolMaxWaiting`, `poolMinIdle` and `poolMaxPipelined` have no effect.
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
export class Pool extends PoolView implements Disposable {
  readonly #views: PoolViews;

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
    const views = new PoolViews(name, poolSettings(settingsOf(opts)), limits, {
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
    super(views.main, () => views.primary);
    this.#views = views;
  }

  static {
    printMembers<Pool>(this.prototype, (pool) => ({ name: pool.#views.main.name, ...pool.stats() }));
  }

  /** Counts of connections and callers, including those of the pool's views. */
  override stats(): PoolStats {
    return this.#views.stats;
  }

  /** As `Conn.position`, on the primary: the position of a standby could be older than what the pool has written. */
  override position(options?: CallOptions): string {
    const { main, primary } = this.#views;
    return primary === main ? super.position(options) : new PoolView(primary, () => primary).position(options);
  }

  /**
   * Returns a view of the pool, which uses only the hosts of its list that match the target: `"primary"`,
   * `"standby"`, `"prefer-standby"` (a standby, and the primary if there is none), `"read-write"`, `"read-only"` or
   * `"any"`. The view shares the limits and the callbacks of the pool. Its connections are spread over the matching
   * hosts; a host that fails, or that no longer matches, is not used until it matches again. You need not keep views:
   * all views with the same target use the same connections.
   *
   * With `after`, the view's statements see everything that was committed up to that position: they are executed on a
   * standby that has replayed it, and on the primary if no standby has done so within `wait` milliseconds.
   *
   * @throws {UsageError} If the target or an option is none of these.
   *
   * @example Reading one's own writes from a standby
   * ```ts
   * import { Pool } from "@x/pyro/sync";
   * import assert from "node:assert/strict";
   *
   * using pool = new Pool("pg://");
   * pool.queryDrop("create table if not exists note (text text)");
   * pool.execDrop("insert into note values ($1)", ["hello"]);
   * const after = pool.position();
   * const reader = pool.withTarget("prefer-standby", { after, wait: 100 });
   * assert.equal(reader.execValue("select exists (select from note where text = 'hello')"), true);
   * ```
   */
  withTarget(target: TargetSessionAttrs, options?: TargetOptions): PoolView {
    return new PoolView(this.#views.source(target, options), () => this.#views.primary);
  }

  /**
   * Listens to a channel, on a separate connection that `poolMaxConcurrency` does not count. If that connection is
   * lost, the pool replaces it, and the listener gets `{ channel, gap: true }`: notifications sent meanwhile are
   * lost.
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
    return new PoolNotifications(name, deadline?.timeout ?? 0, (timeout, by) => {
      const conn = this.#views.main.openListenConnection(by);
      try {
        return { conn, notifications: conn.listen(name, withRemainingTime({ timeout }, by - timeout, now)) };
      } catch (error) {
        conn.close();
        throw error;
      }
    });
  }

  /** As `Conn.reloadTypes`, for all connections of the pool. */
  reloadTypes(): void {
    this.#views.reloadTypes();
  }

  /**
   * Replaces all connections, for example after a change of settings that only new sessions see: idle
   * ones are closed now, those in use when they are released.
   */
  drain(): void {
    this.#views.drain();
  }

  /**
   * Closes the pool, and the connections that are in use. Idempotent. `timeout` has no effect, since there are no
   * calls to wait for.
   */
  close(options?: CloseOptions): void {
    closeTimeout(options);
    this.#views.close();
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    return this.close();
  }
}
