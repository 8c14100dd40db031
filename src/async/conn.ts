/** The connection that awaits: one-line methods over the shared core. */
import { closeTimeout } from "../connection/arguments.ts";
import { CallContext } from "../connection/call_context.ts";
import * as sessionCalls from "../connection/session_calls.ts";
import type { AsyncLink } from "../run/async_link.ts";
import { UsageError } from "../errors.ts";
import type { NotificationQueue } from "../features/listen.ts";
import { settingsOf } from "../options/opts.ts";
import { type Target, toOpts } from "../options/target.ts";
import type { CloseOptions } from "../connection/call_options.ts";
import { Executor } from "./executor.ts";
import { Notifications } from "./notifications.ts";
import { open, OpenedConnection } from "./opened.ts";
import type { CallOptions, ListenOptions } from "./options.ts";
import { transactionOf } from "./transaction.ts";

/** How to connect, beyond where to. */
export interface ConnectOptions {
  /** Gives up connecting when it aborts; the promise then rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A connection to a PostgreSQL server: one session, whose statements are executed in the order of the
 * calls. CallContext need not be awaited one by one; what is called in one go is sent in one go.
 *
 * All methods reject with a `ConnectionError` once the connection is closed or lost, and with a
 * `ServerError` for what the server refuses; a refused statement leaves the connection usable.
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

  /** Not for callers: {@linkcode Conn.connect} makes connections. */
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
   * @param target A URL (`pg://user:password@host:port/database?key=value`), a `URL`, `Opts`, a
   *   keyword/value string of libpq's, or a plain object of the names of Opts' setters.
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
  static async connect(target: Target, options?: ConnectOptions): Promise<Conn> {
    return new Conn(await open(settingsOf(toOpts(target)), options?.signal));
  }

  /** Makes one round trip to the server; works in a failed transaction too. */
  ping(options?: CallOptions): Promise<void> {
    return this.#link.run(sessionCalls.ping(this.#context, options));
  }

  /**
   * Listens to a channel (LISTEN); resolves when the server has confirmed it. The name is taken as it
   * is, upper and lower case apart. Not in a transaction: its rollback would end it.
   *
   * @param options The `signal` ends the iteration too.
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
   * Forgets what is known of the database's own types, on all connections to it: each is asked for again
   * when it is next used. Nothing is sent.
   *
   * Most changes are noticed without it: those that a statement of this connection makes, and those
   * of other sessions once a value does not fit. An attribute of a composite type that another session
   * has renamed goes unnoticed until then.
   */
  reloadTypes(): void {
    sessionCalls.reloadTypes(this.#context);
  }

  /**
   * Makes the session as new (DISCARD ALL): settings, temporary tables, prepared statements, locks and
   * listening are gone, and so is what is known of the database's types.
   */
  reset(options?: CallOptions): Promise<void> {
    return this.#link.run(sessionCalls.reset(this.#context, options));
  }

  /**
   * Stops what the server works on (a cancel request, over a connection of its own); the call in
   * question then fails with 57014, unless it has just completed. CallContext that are made from now on
   * cannot be hit. Nothing happens when nothing runs, or where the server gave no key.
   *
   * @throws {ConnectionError} If the server does not take the request within `connectTimeout`, or ten seconds.
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

  /** Closes the connection once the calls already made have finished. Idempotent; never rejects for a connection that is gone. */
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
