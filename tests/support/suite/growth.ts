/** Checks how time grows with the length of the input. */
import assert from "node:assert/strict";
import process from "node:process";

/**
 * Checks that an input eight times as long takes at most about eight times as long. The margin is wide,
 * but quadratic time, 64 times as long, exceeds it. A busy machine may stop any measurement for longer
 * than the work takes, so the fastest of several counts.
 */
export function growsInProportion(length: number, prepare: (length: number) => () => unknown): void {
  let short = Infinity;
  let long = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    short = Math.min(short, timeOf(prepare(length)));
    long = Math.min(long, timeOf(prepare(8 * length)));
    // Very short times are not precise.
    if (long < 5 * 8 * Math.max(short, SHORTEST)) return;
  }
  assert.fail(`${length} take ${short} ms, ${8 * length} take ${long} ms`);
}

/** Milliseconds: without those in which the machine does something else, and without those of other threads. */
function timeOf(work: () => unknown): number {
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  work();
  const elapsed = performance.now() - start;
  const { user, system } = process.cpuUsage(cpuBefore);
  return Math.min(elapsed, (user + system) / 1000);
}

const ROUNDS = 10;
const SHORTEST = 2;
