// Derived from src/pool/async/pooled_conn.ts by tools/derive_sync.ts. Change that file, then run: deno task derive
/** Connections taken from a pool. */
import { closeTimeout } from "../../connection/arguments.ts";
import { UsageError } from "../../errors.ts";
import type { CloseOptions } from "../../connection/call_options.ts";
import type { Lease } from "../lease.ts";
import { Conn } from "../../sync/conn.ts";
import type { OpenedConnection } from "../../sync/opened.ts";

/**
 * A connection taken from a pool by `Pool.acquire`. It is released by `release()`, or at the end of its
 * `using`.
 *
 * The pool then closes open streams, portals and pipelines, rolls back an open transaction, and ends
 * listening. Settings, temporary tables and advisory locks stay; `reset()` before the release, or in
 * the pool's `onRelease`, undoes those too.
 *
 * @example
 * ```ts
 * import { Pool } from "@x/pyro/sync";
 * import assert from "node:assert/strict";
 *
 * using pool = new Pool("pg://");
 * {
 *   using conn = pool.acquire();
 *   conn.queryDrop("create temporary table t (n int)");
 *   assert.equal(conn.execBatch("insert into t values ($1)", [[1], [2]]), 2);
 * }
 * assert.equal(pool.stats().idle, 1);
 * ```
 */
export class PooledConn extends Conn {
  readonly #lease: Lease;
  readonly #giveBack: () => void | undefined;

  /** Internal: see {@linkcode PooledConn}. */
  constructor(opened: OpenedConnection, giveBack: () => void | undefined) {
    super(opened.target);
    this.#lease = opened.lease!;
    this.#giveBack = giveBack;
  }

  /** Whether it was released, closed or lost. */
  override get closed(): boolean {
    return this.#lease.isEnded || super.closed;
  }

  /**
   * Releases the connection.
   *
   * @throws {UsageError} If it was released before.
   */
  release(): void {
    if (!this.#lease.end()) throw new UsageError("Cannot release the connection: it was released or closed before");
    this.#giveBack();
  }

  /** As `Conn.cancel`. Fails after the release, since the connection may be executing another caller's statement. */
  override cancel(): void {
    this.#lease.check("cancel");
    super.cancel();
  }

  /** Closes the connection instead of releasing it. */
  override close(options?: CloseOptions): void {
    closeTimeout(options);
    if (!this.#lease.end("closed")) return;
    try {
      super.close(options);
    } finally {
      this.#giveBack();
    }
  }

  /** Releases the connection, unless it was released or closed before. */
  override [Symbol.dispose](): void {
    if (!this.#lease.isEnded) this.release();
  }
}
