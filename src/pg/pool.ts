/**
 * pg's pool: clients that are lent one at a time, and keep their identity from lease to lease.
 *
 * Source: documentation of node-postgres, "pg.Pool".
 */
import { Client } from "./client.ts";
import type { PoolClient, PoolConfig, PoolEvents } from "./interfaces.ts";
import { resolve, type ResolvedPoolConfig } from "./pool_options.ts";
import { inDomain, outside, rethrowFromHere } from "./outside.ts";
import { Queryable } from "./queryable.ts";
import { clearTimeout, nextTick, setImmediate, setTimeout } from "./timers.ts";

/** Gets a client, and the function that returns it to the pool. */
export type ConnectCallback = (
  error: Error | undefined,
  client: PoolClient | undefined,
  release: (error?: Error | boolean) => void,
) => void;

/** Gets the outcome of a query. */
type QueryDone = (error: Error | undefined, result?: unknown) => void;

/** A caller that waits for a client. */
export interface PendingItem {
  /** Gets the client. */
  readonly callback: ConnectCallback;
  /** Whether the caller has been told that it waits in vain. */
  timedOut?: boolean | undefined;
}

/** A client that nobody uses. */
export interface IdleItem {
  /** The client. */
  readonly client: PoolClient;
  /** Closes it, if it is idle for too long. */
  readonly timer: ReturnType<typeof globalThis.setTimeout> | undefined;
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
export class Pool extends Queryable<PoolEvents> {
  /** The options, with their defaults. */
  readonly options: ResolvedPoolConfig;
  /** The class of the clients. */
  readonly Client: new (config?: PoolConfig) => Client;
  /** The class of the promises that methods return. */
  readonly Promise: PromiseConstructor;
  /** Gets lines about what the pool does. */
  log: (...messages: unknown[]) => void;
  /** Whether `end` was called. */
  ending = false;
  /** Whether all clients are closed. */
  ended = false;
  /** Internal, as is everything in pg that begins with `_`: all clients. */
  _clients: PoolClient[] = [];
  /** Internal: those that nobody uses. */
  readonly _idle: IdleItem[] = [];
  /** Internal: the callers that wait for a client. */
  readonly _pendingQueue: PendingItem[] = [];
  readonly #expired = new WeakSet<Client>();
  /** The pool's listener to the errors of each client that is not lent. */
  readonly #listeners = new WeakMap<Client, (error: Error) => void>();
  readonly #uses = new WeakMap<Client, number>();
  #onEnded: (() => void) | undefined = undefined;

  /** A pool without clients yet. The options are also those of its clients, which are of the class `clientClass`. */
  constructor(options?: PoolConfig | null, clientClass?: new (config?: PoolConfig) => Client) {
    super();
    const given = this.options = resolve(options ?? {});
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
  /** The same with a callback. */
  connect(callback: ConnectCallback): void;
  connect(callback?: ConnectCallback): Promise<PoolClient> | void {
    if (!callback) {
      return new this.Promise<PoolClient>((resolve, reject) => {
        this.#connect((error, client) => error ? reject(error) : resolve(client!));
      }).catch(rethrowFromHere);
    }
    this.#connect(inDomain(callback));
  }

  /** Executes a query on any client. */
  protected override _query(config: unknown, values: unknown, callback: unknown): unknown {
    const done = (typeof values === "function" ? values : callback) as QueryDone | undefined;
    if (typeof config === "function") return this.#refuseFunction(config as QueryDone);
    if (!done) {
      return new this.Promise((resolve, reject) => {
        this.#query(config, values, (error, result) => error ? reject(error) : resolve(result));
      }).catch(rethrowFromHere);
    }
    this.#query(config, typeof values === "function" ? undefined : values, inDomain(done));
    return undefined;
  }

  /** Closes all clients, as soon as they are released. */
  end(): Promise<void>;
  /** The same with a callback. */
  end(callback: (error?: Error) => void): void;
  end(callback?: (error?: Error) => void): Promise<void> | void {
    if (!callback) {
      return new this.Promise<void>((resolve, reject) => this.#end((error) => error ? reject(error) : resolve()))
        .catch(rethrowFromHere);
    }
    this.#end(inDomain(callback));
  }

  #connect(callback: ConnectCallback): void {
    if (this.ending) {
      return callback(new Error("Cannot use a pool after calling end on the pool"), undefined, noRelease);
    }
    const waiter: PendingItem = { callback, timedOut: false };
    if (this._idle.length === 0 && !this._isFull()) return this.newClient(waiter);
    if (this._idle.length > 0) nextTick(() => this._pulseQueue());
    this._pendingQueue.push(this.#limited(waiter));
  }

  /** The waiter with `connectionTimeoutMillis`, if there is one. */
  #limited(waiter: PendingItem): PendingItem {
    const milliseconds = this.options.connectionTimeoutMillis;
    if (!milliseconds) return waiter;
    const timer = setTimeout(() => {
      const index = this._pendingQueue.indexOf(limited);
      if (index >= 0) this._pendingQueue.splice(index, 1);
      limited.timedOut = true;
      waiter.callback(new Error("timeout exceeded when trying to connect"), undefined, noRelease);
    }, milliseconds);
    timer.unref?.();
    const limited: PendingItem = {
      timedOut: false,
      callback: (error, client, release) => {
        clearTimeout(timer);
        waiter.callback(error, client, release);
      },
    };
    return limited;
  }

  /** Internal: whether there are as many clients as may be. */
  _isFull(): boolean {
    return this._clients.length >= this.options.max;
  }

  /** Internal: gives an idle client, or a new one, to the caller that has waited longest. */
  _pulseQueue(): void {
    if (this.ended) return;
    if (this.ending) {
      for (const { client } of [...this._idle]) this._remove(client);
      if (this._clients.length > 0) return;
      this.ended = true;
      this.#onEnded?.();
      return;
    }
    if (this._pendingQueue.length === 0 || (this._idle.length === 0 && this._isFull())) return;
    const waiter = this._pendingQueue.shift()!;
    const idle = this._idle.pop();
    if (idle === undefined) return this.newClient(waiter);
    clearTimeout(idle.timer);
    idle.client.ref?.();
    this.#lend(idle.client, waiter, false);
  }

  /** Connects a new client for a caller; subclasses may do so in another way. */
  newClient(waiter: PendingItem): void {
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
      this._pulseQueue();
      if (!waiter.timedOut) waiter.callback(reason, undefined, noRelease);
    });
  }

  /** Calls the hook for a new client, and lends it. */
  #prepare(client: PoolClient, waiter: PendingItem): void {
    const { onConnect } = this.options;
    if (!onConnect) return this.#begin(client, waiter);
    // What callbacks throw must not become a rejection.
    new this.Promise((resolve) => resolve(onConnect(client))).then(
      () => outside(() => this.#begin(client, waiter)),
      (error) => {
        this.#forget(client);
        client.end(() => {
          this._pulseQueue();
          if (!waiter.timedOut) waiter.callback(error as Error, undefined, noRelease);
        });
      },
    );
  }

  #begin(client: PoolClient, waiter: PendingItem): void {
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

  #lend(client: PoolClient, waiter: PendingItem, isNew: boolean): void {
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
    if (uses >= this.options.maxUses) this.log("remove expended client");
    if (error || this.ending || isUnusable || uses >= this.options.maxUses || this.#expired.delete(client)) {
      return this._remove(client, () => this._pulseQueue());
    }
    const { idleTimeoutMillis, allowExitOnIdle } = this.options;
    const timer = idleTimeoutMillis && this._isAboveMin()
      ? setTimeout(() => {
        if (this._isAboveMin()) this._remove(client, () => this._pulseQueue());
      }, idleTimeoutMillis)
      : undefined;
    if (allowExitOnIdle) {
      timer?.unref?.();
      client.unref();
    }
    this._idle.push({ client, timer });
    this._pulseQueue();
  }

  /** Internal: whether there are more clients than are kept. */
  _isAboveMin(): boolean {
    return this._clients.length > this.options.min;
  }

  /** Internal: closes a client. */
  _remove(client: PoolClient, done?: () => void): void {
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
      this._remove(client);
      this.emit("error", error, client);
    };
    this.#listeners.set(client, listener);
    return listener;
  }

  #query(config: unknown, values: unknown, done: QueryDone): void {
    // By the method, which programs and instrumentations replace.
    this.connect((error, client) => {
      if (error) done(error);
      else queryAndRelease(client!, config, values, done);
    });
  }

  #refuseFunction(callback: QueryDone): void {
    const error = new Error("Passing a function as the first parameter to pool.query is not supported");
    setImmediate(() => callback(error));
  }

  #end(callback: (error?: Error) => void): void {
    if (this.ending) return callback(new Error("Called end on pool more than once"));
    this.ending = true;
    this.#onEnded = callback;
    this._pulseQueue();
  }
}

/** Executes a query on a client that was lent for it. */
function queryAndRelease(client: PoolClient, config: unknown, values: unknown, done: QueryDone): void {
  let isOver = false;
  const end = (error: Error | undefined | null, result?: unknown): void => {
    if (isOver) return;
    isOver = true;
    client.removeListener("error", end);
    client.release(error as Error);
    if (error) done(error);
    else done(undefined, result);
  };
  client.once("error", end);
  try {
    client.query(config as string, values as unknown[], end);
  } catch (error) {
    end(error as Error);
  }
}

function noRelease(): void {}
