/** Detects connections that were taken from a pool and not released. */
import { callUnheeded } from "../unheeded.ts";
import type { Lease } from "./lease.ts";

/** A connection that was taken from a pool and not released. */
export interface PoolLeak {
  /**
   * `"forgotten"`: it was garbage-collected, and the pool has taken it back. `"late"`: it is in use for
   * longer than `poolLeakTimeout`.
   */
  readonly kind: "forgotten" | "late";
  /** How long it has been in use, in milliseconds. */
  readonly milliseconds: number;
  /** The stack of the call that took it. */
  readonly stack: string;
}

/** An acquired connection. */
interface LeakRecord<E> {
  readonly entry: E;
  readonly since: number;
  /** An error made where the connection was acquired; its stack becomes text only when it is read. */
  readonly acquiredAt: Error;
  /** Ends what the connection has of the lease. */
  readonly undo: () => void;
  isReported: boolean;
}

/**
 * Watches acquired connections. Calls `report` for each leak, and `reclaim` with a connection whose lease was
 * garbage-collected.
 */
export class LeakDetector<E> {
  readonly #timeout: number;
  readonly #now: () => number;
  readonly #report: (leak: PoolLeak) => void;
  readonly #registry: FinalizationRegistry<LeakRecord<E>>;
  readonly #records = new Set<LeakRecord<E>>();

  constructor(
    timeout: number,
    now: () => number,
    report: (leak: PoolLeak) => void,
    reclaim: (entry: E) => void,
  ) {
    this.#timeout = timeout;
    this.#now = now;
    this.#report = report;
    this.#registry = new FinalizationRegistry((record) => {
      if (!this.#records.delete(record)) return;
      record.undo();
      this.#reportLeak("forgotten", record);
      reclaim(record.entry);
    });
  }

  /** Reports and reclaims nothing any more: the pool has closed all connections. */
  end(): void {
    for (const record of this.#records) this.#registry.unregister(record);
    this.#records.clear();
  }

  /** When the next connection will be late. */
  get nextCheckAt(): number {
    for (const { since, isReported } of this.#records) if (!isReported) return since + this.#timeout;
    return Infinity;
  }

  /**
   * Watches an acquired connection. `acquiredAt` has the stack, and `undo` ends what the
   * connection has of the lease. The returned function must be called when the connection is released.
   */
  watch(lease: Lease, entry: E, acquiredAt: Error, undo: () => void): () => void {
    const record: LeakRecord<E> = { entry, since: this.#now(), acquiredAt, undo, isReported: false };
    this.#records.add(record);
    this.#registry.register(lease, record, record);
    return () => {
      this.#records.delete(record);
      this.#registry.unregister(record);
      undo();
    };
  }

  /** Reports connections that are late. */
  check(): void {
    for (const record of this.#records) {
      if (record.since + this.#timeout > this.#now()) break;
      if (record.isReported) continue;
      record.isReported = true;
      this.#reportLeak("late", record);
    }
  }

  #reportLeak(kind: PoolLeak["kind"], { since, acquiredAt }: LeakRecord<E>): void {
    const milliseconds = Math.round(this.#now() - since);
    callUnheeded(() => this.#report({ kind, milliseconds, stack: acquiredAt.stack ?? "" }));
  }
}
