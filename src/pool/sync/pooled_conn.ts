// Derived from src/pool/async/pooled_conn.ts by tools/derive_sync.ts. Change that file, then run: deno task derive
/** Connections that were taken from a pool. */
import { closeTimeout } from "../../connection/arguments.ts";
import { UsageError } from "../../errors.ts";
import type { CloseOptions } from "../../connection/call_options.ts";
import type { Lease } from "../lease.ts";
import { Conn } from "../../sync/conn.ts";
import type { OpenedConnection } from "../../sync/opened.ts";

/**
 * A connection that was taken from a pool by `Pool.acquire`, to be given back: by `release()`, or by
 * the end of its `using`.
 *
 * What is left over then is undone: open streams, portals and pipelines are closed, an open
 * transaction is rolled back, and listening ends. Settings, temporary tables and advisory locks stay;
 * `reset()` before the release, or in the pool's `onRelease`, undoes those too.
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

  /** Not for callers: see {@linkcode PooledConn}. */
  constructor(opened: OpenedConnection, giveBack: () => void | undefined) {
    super(opened.target);
    this.#lease = opened.lease!;
    this.#giveBack = giveBack;
  }

  /** Whether it was given back, closed or lost. */
  override get closed(): boolean {
    return this.#lease.isEnded || super.closed;
  }

  /**
   * Gives the connection back.
   *
   * @throws {UsageError} If that was done before.
   */
  release(): void {
    if (!this.#lease.end()) throw new UsageError("Cannot release the connection: it is no longer yours");
    this.#giveBack();
  }

  /** As `Conn.cancel`; what others run on the connection later is not theirs to stop who had it before. */
  override cancel(): void {
    this.#lease.check("cancel");
    super.cancel();
  }

  /** Closes the connection, instead of giving it back to be used again. */
  override close(options?: CloseOptions): void {
    closeTimeout(options);
    if (!this.#lease.end("closed")) return;
    try {
      super.close(options);
    } finally {
      this.#giveBack();
    }
  }

  /** Gives the connection back, unless that was done before, or it was closed. */
  override [Symbol.dispose](): void {
    if (!this.#lease.isEnded) this.release();
  }
}
