/** How a pool that blocks makes calls on its connections: once, or with retries. */
import type { PoolStatement } from "../../connection/arguments.ts";
import type { CallOptions } from "../../connection/call_options.ts";
import { isRetryable, MAX_RETRIES } from "../../statements/unexecuted.ts";
import { Lease } from "../lease.ts";
import type { Conn } from "../../sync/conn.ts";
import type { PoolManager } from "./pool_manager.ts";
import type { PoolSource } from "./pool_stream.ts";

/** No call waits for a connection, and the connection copies the parameters. */
export { splitArguments as argumentsOf } from "../../connection/arguments.ts";

/** Makes calls on the connections of one pool. */
export class PoolCalls {
  readonly #manager: PoolManager;

  constructor(manager: PoolManager) {
    this.#manager = manager;
  }

  /** As {@linkcode withRetries}: there are no other callers at the same time. */
  batched<O extends CallOptions, T>(
    _stmt: PoolStatement,
    options: O | undefined,
    make: (conn: Conn, options: O | undefined) => T,
  ): T {
    return this.withRetries(options, make);
  }

  /**
   * Makes a call on a connection. Repeats it if the connection was lost before anything was sent, or if
   * nothing was executed because the statement was stale.
   */
  withRetries<O extends CallOptions, T>(options: O | undefined, make: (conn: Conn, options: O | undefined) => T): T {
    for (let left = MAX_RETRIES;; left--) {
      const entry = this.#manager.acquire();
      try {
        return make(entry.conn, options);
      } catch (error) {
        if (!isRetryable(error, left) || this.#manager.closed) throw error;
      } finally {
        this.#manager.release(entry);
      }
    }
  }

  /** Makes a call that must not be repeated. */
  once<O extends CallOptions, T>(options: O | undefined, make: (conn: Conn, options: O | undefined) => T): T {
    const entry = this.#manager.acquire();
    try {
      return make(entry.conn, options);
    } finally {
      this.#manager.release(entry);
    }
  }

  /** Opens a stream on a connection, which is released when the stream ends. */
  openSource<T>(
    _options: CallOptions | undefined,
    acquiredAt: Error,
    make: (conn: Conn) => PoolSource<T>["items"],
  ): PoolSource<T> {
    const entry = this.#manager.acquire();
    const lease = new Lease();
    const unwatch = this.#manager.watch(lease, entry, acquiredAt);
    const end = (): void => {
      unwatch();
      this.#manager.release(entry);
    };
    try {
      return { items: make(entry.conn), lease, end };
    } catch (error) {
      end();
      throw error;
    }
  }
}
