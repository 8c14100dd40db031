/** The pause before the next attempt: longer after each failure, and random, so that not all clients retry at once. */

/** The pause after that many failures in a row, at most `longest` milliseconds. `random` is a number from 0 to 1. */
export function backoff(failures: number, random: number, longest: number = LONGEST): number {
  const limit = Math.min(FIRST * 2 ** Math.min(failures - 1, 30), longest);
  return limit * (0.5 + random / 2);
}

/** The longest pause while callers wait: they are to get a connection within a second of the server's return. */
export const LONGEST_WITH_CALLERS = 800;

const FIRST = 100;
const LONGEST = 5000;
