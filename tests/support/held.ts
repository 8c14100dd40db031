import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Collects garbage. */
const collect: () => void = (() => {
  const bun = Reflect.get(globalThis, "Bun") as { gc(isSynchronous: boolean): void } | undefined;
  if (bun !== undefined) return () => bun.gc(true);
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
})();

/** How many of them are still held once the garbage collector has had its time: at most `enough`, or those that stay. */
export async function stillHeld(refs: readonly WeakRef<object>[], enough: number): Promise<number> {
  let held = Infinity;
  for (let round = 0; round < ROUNDS && held > enough; round++) {
    // What WeakRefs were made of or gave out is held until the event loop has turned.
    await new Promise((resolve) => setTimeout(resolve, 5));
    collect();
    held = refs.filter((ref) => ref.deref() !== undefined).length;
  }
  return held;
}

/** Collects garbage until it is so; false if it never is. Nothing looks at WeakRefs meanwhile, which would hold on to what they refer to. */
export async function collectedUntil(isSo: () => boolean): Promise<boolean> {
  for (let round = 0; round < ROUNDS && !isSo(); round++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return isSo();
}

const ROUNDS = 200;
