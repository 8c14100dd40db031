/** Where the calls on a pool that blocks, or on a view of it, get their connections. */
import type { OpenedConnection } from "../../sync/opened.ts";
import type { Lease } from "../lease.ts";
import type { PoolStats } from "../pool_state.ts";
import type { Entry, PoolConn } from "./pool_conn.ts";

/** Hands out connections, and takes them back. */
export interface ConnectionSource {
  /** Whether it hands out no more connections. */
  readonly closed: boolean;
  readonly stats: PoolStats;
  /**
   * A working connection. `timeout` is how many milliseconds the server, or a standby, has to give one, and `given` how
   * many the caller has set; 0 is no limit.
   */
  acquire(timeout?: number, given?: number): Entry;
  /** Opens connections until as many are open as should be ready, at least one. */
  ready(): void;
  /**
   * Takes a connection back. If no caller had it, since it was only looked at, that is no use of it. Throws if
   * `onRelease` has returned a promise.
   */
  release(entry: Entry, wasUsed?: boolean): void;
  /** A host has missed a timeout: its connections are checked before they are used. */
  suspect(conn: PoolConn): void;
  /** Leases a connection to a user, and watches it until it is released. */
  lease(entry: Entry, acquiredAt: Error): { readonly opened: OpenedConnection; readonly end: () => void };
  /** Watches a connection until the returned function is called, or the lease is garbage-collected. */
  watch(lease: Lease, entry: Entry, acquiredAt: Error): () => void;
}
