/** Time, as the drivers see it. */
import { setImmediate } from "node:timers";

/** Milliseconds, never going back. */
export function now(): number {
  return performance.now();
}

/** The local time for people, in microseconds: `2026-03-01 12:34:56.123456`. */
export function timeStamp(): string {
  return Temporal.Now.plainDateTimeISO().toString({ smallestUnit: "microsecond" }).replace("T", " ");
}

/** Whether the promise has ended, well or not, within that time. */
export async function atMost(promise: Promise<unknown>, milliseconds: number): Promise<boolean> {
  const ended = promise.then(() => true, () => true);
  // Timers cannot wait for longer, and would not wait at all.
  if (milliseconds > MAX_MILLISECONDS) return await ended;
  const { promise: over, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(() => resolve(false), Math.max(0, milliseconds));
  const inTime = await Promise.race([ended, over]);
  clearTimeout(timer);
  return inTime;
}

/** Resolves after that time. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Resolves once everything else has run that this turn of the event loop has for it. */
export function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Blocks for that time. */
export function block(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** What timers can wait for. */
export const MAX_MILLISECONDS = 0x7fff_ffff;
