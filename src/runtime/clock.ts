/** The clock and timers of the drivers. */
import { clearTimeout, now, setImmediate, setTimeout, wallClock } from "../timers.ts";

export { now };

/** When {@linkcode now} was 0, by the system's clock. */
let origin: number | undefined;
/** In milliseconds. */
const MAX_CLOCK_DIFFERENCE = 20;

/** The local time for people, in microseconds: `2026-03-01 12:34:56.123456`. */
export function timeStamp(): string {
  const wall = wallClock();
  origin ??= wall - now();
  let time = origin + now();
  // The clock was set, or the machine slept.
  if (Math.abs(time - wall) > MAX_CLOCK_DIFFERENCE) {
    origin += wall - time;
    time = wall;
  }
  const date = new Date(time);
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString();
  const microseconds = Math.floor(time * 1000) % 1000;
  return `${local.slice(0, -1).replace("T", " ")}${String(microseconds).padStart(3, "0")}`;
}

/** Waits at most `milliseconds` for a promise; returns whether it has settled. */
export async function atMost(promise: Promise<unknown>, milliseconds: number): Promise<boolean> {
  let hasEnded = false;
  const ended = promise.then(() => hasEnded = true, () => hasEnded = true);
  // Often it has, or is about to. Looking costs less than a timer.
  for (let i = 0; i < MICROTASKS && !hasEnded; i++) await undefined;
  if (hasEnded) return true;
  // A timer with a longer time would fire at once.
  if (milliseconds > MAX_MILLISECONDS) return await ended;
  const { promise: over, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(() => resolve(false), Math.max(0, milliseconds));
  const inTime = await Promise.race([ended, over]);
  clearTimeout(timer);
  return inTime;
}

/** Resolves after `milliseconds`. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Resolves at the end of this turn of the event loop. */
export function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Blocks for `milliseconds`. */
export function block(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** How many microtasks {@linkcode atMost} waits before it makes a timer. */
const MICROTASKS = 4;
/** The longest time of a timer, in milliseconds. */
export const MAX_MILLISECONDS = 0x7fff_ffff;
