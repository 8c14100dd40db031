/** Where the calls on a pool, or on a view of it, get their connections. */
import type { OpenedConnection } from "../../async/opened.ts";
import type { LatencyEstimate } from "../latency_estimate.ts";
import type { Lease } from "../lease.ts";
import type { PoolStats } from "../pool_state.ts";
import type { AcquireDeadline } from "./caller_queue.ts";
import type { Entry } from "./pool_conn.ts";

/** Hands out connections, and takes them back. */
export interface ConnectionSource {
  /** Whether it hands out no more connections. */
  readonly closed: boolean;
  readonly stats: PoolStats;
  /** Which statements are quick on its connections. */
  readonly latency: LatencyEstimate;
  /** Milliseconds that a caller waits for a connection, Infinity for no limit. */
  readonly acquireTimeout: number;
  /** An idle connection that was used recently, if there is one. */
  acquireIdle(cost?: number): Entry | undefined;
  /** Waits for a working connection. `cost` is how long it is likely to be needed, in milliseconds. */
  acquire(deadline: AcquireDeadline, cost: number): Promise<Entry>;
  /** The error for a caller whose waiting has failed, with the caller's stack. */
  acquireError(error: unknown): unknown;
  /** Waits until no connection is being opened. Throws if some are missing then. */
  filled(): Promise<void>;
  /**
   * Takes a connection back. Resolves when another caller can have it. If no caller had it, since it was only looked at,
   * that is no use of it.
   */
  release(entry: Entry, wasUsed?: boolean): Promise<void> | undefined;
  /** Leases a connection to a user, and watches it until it is released. */
  lease(entry: Entry, acquiredAt: Error): { readonly opened: OpenedConnection; readonly end: () => void };
  /** Watches a connection until the returned function is called, or the lease is garbage-collected. */
  watch(lease: Lease, entry: Entry, acquiredAt: Error): () => void;
}
