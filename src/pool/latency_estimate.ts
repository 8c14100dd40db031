/**
 * Which statements are quick, so that waiting callers may share a connection for them.
 *
 * A quick statement only reads, and was quick before. Statements that may begin a transaction are excluded, because
 * other callers' statements would run in it; so are statements that may wait for a lock, because its holder could be
 * a statement that is queued after them.
 */
import { isPlainRead } from "../sql/statement.ts";

/** Estimates how long statements take. */
export class LatencyEstimate {
  /** By SQL text, in milliseconds; Infinity for statements that must not share a connection. */
  readonly #costs = new Map<string, number>();

  /**
   * How long a statement is expected to take, in milliseconds; Infinity if that is unknown, or if it must not share a
   * connection.
   */
  costOf(sql: string): number {
    return this.#costs.get(sql) ?? Infinity;
  }

  /**
   * Records how long a statement took, in milliseconds. After a slow execution, the estimate falls by at most half
   * each time.
   */
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

/** How many milliseconds of work one connection gets at a time, from several callers in the wait queue. */
export const WAITING_BATCH_BUDGET = 10;
/** The same for callers that come at the same time, while other connections are idle. */
export const BATCH_BUDGET = 1;
/** How many statements are remembered. */
const CAPACITY = 1000;
