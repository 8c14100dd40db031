/** How time grows with the length of what is worked on. */
import assert from "node:assert/strict";

/**
 * Checks that eight times as much takes not more than about eight times as long: a wide margin is left
 * for busy machines, which squares, 64 times as long, are beyond all the same.
 */
export function growsInProportion(length: number, prepare: (length: number) => () => unknown): void {
  const short = fastest(length, prepare);
  const long = fastest(8 * length, prepare);
  // What takes no time at all may take a little.
  assert.ok(long < 5 * 8 * Math.max(short, SHORTEST), `${length} take ${short} ms, ${8 * length} take ${long} ms`);
}

function fastest(length: number, prepare: (length: number) => () => unknown): number {
  return Math.min(...Array.from({ length: 3 }, () => {
    const work = prepare(length);
    const start = performance.now();
    work();
    return performance.now() - start;
  }));
}

const SHORTEST = 2;
