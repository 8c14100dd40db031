/**
 * Which statements are quick, so that callers who wait may share a connection for them.
 *
 * Only what reads, and what has shown to be quick when it had a connection for itself. A statement that
 * may begin a transaction would have others run in it, and one that may wait for a lock could wait for
 * the one behind it.
 */

/** Remembers how long statements took. */
export class Pace {
  /** By SQL text, whether it was quick the last time. */
  readonly #quick = new Map<string, boolean>();

  /** Whether a statement may share a connection. */
  isQuick(sql: string): boolean {
    return this.#quick.get(sql) === true;
  }

  /** A statement took that long, in milliseconds. */
  note(sql: string, milliseconds: number): void {
    const isQuick = milliseconds < QUICK;
    if (this.#quick.get(sql) === isQuick) return;
    if (this.#quick.size >= CAPACITY) this.#quick.clear();
    this.#quick.set(sql, isQuick && READS.test(sql) && !LOCKS.test(sql));
  }
}

const QUICK = 20;
/** How many statements are remembered. */
const CAPACITY = 1000;
const READS = /^\s*(?:select|table|values)\b/i;
/** Words by which a `select` locks rows, or calls for a lock. They may be a part of something else. */
const LOCKS = /\bfor\s+(?:no\s+key\s+|key\s+)?(?:update|share)\b|lock|sleep/i;
