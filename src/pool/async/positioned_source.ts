/**
 * Connections on which everything up to a position is visible: to a standby that has replayed it, or to the primary if
 * none has in time.
 */
import * as sessionCalls from "../../connection/session_calls.ts";
import type { OpenedConnection } from "../../async/opened.ts";
import { onAbort } from "../../run/aborts.ts";
import { atMost, now, pause } from "../../runtime/clock.ts";
import type { LatencyEstimate } from "../latency_estimate.ts";
import type { Lease } from "../lease.ts";
import type { PoolStats } from "../pool_state.ts";
import { type AcquireDeadline, AcquireTimeout } from "./caller_queue.ts";
import type { ConnectionSource } from "./connection_source.ts";
import type { Entry, PoolConn } from "./pool_conn.ts";

/** The position that must be visible, and how many milliseconds a caller waits for a standby to get there. */
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

  get latency(): LatencyEstimate {
    return this.#view.latency;
  }

  get acquireTimeout(): number {
    return this.#view.acquireTimeout;
  }

  /** None: it must be asked first what is visible. */
  acquireIdle(): undefined {}

  async acquire(deadline: AcquireDeadline, _cost: number): Promise<Entry> {
    const startedAt = now();
    const limit = withPoolLimit(deadline, this.#view.acquireTimeout);
    const left = (): number => limit.timeout === 0 ? Infinity : limit.timeout - (now() - startedAt);
    const rest = (share: number = 1): AcquireDeadline =>
      limit.timeout === 0 ? limit : { ...limit, timeout: Math.max(1, left() * share) };
    const until = startedAt + this.#position.wait;
    for (;;) {
      // The rest is for the primary, which may have to be connected to.
      const entry = await this.#acquireFromView(rest(1 / 2));
      if (entry === undefined) break;
      const visible = this.#isVisible(entry.conn);
      if (!await isInTime(visible, rest())) {
        // The question goes on without its caller: closing a connection of the pool would be too much.
        void visible.then(() => this.#view.release(entry, false));
        deadline.signal?.throwIfAborted();
        throw new AcquireTimeout(limit.callerTimeout);
      }
      if (await visible) return entry;
      void this.#view.release(entry, false);
      if (now() >= until) break;
      await pause(Math.min(POLL_INTERVAL, until - now()));
      deadline.signal?.throwIfAborted();
      // The answers may all have come in time, since a question always has a millisecond.
      if (left() <= 0) throw new AcquireTimeout(limit.callerTimeout);
    }
    const primary = this.#primary();
    const entry = await primary.acquire(rest(), Infinity);
    this.#ofPrimary.set(entry, primary);
    return entry;
  }

  /** A connection of the view; undefined if there is none, and the primary may have one. */
  async #acquireFromView(deadline: AcquireDeadline): Promise<Entry | undefined> {
    try {
      return await this.#view.acquire(deadline, Infinity);
    } catch (error) {
      if (deadline.signal?.aborted || this.closed) throw error;
      return undefined;
    }
  }

  async #isVisible(conn: PoolConn): Promise<boolean> {
    if (this.#visible.has(conn)) return true;
    try {
      const isVisible = await conn.opened.link.run(sessionCalls.isVisible(this.#position.after, POSITION_TIMEOUT));
      if (isVisible) this.#visible.add(conn);
      return isVisible;
    } catch {
      // Whoever is asked and does not answer is not asked for rows.
      return false;
    }
  }

  filled(): Promise<void> {
    return this.#view.filled();
  }

  acquireError(error: unknown): unknown {
    return this.#view.acquireError(error);
  }

  release(entry: Entry, wasUsed?: boolean): Promise<void> | undefined {
    return this.#sourceOf(entry).release(entry, wasUsed);
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

/** How long a caller waits on the view and on the primary together. */
function withPoolLimit(deadline: AcquireDeadline, poolTimeout: number): AcquireDeadline {
  if (poolTimeout === Infinity || (deadline.timeout > 0 && deadline.timeout < poolTimeout)) return deadline;
  return { ...deadline, timeout: poolTimeout, callerTimeout: poolTimeout };
}

/** Whether the answer comes before the caller gives up. */
async function isInTime(answer: Promise<unknown>, { timeout, signal }: AcquireDeadline): Promise<boolean> {
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  const unwatch = signal && onAbort(signal, resolve);
  let isAnswered = false;
  const answered = answer.then(() => {
    isAnswered = true;
  });
  await atMost(signal === undefined ? answered : Promise.race([answered, aborted]), timeout === 0 ? Infinity : timeout);
  unwatch?.();
  return isAnswered;
}

/** Milliseconds between two questions to a standby that lags. */
const POLL_INTERVAL = 10;
/** Milliseconds for a server to say what is visible on it. */
const POSITION_TIMEOUT = 2000;
