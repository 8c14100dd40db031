/** Reports connections that were not released. */
import type { PoolLeak } from "../pool/leak_detector.ts";
import { warn } from "../runtime/runtime.ts";
import type { Log } from "./log.ts";

/** Reports a leak to `onLeak`; without it to the log, or as a warning of the process. */
export function leakReporter(
  pool: string,
  log: Log | undefined,
  onLeak: ((leak: PoolLeak) => void) | undefined,
): (leak: PoolLeak) => void {
  if (onLeak !== undefined) return onLeak;
  if (log !== undefined) return (leak) => log.warn("connection not released", { pool, ...leak });
  return (leak) => warn(messageFor(leak), "PoolLeakWarning", leak.stack);
}

function messageFor({ kind, milliseconds }: PoolLeak): string {
  const what = kind === "forgotten"
    ? "A connection of a pool was dropped without being released, and the pool has taken it back"
    : "A connection of a pool has not been released yet";
  return `${what}; it was taken ${milliseconds} ms ago`;
}
