/** The pause before the next attempt: longer after each failure, and random, so that not all clients retry at once. */

/** The pause after that many failures in a row, in milliseconds. `random` is a number from 0 to 1. */
export function backoff(failures: number, random: number): number {
  const longest = Math.min(FIRST * 2 ** Math.min(failures - 1, 30), LONGEST);
  return longest * (0.5 + random / 2);
}

const FIRST = 100;
const LONGEST = 5000;
