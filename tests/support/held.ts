/** How many of them are still held once the garbage collector has had its time: at most `enough`, or those that stay. */
export async function stillHeld(refs: readonly WeakRef<object>[], enough: number): Promise<number> {
  let held = Infinity;
  for (let round = 0; round < ROUNDS && held > enough; round++) {
    // Garbage makes every runtime collect sooner or later; a turn of the event loop lets go of what WeakRefs gave out.
    for (let i = 0; i < 16; i++) new Uint8Array(0x10_0000).fill(i);
    await new Promise((resolve) => setTimeout(resolve, 5));
    held = refs.filter((ref) => ref.deref() !== undefined).length;
  }
  return held;
}

const ROUNDS = 200;
