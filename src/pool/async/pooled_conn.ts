/** Connections taken from a pool. */
import { closeTimeout } from "../../connection/arguments.ts";
import { UsageError } from "../../errors.ts";
import type { CloseOptions } from "../../connection/call_options.ts";
import type { Lease } from "../lease.ts";
import { Conn } from "../../async/conn.ts";
import type { OpenedConnection } from "../../async/opened.ts";

/**
 * A connection taken from a pool by `Pool.acquire`. It is released by `release()`, or at the end of its
 * `await using`.
 *
 * The pool then closes open streams, portals and pipelines, rolls back an open transaction, and ends
 * listening. Settings, temporary tables and advisory locks stay; `reset()` before the release, or in
 * the pool's `onRelease`, undoes those too.
 *
 * @example
 * ```ts
 * import { Pool } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await using pool = new Pool("pg://");
 * {
 *   await using conn = await pool.acquire();
 *   await conn.queryDrop("create temporary table t (n int)");
 *   assert.equal(await conn.execBatch("insert into t values ($1)", [[1], [2]]), 2);
 * }
 * assert.equal(pool.stats().idle, 1);
 * ```
 */
export class PooledConn extends Conn {
  readonly #lease: Lease;
  readonly #giveBack: () => Promise<void> | undefined;

  /** Internal: see {@linkcode PooledConn}. */
  constructor(opened: OpenedConnection, giveBack: () => Promise<void> | undefined) {
    super(opened);
    this.#lease = opened.lease!;
    this.#giveBack = giveBack;
  }

  /** Whether it was released, closed or lost. */
  override get closed(): boolean {
    return this.#lease.isEnded || super.closed;
  }

  /**
   * Releases the connection. Calls already made may take five seconds to finish; after that the
   * connection is closed, and the pool opens another one when it needs one.
   *
   * @throws {UsageError} If it was released before.
   */
  async release(): Promise<void> {
    if (!this.#lease.end()) throw new UsageError("Cannot release the connection: it was released or closed before");
    await this.#giveBack();
  }

  /** As `Conn.cancel`. Fails after the release, since the connection may be executing another caller's statement. */
  override async cancel(): Promise<void> {
    this.#lease.check("cancel");
    await super.cancel();
  }

  /** Closes the connection instead of releasing it. */
  override async close(options?: CloseOptions): Promise<void> {
    closeTimeout(options);
    if (!this.#lease.end("closed")) return;
    try {
      await super.close(options);
    } finally {
      await this.#giveBack();
    }
  }

  /** Releases the connection, unless it was released or closed before. */
  override async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#lease.isEnded) await this.release();
  }
}
