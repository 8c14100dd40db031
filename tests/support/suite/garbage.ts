import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Collects garbage. */
const collect: () => void = (() => {
  const bun = Reflect.get(globalThis, "Bun") as { gc(isSynchronous: boolean): void } | undefined;
  if (bun !== undefined) return () => bun.gc(true);
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
})();

/**
 * How many objects are still held after garbage collection: waits until at most `enough` are, or for a
 * limited time.
 */
export async function stillHeld(refs: readonly WeakRef<object>[], enough: number): Promise<number> {
  let held = Infinity;
  for (let round = 0; round < ROUNDS && held > enough; round++) {
    // The targets of WeakRefs that were made or read are held until the end of the event loop's turn.
    await new Promise((resolve) => setTimeout(resolve, 5));
    collect();
    held = refs.filter((ref) => ref.deref() !== undefined).length;
  }
  return held;
}

/**
 * Collects garbage until `isSo` returns true; false if it never does. WeakRefs are not read meanwhile,
 * which would hold their targets.
 */
export async function collectedUntil(isSo: () => boolean): Promise<boolean> {
  for (let round = 0; round < ROUNDS && !isSo(); round++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return isSo();
}

/**
 * By how many bytes the memory in use grows at most while something is done, looked at several times, in the blocking
 * world at the end only. Garbage counts up to `limit`, since a busy machine can be late to collect it.
 */
export async function mostGrowth(limit: number, work: () => Promise<unknown>): Promise<number> {
  const before = memoryInUse();
  let most = 0;
  const look = (): void => {
    if (memoryInUse() - before > limit) collect();
    most = Math.max(most, memoryInUse() - before);
  };
  const timer = setInterval(look, 100);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  if (!await collectedUntil(() => memoryInUse() - before <= limit)) look();
  return most;
}

/** Of this thread only: others, of other tests or servers, may share the process. */
function memoryInUse(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const ROUNDS = 200;
