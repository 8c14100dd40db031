/** What a pool says of leaks where nobody has asked to be told. */
import type { PoolLeak } from "./leaks.ts";

/** A leak in words. */
export function leakWarning({ kind, milliseconds }: PoolLeak): string {
  const what = kind === "forgotten"
    ? "A connection of a pool was dropped without being given back, and the pool has taken it back"
    : "A connection of a pool has not been given back yet";
  return `${what}; it was taken ${milliseconds} ms ago`;
}
