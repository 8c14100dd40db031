/** The memory that a fault proxy shares with its thread: where each number is. */

/** The indices. */
export const Cell = {
  /** How many clients have a socket open. */
  Open: 0,
  /** How many were accepted so far. */
  Accepted: 1,
  /** The number of the connection whose bytes are counted, and which has the fault. */
  Armed: 2,
  /** 0 towards the server, 1 towards the client. */
  Direction: 3,
  /** How many bytes pass before the fault. */
  After: 4,
  /** What happens then: an index of {@linkcode THEN}, and 1 more; 0 for no fault. */
  Then: 5,
  /** Whether it has happened. */
  Struck: 6,
  /** Whether bytes that are held may go on. */
  Released: 7,
  /** How many bytes have passed towards the server; in the next one, towards the client. */
  Passed: 8,
  /** Whether all connections stand still. */
  Stalled: 10,
  /** How many milliseconds bytes are delayed. */
  Delay: 11,
  /** Whether new connections are refused. */
  Refusing: 12,
  /** The number of cells. */
  Count: 13,
} as const;

/** The faults. */
export const THEN = ["end", "reset", "hold"] as const;
