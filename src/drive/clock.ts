/** The clock by which drivers time everything: milliseconds, never going back. */
export function now(): number {
  return performance.now();
}
