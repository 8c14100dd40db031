/** The leases of a pool that awaits, and the detection of those that are never released. */
import { now } from "../../runtime/clock.ts";
import { OpenedConnection } from "../../async/opened.ts";
import { Lease } from "../lease.ts";
import { LeakDetector, type PoolLeak } from "../leak_detector.ts";
import type { Alarm } from "./alarm.ts";
import type { Entry } from "./pool_conn.ts";

/** Leases connections to users, and watches them until they are released. */
export class Leases {
  readonly #detector: LeakDetector<Entry>;
  readonly #alarm: Alarm;

  /** `reclaim` gets a connection whose lease was garbage-collected, once its calls are over. */
  constructor(timeout: number, alarm: Alarm, report: (leak: PoolLeak) => void, reclaim: (entry: Entry) => void) {
    this.#alarm = alarm;
    this.#detector = new LeakDetector(timeout, now, report, async (entry) => {
      await entry.conn.opened.link.drained(Infinity);
      reclaim(entry);
    });
  }

  /** When the next connection will be late. */
  get nextCheckAt(): number {
    return this.#detector.nextCheckAt;
  }

  /** The pool has closed all connections: none can be late, or forgotten. */
  end(): void {
    this.#detector.end();
    this.#alarm.clear();
  }

  /** Reports connections that are late. */
  check(): void {
    this.#detector.check();
  }

  /** Leases a connection to a user, and watches it until it is released. */
  lease(entry: Entry, acquiredAt: Error): { readonly opened: OpenedConnection; readonly end: () => void } {
    const { state, link } = entry.conn.opened;
    const lease = new Lease();
    return { opened: new OpenedConnection(state, link, lease), end: this.watch(lease, entry, acquiredAt) };
  }

  /** Watches a connection until the returned function is called, or the lease is garbage-collected. */
  watch(lease: Lease, entry: Entry, acquiredAt: Error): () => void {
    const { state } = entry.conn.opened;
    const end = this.#detector.watch(lease, entry, acquiredAt, () => state.handlers.endLease());
    this.#alarm.set(this.#detector.nextCheckAt);
    return end;
  }
}
