/** How many of them are still held once the garbage collector has had its time: at most `enough`, or those that stay. */
export async function stillHeld(refs: readonly WeakRef<object>[], enough: number): Promise<number> {
  let held = Infinity;
  for (let round = 0; round < ROUNDS && held > enough; round++) {
    // Garbage makes V8 collect; JavaScriptCore leaves old objects alone unless it is told to look.
    Reflect.get(globalThis, "Bun")?.gc(true);
    for (let i = 0; i < 16; i++) new Uint8Array(0x10_0000).fill(i);
    // A turn of the event loop lets go of what WeakRefs gave out.
    await new Promise((resolve) => setTimeout(resolve, 5));
    held = refs.filter((ref) => ref.deref() !== undefined).length;
  }
  return held;
}

/** Makes garbage until it is so; false if it never is. Nothing looks at WeakRefs meanwhile, which would hold on to what they refer to. */
export async function collectedUntil(isSo: () => boolean): Promise<boolean> {
  for (let round = 0; round < ROUNDS && !isSo(); round++) {
    Reflect.get(globalThis, "Bun")?.gc(true);
    for (let i = 0; i < 16; i++) new Uint8Array(0x10_0000).fill(i);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return isSo();
}

const ROUNDS = 200;
