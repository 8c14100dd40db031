/** The clock and timers of the drivers. */
import { setImmediate } from "node:timers";

/** The time in milliseconds; it never goes back. */
export function now(): number {
  return performance.now();
}

/** The local time for people, in microseconds: `2026-03-01 12:34:56.123456`. */
export function timeStamp(): string {
  if (typeof Temporal === "undefined") return dateStamp(new Date());
  return Temporal.Now.plainDateTimeISO().toString({ smallestUnit: "microsecond" }).replace("T", " ");
}

/** The same where there is no Temporal, and the clock counts milliseconds. */
function dateStamp(date: Date): string {
  const utc = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return `${utc.toISOString().slice(0, -1).replace("T", " ")}000`;
}

/** Waits at most `milliseconds` for a promise; returns whether it has settled. */
export async function atMost(promise: Promise<unknown>, milliseconds: number): Promise<boolean> {
  const ended = promise.then(() => true, () => true);
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

/** The longest time of a timer, in milliseconds. */
export const MAX_MILLISECONDS = 0x7fff_ffff;
