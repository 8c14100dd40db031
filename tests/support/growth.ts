/** How time grows with the length of what is worked on. */
import assert from "node:assert/strict";

/**
 * Checks that eight times as much takes not more than about eight times as long: a wide margin is left,
 * which squares, 64 times as long, are beyond all the same. A busy machine may stop any measurement for
 * longer than the work takes, so the fastest of several counts.
 */
export function growsInProportion(length: number, prepare: (length: number) => () => unknown): void {
  let short = Infinity;
  let long = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    short = Math.min(short, timeOf(prepare(length)));
    long = Math.min(long, timeOf(prepare(8 * length)));
    // What takes no time at all may take a little.
    if (long < 5 * 8 * Math.max(short, SHORTEST)) return;
  }
  assert.fail(`${length} take ${short} ms, ${8 * length} take ${long} ms`);
}

function timeOf(work: () => unknown): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

const ROUNDS = 10;
const SHORTEST = 2;
