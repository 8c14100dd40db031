/**
 * Which statements are quick, so that waiting callers may share a connection for them.
 *
 * Only statements that read, and that were quick when they did not share a connection. A statement that
 * may begin a transaction would have others run in it, and one that may wait for a lock could wait for
 * the one behind it.
 */
import { isPlainRead } from "../sql/statement.ts";

/** Estimates how long statements take. */
export class LatencyEstimate {
  /** By SQL text, in milliseconds; Infinity for what must not share. */
  readonly #costs = new Map<string, number>();

  /** How long a statement is expected to take, in milliseconds; Infinity where that is not known, or where it must not share. */
  costOf(sql: string): number {
    return this.#costs.get(sql) ?? Infinity;
  }

  /** A statement took that long, in milliseconds. What was slow once is trusted again step by step. */
  record(sql: string, milliseconds: number): void {
    const cost = this.#costs.get(sql);
    if (cost === Infinity) return;
    if (cost !== undefined) this.#costs.set(sql, Math.max(milliseconds, cost / 2));
    else {
      if (this.#costs.size >= CAPACITY) this.#costs.clear();
      this.#costs.set(sql, isPlainRead(sql) ? milliseconds : Infinity);
    }
  }
}

/** How many milliseconds of work are given to a connection in one go, for several callers that wait. */
export const WAITING_BATCH_BUDGET = 10;
/** The same for callers that come at once, where other connections are idle. */
export const BATCH_BUDGET = 1;
/** How many statements are remembered. */
const CAPACITY = 1000;
