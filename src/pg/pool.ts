/**
 * pg's pool: clients that are lent one at a time, and keep their identity from lease to lease.
 *
 * Source: documentation of node-postgres, "pg.Pool".
 */
import { EventEmitter } from "node:events";
import process from "node:process";
import { Client } from "./client.ts";
import { hide } from "./connection_parameters.ts";
import type {
  PoolClient,
  PoolConfig,
  QueryArrayConfig,
  QueryArrayResult,
  QueryConfig,
  QueryConfigValues,
  QueryResult,
  QueryResultRow,
  Submittable,
} from "./interfaces.ts";
import { outside } from "./outside.ts";
import type { Query } from "./query.ts";

/** Gets a client, and the function that returns it to the pool. */
export type ConnectCallback = (
  error: Error | undefined,
  client: PoolClient | undefined,
  release: (error?: Error | boolean) => void,
) => void;

/** The options as the pool uses them, with their defaults. */
export interface ResolvedPoolConfig extends PoolConfig {
  max: number;
  min: number;
  maxUses: number;
  allowExitOnIdle: boolean;
  maxLifetimeSeconds: number;
}

/** A caller that waits for a client. */
interface Waiter {
  readonly callback: ConnectCallback;
  /** Whether the caller has been told that it waits in vain. */
  timedOut: boolean;
}

/** A client that nobody uses. */
interface Idle {
  readonly client: PoolClient;
  readonly timer: ReturnType<typeof setTimeout> | undefined;
}

/**
 * Clients that are made when they are needed, up to `max`.
 *
 * Events: `connect`, for each new client; `acquire` and `release`, for each lease; `remove`, when a client has been
 * closed; `error`, when an idle client is lost.
 *
 * @example
 * ```ts
 * import { Pool } from "@x/pyro/pg";
 * import assert from "node:assert/strict";
 *
 * const pool = new Pool({ max: 4 });
 * const { rows } = await pool.query("select $1::int4 + 1 as n", [1]);
 * assert.deepEqual(rows, [{ n: 2 }]);
 * const client = await pool.connect();
 * try {
 *   await client.query("begin");
 *   await client.query("commit");
 * } finally {
 *   client.release();
 * }
 * await pool.end();
 * ```
 */
export class Pool extends EventEmitter {
  readonly options: ResolvedPoolConfig;
  readonly Client: new (config?: PoolConfig) => Client;
  readonly Promise: PromiseConstructor;
  log: (...messages: unknown[]) => void;
  ending = false;
  ended = false;
  /** Internal, as is everything in pg that begins with `_`. */
  _clients: PoolClient[] = [];
  readonly _idle: Idle[] = [];
  readonly _pendingQueue: Waiter[] = [];
  readonly #expired = new WeakSet<Client>();
  /** The pool's listener to the errors of each client that is not lent. */
  readonly #listeners = new WeakMap<Client, (error: Error) => void>();
  readonly #uses = new WeakMap<Client, number>();
  #onEnded: (() => void) | undefined = undefined;

  /** A pool without clients yet. The options are also those of its clients, which are of the class `clientClass`. */
  constructor(options?: PoolConfig | null, clientClass?: new (config?: PoolConfig) => Client) {
    super();
    const given = { ...options };
    this.options = Object.assign(given, {
      max: given.max || (given as { poolSize?: number }).poolSize || 10,
      min: given.min || 0,
      maxUses: given.maxUses || Infinity,
      allowExitOnIdle: given.allowExitOnIdle || false,
      maxLifetimeSeconds: given.maxLifetimeSeconds || 0,
      idleTimeoutMillis: given.idleTimeoutMillis === undefined ? IDLE_TIMEOUT : given.idleTimeoutMillis,
    });
    if ("password" in given) hide(this.options, "password", given.password);
    if (typeof given.ssl === "object" && given.ssl?.key) hide(given.ssl, "key", given.ssl.key);
    this.log = given.log || (() => {});
    this.Client = given.Client || clientClass || Client;
    this.Promise = (given.Promise || Promise) as PromiseConstructor;
  }

  /** The number of clients. */
  get totalCount(): number {
    return this._clients.length;
  }

  /** The number of clients that nobody uses. */
  get idleCount(): number {
    return this._idle.length;
  }

  /** The number of callers that wait for a client. */
  get waitingCount(): number {
    return this._pendingQueue.length;
  }

  /** The number of clients whose life time is over. */
  get expiredCount(): number {
    return this._clients.filter((client) => this.#expired.has(client)).length;
  }

  /** Lends a client, which must be released. */
  connect(): Promise<PoolClient>;
  connect(callback: ConnectCallback): void;
  connect(callback?: ConnectCallback): Promise<PoolClient> | void {
    if (callback === undefined) {
      return new this.Promise<PoolClient>((resolve, reject) => {
        this.#connect((error, client) => error ? reject(error) : resolve(client!));
      }).catch(withStackFromHere);
    }
    this.#connect(callback);
  }

  /** Executes a query on any client. A query object of another package needs a client of its own. */
  query<T extends Query | Submittable>(query: T): T;
  // deno-lint-ignore no-explicit-any -- as in pg
  query<R extends any[] = any[], I = any[]>(
    config: QueryArrayConfig<I>,
    values?: QueryConfigValues<I>,
  ): Promise<QueryArrayResult<R>>;
  // deno-lint-ignore no-explicit-any -- as in pg
  query<R extends QueryResultRow = any, I = any[]>(
    config: string | QueryConfig<I>,
    values?: QueryConfigValues<I>,
  ): Promise<QueryResult<R>>;
  // deno-lint-ignore no-explicit-any -- as in pg
  query<R extends any[] = any[], I = any[]>(
    config: QueryArrayConfig<I>,
    callback: (error: Error, result: QueryArrayResult<R>) => void,
  ): void;
  // deno-lint-ignore no-explicit-any -- as in pg
  query<R extends QueryResultRow = any, I = any[]>(
    config: string | QueryConfig<I>,
    callback: (error: Error, result: QueryResult<R>) => void,
  ): void;
  // deno-lint-ignore no-explicit-any -- as in pg
  query<R extends QueryResultRow = any, I = any[]>(
    config: string | QueryConfig<I>,
    // deno-lint-ignore no-explicit-any -- as in pg
    values: any[] | undefined,
    callback: (error: Error, result: QueryResult<R>) => void,
  ): void;
  // deno-lint-ignore no-explicit-any -- the overloads say which results belong to which arguments
  query(config: any, values?: any, callback?: any): any {
    const done = typeof values === "function" ? values : callback;
    if (done === undefined) {
      return new this.Promise((resolve, reject) => {
        this.#query(config, values, (error, result) => error ? reject(error) : resolve(result));
      }).catch(withStackFromHere);
    }
    this.#query(config, typeof values === "function" ? undefined : values, done);
  }

  /** Closes all clients, as soon as they are released. */
  end(): Promise<void>;
  end(callback: (error?: Error) => void): void;
  end(callback?: (error?: Error) => void): Promise<void> | void {
    if (callback === undefined) {
      return new this.Promise<void>((resolve, reject) => this.#end((error) => error ? reject(error) : resolve()))
        .catch(withStackFromHere);
    }
    this.#end(callback);
  }

  /** Listens to an event. */
  override on(event: "release", listener: (error: Error | boolean | undefined, client: PoolClient) => void): this;
  override on(event: "error", listener: (error: Error, client: PoolClient) => void): this;
  override on(event: "connect" | "acquire" | "remove", listener: (client: PoolClient) => void): this;
  // deno-lint-ignore no-explicit-any -- as in node:events
  override on(event: string | symbol, listener: (...args: any[]) => void): this;
  // deno-lint-ignore no-explicit-any -- as in node:events
  override on(event: string | symbol, listener: (...args: any[]) => void): this {
    return super.on(event, listener);
  }

  #connect(callback: ConnectCallback): void {
    if (this.ending) {
      return callback(new Error("Cannot use a pool after calling end on the pool"), undefined, noRelease);
    }
    const waiter: Waiter = { callback, timedOut: false };
    if (this._idle.length === 0 && !this.#isFull) return this.#newClient(waiter);
    if (this._idle.length > 0) process.nextTick(() => this.#pulse());
    this._pendingQueue.push(this.#limited(waiter));
  }

  /** The waiter with `connectionTimeoutMillis`, if there is one. */
  #limited(waiter: Waiter): Waiter {
    const milliseconds = this.options.connectionTimeoutMillis;
    if (!milliseconds) return waiter;
    const timer = setTimeout(() => {
      const index = this._pendingQueue.indexOf(limited);
      if (index >= 0) this._pendingQueue.splice(index, 1);
      limited.timedOut = true;
      waiter.callback(new Error("timeout exceeded when trying to connect"), undefined, noRelease);
    }, milliseconds);
    timer.unref?.();
    const limited: Waiter = {
      timedOut: false,
      callback: (error, client, release) => {
        clearTimeout(timer);
        waiter.callback(error, client, release);
      },
    };
    return limited;
  }

  get #isFull(): boolean {
    return this._clients.length >= this.options.max;
  }

  /** Gives an idle client, or a new one, to the caller that has waited longest. */
  #pulse(): void {
    if (this.ended) return;
    if (this.ending) {
      for (const { client } of [...this._idle]) this.#remove(client);
      if (this._clients.length > 0) return;
      this.ended = true;
      this.#onEnded?.();
      return;
    }
    if (this._pendingQueue.length === 0 || (this._idle.length === 0 && this.#isFull)) return;
    const waiter = this._pendingQueue.shift()!;
    const idle = this._idle.pop();
    if (idle === undefined) return this.#newClient(waiter);
    clearTimeout(idle.timer);
    idle.client.ref?.();
    this.#lend(idle.client, waiter, false);
  }

  #newClient(waiter: Waiter): void {
    const client = new this.Client(this.options) as PoolClient;
    this._clients.push(client);
    const milliseconds = this.options.connectionTimeoutMillis;
    let isTooLate = false;
    const timer = milliseconds
      ? setTimeout(() => {
        isTooLate = true;
        client.connection.stream.destroy();
      }, milliseconds)
      : undefined;
    this.log("connecting new client");
    client.connect((error) => {
      clearTimeout(timer);
      client.on("error", this.#idleListener(client));
      if (!error) return this.#prepare(client, waiter);
      this.log("client failed to connect", error);
      const reason = isTooLate ? new Error("Connection terminated due to connection timeout", { cause: error }) : error;
      this.#forget(client);
      this.#pulse();
      if (!waiter.timedOut) waiter.callback(reason, undefined, noRelease);
    });
  }

  /** Calls the hook for a new client, and lends it. */
  #prepare(client: PoolClient, waiter: Waiter): void {
    const { onConnect } = this.options;
    if (!onConnect) return this.#begin(client, waiter);
    // What callbacks throw must not become a rejection.
    new this.Promise((resolve) => resolve(onConnect(client))).then(
      () => outside(() => this.#begin(client, waiter)),
      (error) => {
        this.#forget(client);
        client.end(() => {
          this.#pulse();
          if (!waiter.timedOut) waiter.callback(error as Error, undefined, noRelease);
        });
      },
    );
  }

  #begin(client: PoolClient, waiter: Waiter): void {
    const seconds = this.options.maxLifetimeSeconds;
    if (seconds) {
      const timer = setTimeout(() => this.#expire(client), seconds * 1000);
      timer.unref?.();
      client.once("end", () => clearTimeout(timer));
    }
    this.#lend(client, waiter, true);
  }

  /** The life time of a client is over: it is closed now, or when it is released. */
  #expire(client: PoolClient): void {
    this.log("ending client due to expired lifetime");
    this.#expired.add(client);
    if (!this._idle.some((idle) => idle.client === client)) return;
    this.#lend(client, { timedOut: false, callback: (_error, _client, release) => release() }, false);
  }

  #lend(client: PoolClient, waiter: Waiter, isNew: boolean): void {
    if (isNew) this.emit("connect", client);
    this.emit("acquire", client);
    client.release = this.#releaseOnce(client);
    client.removeListener("error", this.#idleListener(client));
    const { verify } = this.options;
    if (!isNew || !verify) {
      if (waiter.timedOut) client.release();
      else waiter.callback(undefined, client, client.release);
      return;
    }
    verify(client, (error) => {
      if (waiter.timedOut || error) client.release(error);
      if (!waiter.timedOut) {
        if (error) waiter.callback(error, undefined, noRelease);
        else waiter.callback(undefined, client, client.release);
      }
    });
  }

  #releaseOnce(client: PoolClient): (error?: Error | boolean) => void {
    let isReleased = false;
    return (error) => {
      if (isReleased) throw new Error("Release called on client which has already been released to the pool.");
      isReleased = true;
      this.#release(client, error);
    };
  }

  #release(client: PoolClient, error: Error | boolean | undefined): void {
    client.on("error", this.#idleListener(client));
    const uses = (this.#uses.get(client) ?? 0) + 1;
    this.#uses.set(client, uses);
    this.emit("release", error, client);
    const isUnusable = !client._queryable || client._ending;
    if (error || this.ending || isUnusable || uses >= this.options.maxUses || this.#expired.delete(client)) {
      return this.#remove(client, () => this.#pulse());
    }
    const { idleTimeoutMillis, allowExitOnIdle } = this.options;
    const timer = idleTimeoutMillis && this.#isAboveMin
      ? setTimeout(() => {
        if (this.#isAboveMin) this.#remove(client, () => this.#pulse());
      }, idleTimeoutMillis)
      : undefined;
    if (allowExitOnIdle) {
      timer?.unref?.();
      client.unref();
    }
    this._idle.push({ client, timer });
    this.#pulse();
  }

  get #isAboveMin(): boolean {
    return this._clients.length > this.options.min;
  }

  /** Closes a client. */
  #remove(client: PoolClient, done?: () => void): void {
    const index = this._idle.findIndex((idle) => idle.client === client);
    if (index >= 0) clearTimeout(this._idle.splice(index, 1)[0]!.timer);
    this.#forget(client);
    client.end(() => {
      this.emit("remove", client);
      done?.();
    });
  }

  #forget(client: PoolClient): void {
    this._clients = this._clients.filter((other) => other !== client);
  }

  /** Listens to a client that is not lent: if it is lost, it is removed. */
  #idleListener(client: PoolClient): (error: Error) => void {
    const known = this.#listeners.get(client);
    if (known !== undefined) return known;
    const listener = (error: Error): void => {
      Object.assign(error, { client });
      client.removeListener("error", listener);
      client.on("error", () => this.log("additional client error after disconnection due to error", error));
      this.#remove(client);
      this.emit("error", error, client);
    };
    this.#listeners.set(client, listener);
    return listener;
  }

  #query(config: unknown, values: unknown, done: (error: Error | undefined, result?: unknown) => void): void {
    if (typeof config === "function") {
      setImmediate(() => {
        (config as (error: Error) => void)(
          new Error("Passing a function as the first parameter to pool.query is not supported"),
        );
      });
      return;
    }
    this.#connect((error, client) => {
      if (error) return done(error);
      this.#queryOn(client!, config, values, done);
    });
  }

  #queryOn(
    client: PoolClient,
    config: unknown,
    values: unknown,
    done: (error: Error | undefined, result?: unknown) => void,
  ): void {
    let isOver = false;
    const end = (error: Error | undefined, result?: unknown): void => {
      if (isOver) return;
      isOver = true;
      client.removeListener("error", end);
      client.release(error);
      if (error) done(error);
      else done(undefined, result);
    };
    client.once("error", end);
    try {
      client.query(config as string, values as unknown[], (error: Error | null, result: unknown) => {
        end(error ?? undefined, result);
      });
    } catch (error) {
      end(error as Error);
    }
  }

  #end(callback: (error?: Error) => void): void {
    if (this.ending) return callback(new Error("Called end on pool more than once"));
    this.ending = true;
    this.#onEnded = callback;
    this.#pulse();
  }
}

/** Lets the stack of an error show where it matters, as far as the runtime knows. */
function withStackFromHere(error: Error): never {
  if (error instanceof Error) Error.captureStackTrace(error, withStackFromHere);
  throw error;
}

function noRelease(): void {}

const IDLE_TIMEOUT = 10_000;
