/** How long to wait before trying again: longer each time, and never the same for all who wait. */

/** The pause after that many failures in a row, in milliseconds. `random` is a number from 0 to 1. */
export function backoff(failures: number, random: number): number {
  const longest = Math.min(FIRST * 2 ** Math.min(failures - 1, 30), LONGEST);
  return longest * (0.5 + random / 2);
}

const FIRST = 100;
const LONGEST = 5000;
