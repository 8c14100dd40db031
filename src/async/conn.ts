/** The connection that awaits: one-line methods over the shared core. */
import { closeTimeout, connectSignal } from "../connection/arguments.ts";
import { CallContext } from "../connection/call_context.ts";
import * as sessionCalls from "../connection/session_calls.ts";
import type { AsyncLink } from "../run/async_link.ts";
import { PyroError, stackFromHere, UsageError } from "../errors.ts";
import type { NotificationQueue } from "../features/listen.ts";
import { settingsOf } from "../options/opts.ts";
import { type Target, targetOpts } from "../options/target.ts";
import { variable } from "../runtime/runtime.ts";
import type { CloseOptions } from "../connection/call_options.ts";
import { Executor } from "./executor.ts";
import { Notifications } from "./notifications.ts";
import { open, OpenedConnection } from "./opened.ts";
import type { CallOptions, ListenOptions } from "./options.ts";
import { transactionOf } from "./transaction.ts";

/** Options of {@linkcode Conn.connect} beyond the target. */
export interface ConnectOptions {
  /** When it aborts, connecting ends, and the promise rejects with the signal's reason. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A connection to a PostgreSQL server: one session. Its statements are executed in the order of the calls. Calls need
 * not be awaited one by one; calls that are made together are sent together.
 *
 * Methods reject with a `ServerError` if the server refuses a statement; the connection then stays usable. Once the
 * connection is closed or lost, they reject with a `ConnectionError`.
 *
 * @example A query with a parameter
 * ```ts
 * import { Conn } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await using conn = await Conn.connect("pg://");
 * const rows = await conn.exec("select n, n * n as square from generate_series(1, $1) as n", [3]);
 * assert.deepEqual(rows, [{ n: 1, square: 1 }, { n: 2, square: 4 }, { n: 3, square: 9 }]);
 * ```
 *
 * @example Three calls, one round trip
 * ```ts
 * import { Conn } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await using conn = await Conn.connect("pg://");
 * const [one, two, three] = await Promise.all([
 *   conn.execValue("select 1"),
 *   conn.execValue("select 2"),
 *   conn.queryFirst("select 3 as n"),
 * ]);
 * assert.deepEqual([one, two, three], [1, 2, { n: 3 }]);
 * ```
 */
export class Conn extends Executor implements AsyncDisposable {
  readonly #context: CallContext;
  readonly #link: AsyncLink;
  #closing: Promise<void> | undefined = undefined;

  /** Internal: {@linkcode Conn.connect} makes connections. */
  protected constructor(opened: OpenedConnection) {
    if (!(opened instanceof OpenedConnection)) {
      throw new UsageError("Cannot construct Conn: use await Conn.connect(target)");
    }
    const { state, link, lease } = opened;
    const context = new CallContext(state, undefined, lease);
    super(context, link, transactionOf(context, link));
    this.#context = context;
    this.#link = link;
  }

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
   * import { Conn } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect("pg://", { signal: AbortSignal.timeout(10_000) });
   * assert.equal(conn.transactionStatus, "idle");
   * ```
   */
  static async connect(target?: Target, options?: ConnectOptions): Promise<Conn> {
    try {
      const signal = connectSignal(options);
      return new Conn(await open(settingsOf(targetOpts(target, variable)), signal));
    } catch (error) {
      // The error was made where the connection was, which no caller awaits.
      if (error instanceof PyroError) stackFromHere(error);
      throw error;
    }
  }

  /** Makes one round trip to the server, to check that the connection works; works in a failed transaction too. */
  ping(options?: CallOptions): Promise<void> {
    return this.#link.run(sessionCalls.ping(this.#context, options));
  }

  /**
   * Listens to a channel (LISTEN); resolves when the server has confirmed it. The name is used unchanged and is
   * case-sensitive. Do not call it in a transaction: LISTEN takes effect when the transaction commits, and a rollback
   * undoes it without an error.
   *
   * @param options `signal` also ends the iteration.
   *
   * @example
   * ```ts
   * import { Conn } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect("pg://");
   * await using news = await conn.listen("news");
   * await conn.notify("news", "hello");
   * for await (const { channel, payload } of news) {
   *   assert.deepEqual([channel, payload], ["news", "hello"]);
   *   break;
   * }
   * ```
   */
  listen(channel: string, options?: ListenOptions): Promise<Notifications> {
    const make = (queue: NotificationQueue): Notifications =>
      new Notifications(this.#context, this.#link, queue, options?.signal);
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
  reset(options?: CallOptions): Promise<void> {
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
   * import { Conn } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect("pg://");
   * // The two calls are sent together: the position costs no round trip of its own.
   * const [, position] = await Promise.all([
   *   conn.queryDrop("create temporary table t (n int)"),
   *   conn.position(),
   * ]);
   * assert.match(position, /^[0-9A-F]+\/[0-9A-F]+$/);
   * ```
   */
  position(options?: CallOptions): Promise<string> {
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
   * import { Conn, ServerError, SqlState } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect("pg://");
   * const long = conn.exec("select pg_sleep(60)");
   * setTimeout(() => conn.cancel(), 100);
   * await assert.rejects(long, (error) => error instanceof ServerError && error.code === SqlState.QueryCanceled);
   * ```
   */
  cancel(): Promise<void> {
    return this.#link.cancelRunning(sessionCalls.cancellation(this.#context));
  }

  /**
   * Closes the connection once the calls already made have finished, at the latest after `timeout`. Idempotent; does
   * not reject if the connection is lost.
   */
  async close(options?: CloseOptions): Promise<void> {
    const timeout = closeTimeout(options);
    await (this.#closing ??= this.#close(timeout));
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(timeout: number): Promise<void> {
    this.#context.state.beginClosing();
    await this.#link.drained(timeout);
    await this.#link.close();
  }
}
