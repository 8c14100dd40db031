/** The connection that blocks: one-line methods over the shared core. */
import { closeTimeout } from "../connection/arguments.ts";
import { CallContext } from "../connection/call_context.ts";
import * as sessionCalls from "../connection/session_calls.ts";
import type { SyncLink } from "../run/sync_link.ts";
import type { NotificationQueue } from "../features/listen.ts";
import type { Target } from "../options/target.ts";
import type { CallOptions, CloseOptions, ListenOptions } from "../connection/call_options.ts";
import { Executor } from "./executor.ts";
import { Notifications } from "./notifications.ts";
import { OpenedConnection } from "./opened.ts";
import { transactionOf } from "./transaction.ts";

/**
 * A connection to a PostgreSQL server: one session. Every method returns when the server has answered; nothing else
 * runs on the thread meanwhile.
 *
 * Methods throw a `ServerError` if the server refuses a statement; the connection then stays usable. Once the
 * connection is closed or lost, they throw a `ConnectionError`.
 *
 * @example A query with a parameter
 * ```ts
 * import { Conn } from "@x/pyro/sync";
 * import assert from "node:assert/strict";
 *
 * using conn = new Conn("pg://");
 * const rows = conn.exec("select n, n * n as square from generate_series(1, $1) as n", [3]);
 * assert.deepEqual(rows, [{ n: 1, square: 1 }, { n: 2, square: 4 }, { n: 3, square: 9 }]);
 * ```
 *
 * @example One value
 * ```ts
 * import { Conn } from "@x/pyro/sync";
 * import assert from "node:assert/strict";
 *
 * using conn = new Conn("pg://");
 * assert.equal(conn.execValue("select count(*) from generate_series(1, $1)", [10]), 10n);
 * ```
 */
export class Conn extends Executor implements Disposable {
  readonly #context: CallContext;
  readonly #link: SyncLink;

  /**
   * Connects.
   *
   * @param target A URL (`pg://user:password@host:port/database?key=value`), a `URL`, `Opts`, a libpq keyword/value
   *   string, or a plain object whose keys are the names of the setters of `Opts`. Default: the URL in the
   *   environment variable `DATABASE_URL` if it is set, otherwise the server that libpq's environment variables name.
   * @throws {UsageError} If the target is malformed.
   * @throws {ServerError} If the server refuses the session, such as for a wrong password.
   * @throws {ConnectionError} If no server can be reached within `connectTimeout`.
   *
   * @example
   * ```ts
   * import { Conn, Opts } from "@x/pyro/sync";
   * import assert from "node:assert/strict";
   *
   * using conn = new Conn(new Opts("pg://").applicationName("example"));
   * assert.equal(conn.transactionStatus, "idle");
   * ```
   */
  constructor(target?: Target) {
    const { state, link, lease } = OpenedConnection.of(target);
    const context = new CallContext(state, undefined, lease);
    super(context, link, transactionOf(context, link));
    this.#context = context;
    this.#link = link;
  }

  /** Makes one round trip to the server, to check that the connection works; works in a failed transaction too. */
  ping(options?: CallOptions): void {
    return this.#link.run(sessionCalls.ping(this.#context, options));
  }

  /**
   * Listens to a channel (LISTEN); returns when the server has confirmed it. The name is used unchanged and is
   * case-sensitive. Do not call it in a transaction: LISTEN takes effect when the transaction commits, and a rollback
   * undoes it without an error.
   *
   * @param options With `timeout`, the iteration ends after that many milliseconds without a
   *   notification.
   *
   * @example
   * ```ts
   * import { Conn } from "@x/pyro/sync";
   * import assert from "node:assert/strict";
   *
   * using conn = new Conn("pg://");
   * using news = conn.listen("news");
   * conn.notify("news", "hello");
   * for (const { channel, payload } of news) {
   *   assert.deepEqual([channel, payload], ["news", "hello"]);
   *   break;
   * }
   * ```
   */
  listen(channel: string, options?: ListenOptions): Notifications {
    const make = (queue: NotificationQueue, timeout: number): Notifications =>
      new Notifications(this.#context, this.#link, queue, timeout);
    return this.#link.run(sessionCalls.listen(this.#context, channel, options, make));
  }

  /**
   * Forgets what pyro knows about the types that the database defines, for all connections to it: each type is looked
   * up again when it is next used. Nothing is sent.
   *
   * Most changes of types are noticed without this call: those made by this connection, and those made by other
   * sessions once a value does not fit. It is needed if another session has renamed an attribute of a composite type.
   */
  reloadTypes(): void {
    sessionCalls.reloadTypes(this.#context);
  }

  /**
   * Resets the session (DISCARD ALL): settings get their initial values; temporary tables and advisory locks are
   * dropped; listening ends; the types that the database defines are looked up again. Statements from `prepare` still
   * work: they are prepared again.
   */
  reset(options?: CallOptions): void {
    return this.#link.run(sessionCalls.reset(this.#context, options));
  }

  /**
   * The position in the write-ahead log up to which everything is visible here: a string such as `0/16B3748`
   * (`pg_current_wal_lsn`, on a standby `pg_last_wal_replay_lsn`). After a commit, it is a position that includes the
   * commit; `pool.withTarget(…, { after: position })` reads only where that position is visible.
   *
   * @throws {ServerError} If the server does not have these functions, such as an engine that is not PostgreSQL.
   *
   * @example
   * ```ts
   * import { Conn } from "@x/pyro/sync";
   * import assert from "node:assert/strict";
   *
   * using conn = new Conn("pg://");
   * conn.queryDrop("create temporary table t (n int)");
   * assert.match(conn.position(), /^[0-9A-F]+\/[0-9A-F]+$/);
   * ```
   */
  position(options?: CallOptions): string {
    return this.#link.run(sessionCalls.position(this.#context, options));
  }

  /**
   * Stops the running statement by a cancel request, which is sent over a separate connection. The statement's call
   * fails with a `ServerError` (57014), unless the statement has just completed. Calls made after this one are not
   * affected. Does nothing if no statement is running, or if the server gave no cancel key.
   *
   * @throws {ConnectionError} If the server does not take the request within `connectTimeout`, or within ten seconds.
   *
   * @example
   * ```ts
   * import { Conn } from "@x/pyro/sync";
   *
   * using conn = new Conn("pg://");
   * conn.cancel(); // nothing runs, so nothing happens
   * ```
   */
  cancel(): void {
    return this.#link.cancelRunning(sessionCalls.cancellation(this.#context));
  }

  /**
   * Closes the connection. Idempotent; does not throw if the connection is lost. `timeout` has no effect, since there
   * are no other calls to wait for.
   */
  close(options?: CloseOptions): void {
    closeTimeout(options);
    if (this.#context.state.beginClosing()) this.#link.close();
  }

  /** The same as {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}
