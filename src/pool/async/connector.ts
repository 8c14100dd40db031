/** Opens a pool's connections, and decides when to try again after a failure. */
import { Abort } from "../../abort.ts";
import { atMost, now } from "../../runtime/clock.ts";
import { ConnectionError, keepStack, PyroError } from "../../errors.ts";
import type { HostChoice } from "../../connect/host_choice.ts";
import { ServerAddress, verifiedSockets } from "../../connect/server_address.ts";
import type { Settings } from "../../options/settings.ts";
import { backoff, LONGEST_WITH_CALLERS } from "../backoff.ts";
import { isTransient, lostWhileOpening } from "../failure.ts";
import { errorFields, type Log } from "../../telemetry/log.ts";
import { isPromise } from "../../unheeded.ts";
import type { Conn } from "../../async/conn.ts";
import { open } from "../../async/opened.ts";
import { PoolConn } from "./pool_conn.ts";

/** The `onConnect` option. */
export type OnConnect = (conn: Conn) => unknown;

/** Opens connections to one server. */
export class Connector {
  readonly #name: string;
  readonly #settings: Settings;
  readonly #onConnect: OnConnect;
  readonly #log: Log | undefined;
  readonly #address: ServerAddress;
  /** Aborts the attempts to connect that are under way. */
  #abort = new Abort();
  /** Whether attempts to connect were aborted for good. */
  isAborted = false;
  /** Whether the server has been reached since the last failure. */
  isReached = false;
  /** Whether it was ever reached: later failures are likely to be transient. */
  wasReached = false;
  /** The number of failures since the server was reached. */
  failures = 0;
  lastFailure: unknown = undefined;
  /** No attempt to connect begins before this time, nor before the other one while callers wait. */
  #pauseUntil = 0;
  #pauseForCallersUntil = 0;
  /** Whether the last failure is likely to be transient. */
  #isFailureTransient = false;

  constructor(name: string, settings: Settings, choice: HostChoice, onConnect: OnConnect, log: Log | undefined) {
    this.#address = new ServerAddress(verifiedSockets, choice);
    this.#name = name;
    this.#settings = settings;
    this.#onConnect = onConnect;
    this.#log = log;
  }

  /** Aborts all attempts to connect, also later ones. */
  abort(reason: Error): void {
    this.isAborted = true;
    this.#abort.abort(reason);
  }

  /** Aborts the attempts to connect that are under way, for others to take their place. */
  restart(reason: Error): void {
    if (this.isAborted) return;
    this.#abort.abort(reason);
    this.#abort = new Abort();
  }

  /** Opens a connection, and calls `onConnect` with it. */
  async connect(): Promise<PoolConn> {
    const signal = this.#abort;
    const conn = new PoolConn(await open(this.#settings, signal, this.#address));
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const abort = (): void => reject(signal.reason);
    signal.addEventListener("abort", abort);
    try {
      signal.throwIfAborted();
      // It can be lost before anybody could be told of that.
      if (conn.closed) throw lostWhileOpening();
      // A callback that does not end must not keep the pool from closing.
      await Promise.race([this.#setUp(conn), aborted]);
      if (conn.closed) throw lostWhileOpening();
      return conn;
    } catch (error) {
      await conn.close({ timeout: 0 });
      throw error;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  async #setUp(conn: PoolConn): Promise<void> {
    const { connectTimeout = 30_000 } = this.#settings;
    try {
      await withTimeout("onConnect", this.#onConnect(conn), connectTimeout || Infinity);
    } catch (error) {
      if (error instanceof PyroError) keepStack(error);
      throw error;
    }
    if (!conn.isReleased) await conn.release(CLEAN_UP_TIMEOUT);
  }

  /** Whether a failure to connect is likely to be transient. */
  isTransient(error: unknown): boolean {
    return this.wasReached && isTransient(error);
  }

  /** Records that the server was reached. */
  succeeded(): void {
    if (this.failures > 0) this.#log?.info("connected again", { pool: this.#name, failures: this.failures });
    this.isReached = this.wasReached = true;
    this.failures = this.#pauseUntil = this.#pauseForCallersUntil = 0;
  }

  /** Records a failed attempt. True if the failure is likely to be transient. */
  failed(error: unknown): boolean {
    this.isReached = false;
    this.lastFailure = error;
    // When the server is back, it may have another Unix socket.
    this.#address.invalidate();
    return this.#isFailureTransient = this.isTransient(error);
  }

  /**
   * When the pause after a failure is over; undefined if it is over already. If the failure is not transient, waiting
   * callers do not wait for that.
   */
  pauseEnd(hasCallers: boolean): number | undefined {
    if (hasCallers && !this.#isFailureTransient) return undefined;
    const end = hasCallers ? this.#pauseForCallersUntil : this.#pauseUntil;
    return now() < end ? end : undefined;
  }

  /** Pauses before the next attempt, longer after each failure. */
  pause(): void {
    // Attempts made at the same time fail for the same reason, and count as one.
    if (now() < this.#pauseForCallersUntil) return;
    const random = Math.random();
    const pause = backoff(++this.failures, random);
    const fields = errorFields(this.lastFailure);
    this.#log?.warn("cannot connect", { pool: this.#name, failures: this.failures, pause, ...fields });
    this.#pauseUntil = now() + pause;
    this.#pauseForCallersUntil = now() + backoff(this.failures, random, LONGEST_WITH_CALLERS);
  }
}

/** Closes and rolls back what the user left open; closes the connection if that fails, or if `onRelease` says so. */
export async function cleanUp(
  conn: PoolConn,
  onRelease: ((conn: Conn) => unknown) | undefined,
  onFailure: (error: unknown) => void,
): Promise<void> {
  try {
    await conn.release(CLEAN_UP_TIMEOUT);
    const keep = await withTimeout("onRelease", onRelease?.(conn), CLEAN_UP_TIMEOUT);
    if (keep === false || !conn.isReleased) await conn.close({ timeout: 0 });
  } catch (error) {
    onFailure(error);
    await conn.close({ timeout: 0 });
  }
}

/** The result of a user's function, or an error if it takes too long. */
async function withTimeout<T>(name: string, result: T | PromiseLike<T>, milliseconds: number): Promise<T> {
  if (!isPromise(result)) return result;
  // Not every library's promise is a Promise, and asking for its result twice may run it twice.
  const promise = Promise.resolve(result);
  if (!await atMost(promise, milliseconds)) {
    throw new ConnectionError(`Cannot use the connection: ${name} did not finish within ${milliseconds} ms`);
  }
  return await promise;
}

/** Milliseconds for cleaning up what a user's function has left open. */
export const CLEAN_UP_TIMEOUT = 5000;
