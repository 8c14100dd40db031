/**
 * Connections that block, on which everything up to a position is visible: to a standby that has replayed it, or to the
 * primary if none has in time.
 */
import * as sessionCalls from "../../connection/session_calls.ts";
import { PyroError, UsageError } from "../../errors.ts";
import type { OpenedConnection } from "../../sync/opened.ts";
import { block, now } from "../../runtime/clock.ts";
import type { Lease } from "../lease.ts";
import { acquireTimedOut } from "../failure.ts";
import type { PoolStats } from "../pool_state.ts";
import type { ConnectionSource } from "./connection_source.ts";
import type { Entry, PoolConn } from "./pool_conn.ts";

/** The position that must be visible, and how many milliseconds a call waits for a standby to get there. */
export interface Position {
  readonly after: string;
  readonly wait: number;
}

/** Hands out the connections of a view on which a position is visible, and otherwise those to the primary. */
export class PositionedSource implements ConnectionSource {
  readonly #view: ConnectionSource;
  readonly #primary: () => ConnectionSource;
  readonly #position: Position;
  /** Connections on which it is visible. The server behind a connection never goes back. */
  readonly #visible = new WeakSet<PoolConn>();
  /** Where connections to the primary were taken from. */
  readonly #ofPrimary = new WeakMap<Entry, ConnectionSource>();

  constructor(view: ConnectionSource, primary: () => ConnectionSource, position: Position) {
    this.#view = view;
    this.#primary = primary;
    this.#position = position;
  }

  get closed(): boolean {
    return this.#view.closed;
  }

  get stats(): PoolStats {
    return this.#view.stats;
  }

  acquire(timeout: number = 0, given: number = timeout): Entry {
    const startedAt = now();
    const by = timeout > 0 ? startedAt + timeout : Infinity;
    const until = startedAt + this.#position.wait;
    for (;;) {
      // The rest is for the primary, which may have to be connected to.
      const entry = this.#acquireFromView((by - now()) / 2);
      if (entry === undefined) break;
      if (this.#isVisible(entry.conn, by)) return entry;
      this.#view.release(entry, false);
      if (now() >= Math.min(until, by)) break;
      block(Math.min(POLL_INTERVAL, until - now(), by - now()));
    }
    if (now() >= by) throw acquireTimedOut(given, this.stats, {});
    const primary = this.#primary();
    const entry = primary.acquire(by - now(), given);
    this.#ofPrimary.set(entry, primary);
    return entry;
  }

  /** A connection of the view; undefined if its hosts cannot be reached, and the primary may be. */
  #acquireFromView(timeout: number): Entry | undefined {
    try {
      return this.#view.acquire(timeout);
    } catch (error) {
      if (this.closed || error instanceof UsageError || !(error instanceof PyroError)) throw error;
      return undefined;
    }
  }

  #isVisible(conn: PoolConn, by: number): boolean {
    if (this.#visible.has(conn)) return true;
    try {
      const time = Math.min(POSITION_TIMEOUT, Math.max(1, by - now()));
      const isVisible = conn.opened.link.run(sessionCalls.isVisible(this.#position.after, time));
      if (isVisible) this.#visible.add(conn);
      return isVisible;
    } catch {
      // Whoever is asked and does not answer is not asked for rows.
      return false;
    }
  }

  ready(): void {
    this.#view.ready();
  }

  release(entry: Entry, wasUsed?: boolean): void {
    this.#sourceOf(entry).release(entry, wasUsed);
  }

  suspect(conn: PoolConn): void {
    this.#view.suspect(conn);
    this.#primary().suspect(conn);
  }

  lease(entry: Entry, acquiredAt: Error): { readonly opened: OpenedConnection; readonly end: () => void } {
    return this.#sourceOf(entry).lease(entry, acquiredAt);
  }

  watch(lease: Lease, entry: Entry, acquiredAt: Error): () => void {
    return this.#sourceOf(entry).watch(lease, entry, acquiredAt);
  }

  #sourceOf(entry: Entry): ConnectionSource {
    return this.#ofPrimary.get(entry) ?? this.#view;
  }
}

/** Milliseconds between two questions to a standby that lags. */
const POLL_INTERVAL = 10;
/** Milliseconds for a server to say what is visible on it. */
const POSITION_TIMEOUT = 2000;
