/** pg's client: a connection with a queue of queries, callbacks or promises, and events. */
import type { EventEmitter } from "node:events";
import { Abort } from "../abort.ts";
import type { OpenedConnection } from "../async/opened.ts";
import { ServerError, type ServerFields } from "../errors.ts";
import { clearTimeout, nextTick, setImmediate, setTimeout } from "./timers.ts";
import { Connection, report, reportOpened, reportParameters } from "./connection.ts";
import { ClientSettings } from "./client_settings.ts";
import type { StreamOwner } from "./connection_stream.ts";
import { ConnectionParameters } from "./connection_parameters.ts";
import { databaseError, noticeMessage, notificationMessage, pgError, socketError } from "./database_error.ts";
import type { ClientConfig, QueryConfig } from "./interfaces.ts";
import { numberOfSecret, openFor } from "./opening.ts";
import { END_TIMEOUT, UNTIL_END } from "./end_times.ts";
import { inDomain, outside } from "./outside.ts";
import { Plans } from "./plans.ts";
import { Query, queryOf, type RunnableQuery, typesOf } from "./query.ts";
import { QueryQueue } from "./query_queue.ts";
import { problemWith, type QueryOwner, QueryRun } from "./query_run.ts";

/** Gets the outcome of an operation without a result. */
export type DoneCallback = (error?: Error) => void;

/**
 * A connection to a server. Queries are executed one after the other, in the order of the calls; those that are made
 * before it is connected wait.
 *
 * Events: `connect`; `error`, when the connection is lost; `end`, when it is closed or lost; `drain`, when all queries
 * have been executed; `notice`; `notification`.
 *
 * @example
 * ```ts
 * import { Client } from "@x/pyro/pg";
 * import assert from "node:assert/strict";
 *
 * const client = new Client();
 * await client.connect();
 * const { rows, rowCount } = await client.query("select $1::text as name", ["Ada"]);
 * assert.deepEqual([rows, rowCount], [[{ name: "Ada" }], 1]);
 * await client.end();
 * ```
 */
export class Client extends ClientSettings {
  /** The class of queries whose rows are listened to. */
  static readonly Query: typeof Query = Query;
  /** The class of what a configuration says. */
  static readonly ConnectionParameters: typeof ConnectionParameters = ConnectionParameters;

  /** The connection as query classes of other packages see it. */
  readonly connection: Connection;
  /** The process ID of the server's process; null before it is known. */
  // deno-lint-ignore no-explicit-any -- pg's declared types lack it, and libraries declare it differently
  processID: any = null;
  /** The key for cancel requests; null before it is known. */
  secretKey: number | null = null;
  /** Whether no query is being executed. */
  readyForQuery = false;
  /** Whether a query has been sent; undefined before. */
  hasExecuted: boolean | undefined = undefined;
  /** Internal: whether `end` was called. */
  _ending = false;
  /** Internal: whether the connection is closed or lost. */
  _ended = false;
  /** Internal: whether it is being connected. */
  _connecting = false;
  /** Internal: whether it has been connected. */
  _connected = false;
  /** Internal: whether the connection is not lost. */
  _queryable = true;
  /** Internal: the status of the transaction. */
  _txStatus: string | null = null;
  readonly #queue: QueryQueue = new QueryQueue();
  readonly #config: ClientConfig;
  #opened: OpenedConnection | undefined = undefined;
  #plans: Plans | undefined = undefined;
  #connectAbort: Abort | undefined = undefined;
  #onceEnded: (() => void)[] = [];
  /** Whether a query has failed with the server's reason to end the connection. */
  #hasReportedFatal = false;
  /** Whether `end` was called after `connect`. */
  #isClosing = false;
  #keepsProcess = true;
  /** The error with which the connection's stream was destroyed. */
  #destroyedBy: Error | undefined = undefined;
  #expectsEvents = false;

  /** A client that is not connected yet, for a configuration or a connection string. */
  constructor(config?: string | ClientConfig) {
    super(config);
    this.#config = typeof config === "string" || !config ? {} : config;
    this.connection = new Connection(this.#streamOwner());
    this.connection.on("error", (error: Error) => this.#connectionFailed(error));
  }

  /** Connects; a client can be connected once. */
  connect(): Promise<Client>;
  /** The same with a callback. */
  connect(callback: (error: Error, client?: Client) => void): void;
  connect(callback?: (error: Error, client?: Client) => void): Promise<Client> | void {
    if (callback) return this.#connect(inDomain(callback));
    return new this._Promise((resolve, reject) => this.#connect((error) => error ? reject(error) : resolve(this)));
  }

  /** Executes a query, or puts it into the queue. */
  protected override _query(config: unknown, values: unknown, callback: unknown): unknown {
    if (config === null || config === undefined) throw new TypeError("Client was passed a null or undefined query");
    const [query, result] = queryOf(config, values, callback, this._Promise);
    if (this.binary) (query as Query).binary = true;
    const run = new QueryRun(query, this.#queryOwner());
    run.limit((config as QueryConfig).query_timeout || this.connectionParameters.query_timeout);
    const problem = problemWith(query, this);
    if (problem !== undefined) nextTick(() => run.fail(new Error(problem)));
    else {
      this.#queue.push(run);
      this.#pulse();
    }
    return result;
  }

  /** Closes the connection. A query that is being executed fails. */
  end(): Promise<void>;
  /** The same with a callback. */
  end(callback: DoneCallback): void;
  end(callback?: DoneCallback): Promise<void> | void {
    if (!callback) return new this._Promise((resolve) => this.#end(() => resolve()));
    this.#end(inDomain(callback));
  }

  /** The queries that wait. Deprecated in pg; tools that observe queries need it. */
  get queryQueue(): RunnableQuery[] {
    return this.#queue.waiting;
  }

  /** The query that is being executed, or null. Deprecated in pg; tools that observe queries need it. */
  get activeQuery(): RunnableQuery | null {
    return this.#queue.active;
  }

  /** Internal, as is everything in pg that begins with `_`: as {@linkcode queryQueue}. */
  get _queryQueue(): RunnableQuery[] {
    return this.#queue.waiting;
  }

  /** Internal: as {@linkcode activeQuery}. */
  get _activeQuery(): RunnableQuery | null {
    return this.#queue.active;
  }

  /** Internal: as {@linkcode activeQuery}. */
  _getActiveQuery(): RunnableQuery | null {
    return this.#queue.active;
  }

  /** Keeps the process alive until the connection is closed. */
  ref(): void {
    this.#keepProcess(true);
  }

  /** Lets the process end although the connection is open. */
  unref(): void {
    this.#keepProcess(false);
  }

  /** `I` if no transaction is open, `T` in one, `E` in one that has failed; null before the first query. */
  getTransactionStatus(): string | null {
    return this._txStatus;
  }

  /** Stops a query that another client executes, or takes it out of its queue. */
  cancel(client: Client, query: RunnableQuery): void {
    if (client.#queue.active === query) client.#opened?.link.cancelRunning().catch(() => {});
    else client.#queue.withdraw(query);
  }

  /** Sends the next queries. */
  #pulse(): void {
    const opened = this.#opened;
    if (opened === undefined || this._ended) return;
    const isLost = opened.link.session.lost !== undefined;
    if (isLost && !this.#isClosing) return;
    // After `end`, those that are pipelined are still sent.
    const isSending = !isLost && (this.pipeline || !this.#isClosing);
    while (isSending && (this.pipeline || this.readyForQuery)) {
      const run = this.#queue.next();
      if (run === undefined) break;
      this.readyForQuery = false;
      this.hasExecuted = true;
      run.start(opened, this.#plans!, typesOf(run.query, this._types));
    }
    if (this.hasExecuted && !this.#queue.isBusy) {
      this.readyForQuery = true;
      this.#emit("drain");
    }
  }

  #queryOwner(): QueryOwner {
    return this.#owner ??= {
      connection: this.connection,
      refused: (run) => this.#queue.remove(run),
      ready: (run, status) => {
        this._txStatus = status;
        this.#queue.remove(run);
        this.readyForQuery = !this.#queue.isActive;
      },
      settled: (run) => {
        this.#hasReportedFatal ||= run.isFatal;
        this.#pulse();
      },
      withdraw: (query) => {
        if (!this.#queue.withdraw(query) && this.pipeline) this.connection.stream.destroy();
      },
    };
  }
  #owner: QueryOwner | undefined = undefined;

  #connect(callback: (error: Error, client?: Client) => void): void {
    if (this._connecting || this._connected || this._ended) {
      return nextTick(callback, new Error("Client has already been connected. You cannot reuse a client."));
    }
    this._connecting = true;
    const abort = this.#connectAbort = new Abort();
    const timeout = this._connectionTimeoutMillis;
    const timer = timeout > 0 ? setTimeout(() => abort.abort(new Error("timeout expired")), timeout) : undefined;
    const onNotice = (fields: ServerFields): void => {
      report(this.connection, "notice", () => noticeMessage(fields));
      this.#emit("notice", noticeMessage(fields));
    };
    openFor(this, this.#config, onNotice, abort).then(
      (opened) => this.#connected(opened, callback),
      (error) => this.#notConnected(pgError(error), callback),
    ).finally(() => clearTimeout(timer));
  }

  #connected(opened: OpenedConnection, callback: (error: Error, client?: Client) => void): void {
    if (this.#isClosing && !this.#hasPipelined) {
      opened.link.close();
      return this.#notConnected(new Error("Connection terminated"), callback);
    }
    this.#opened = opened;
    const { state, link } = opened;
    const capacity = Number(this.connectionParameters.statementCacheSize) || undefined;
    this.#plans = new Plans(state.statements, this.connection, capacity);
    link.onEvent = (event) => {
      state.deliver(event);
      if (event.kind === "notification") {
        report(this.connection, "notification", () => notificationMessage(event.notification));
        this.#emit("notification", notificationMessage(event.notification));
      } else if (event.kind === "parameter") {
        reportParameters(this.connection, link.session, event.name);
      } else if (event.kind === "lost") {
        // What was received before is reported first, and whoever hears of it may give the client back.
        if (this.#queue.isBusy || !this._ending) setImmediate(() => this.#lost());
        else this.#lost();
      }
    };
    const { key } = link.session;
    this.processID = key?.processId ?? null;
    this.secretKey = key === undefined ? null : numberOfSecret(key.secret);
    this._connecting = false;
    this._connected = true;
    this.readyForQuery = true;
    this._txStatus = "I";
    this.#keepProcess(this.#keepsProcess);
    reportOpened(this.connection, link);
    outside(() => callback(null as unknown as Error, this));
    this.#emit("connect");
    this.#pulse();
  }

  #notConnected(error: Error, callback: (error: Error, client?: Client) => void): void {
    this._queryable = false;
    this.connection.stream.writable = false;
    // As in pg, connecting has no outcome for a client that was closed meanwhile.
    if (!this.#isClosing) outside(() => callback(error));
    this.#queue.failAll(new Error(this._ending ? "Connection terminated" : "Connection terminated unexpectedly"));
    this.#closed();
  }

  /** The connection is closed or lost. */
  #lost(): void {
    const cause = this.#opened!.link.session.lost;
    this.#expectsEvents = false;
    this.connection.stream.writable = false;
    if (this._ending) {
      if (this.#queue.isBusy) this.#queue.failAll(new Error("Connection terminated"));
      return;
    }
    const error = new Error("Connection terminated unexpectedly", { cause });
    if (cause instanceof ServerError) {
      if (!this.#hasReportedFatal) this.#reportFatal(databaseError(cause));
      setTimeout(() => this.#terminated(error), UNTIL_END);
      return;
    }
    const failure = cause === this.#destroyedBy ? cause : socketError(cause);
    if (failure === undefined) return this.#terminated(error);
    // As in pg, the error of the socket comes first, and then the end.
    outside(() => this.connection.stream.emit("error", failure));
    setImmediate(() => this.#terminated(error));
  }

  #terminated(error: Error): void {
    this._queryable = false;
    // A listener to the server's own error may have closed the client.
    if (!this._ending) this.#emit("error", error);
    this.#queue.failAll(error);
    this.#closed();
  }

  /** Somebody has emitted an error of the connection: pg's own way to say that it cannot be used any more. */
  #connectionFailed(error: Error): void {
    this._queryable = false;
    this.#queue.failAll(error);
    this.#emit("error", error);
  }

  /** The server has said why it ends the connection: to the query that it executed, or to the client. */
  #reportFatal(error: Error): void {
    const run = this.#queue.removeActive();
    if (run === undefined) this.#emit("error", error);
    else run.fail(error);
  }

  #closed(): void {
    if (this._ended) return;
    this._ended = true;
    this._connecting = false;
    nextTick(() => {
      for (const done of this.#onceEnded.splice(0)) outside(done);
      this.connection.stream.ended();
      this.connection.emit("end");
      this.emit("end");
    });
  }

  #end(done: () => void): void {
    this._ending = true;
    if (this._ended || !(this._connecting || this._connected)) return done();
    this.#onceEnded.push(done);
    this.#isClosing = true;
    if (this._queryable && this.#hasPipelined) this.once("drain", () => this.#close());
    else if (this.#opened === undefined) this.#connectAbort?.abort(new Error("Connection terminated"));
    else if (this._queryable && !this.#queue.isActive) this.#close();
    // A query that hangs must not keep the connection open.
    else this.#destroy(new Error("Connection terminated"));
  }

  /** Whether there are pipelined queries, which are still executed when the client is closed. */
  get #hasPipelined(): boolean {
    return this.pipeline && this.#queue.isBusy;
  }

  #close(): void {
    this.#opened!.link.close(END_TIMEOUT).then(() => {
      this.#queue.failAll(new Error("Connection terminated"));
      this.#closed();
    });
  }

  #destroy(error: Error): void {
    this.connection.stream.destroy(error);
    this.#queue.failAll(error);
    this.#closed();
  }

  #streamOwner(): StreamOwner {
    return {
      destroy: (error) => {
        const reason = error ?? new Error("Connection terminated unexpectedly");
        this.#destroyedBy = error;
        if (this.#opened !== undefined) this.#opened.link.destroy(reason);
        else this.#connectAbort?.abort(reason);
      },
      keepProcess: (wanted) => this.#keepProcess(wanted),
      submit: (query) => {
        if (this.#opened === undefined || !this._queryable || this._ending) return;
        this.#queue.push(new QueryRun(query, this.#queryOwner()));
        this.#pulse();
      },
      drained: async () => await this.#opened?.link.room(0),
    };
  }

  #keepProcess(wanted: boolean): void {
    this.#keepsProcess = wanted;
    if (this.#opened === undefined || this.#expectsEvents === wanted) return;
    if (this.#opened.link.session.lost !== undefined) return;
    this.#expectsEvents = wanted;
    this.#opened.link.expectEvents(wanted);
  }

  /** What listeners throw is an uncaught exception, and so is an error that nobody listens to. */
  #emit(event: string, ...args: unknown[]): void {
    outside(() => (this as EventEmitter).emit(event, ...args));
  }
}
