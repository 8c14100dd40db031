/**
 * The timers and clocks of the runtime, as they are when pyro is loaded. A test that replaces the global ones by fakes,
 * as `jest.useFakeTimers()` does, stops the time of the program, but not that of the server: a call that needed a fake
 * timer would wait for ever.
 */
import process from "node:process";

export const setTimeout: typeof globalThis.setTimeout = globalThis.setTimeout;
export const clearTimeout: typeof globalThis.clearTimeout = globalThis.clearTimeout;
export const setImmediate: typeof globalThis.setImmediate = globalThis.setImmediate;
export const queueMicrotask: typeof globalThis.queueMicrotask = globalThis.queueMicrotask;
export const nextTick: typeof process.nextTick = process.nextTick;
export const performance: typeof globalThis.performance = globalThis.performance;
/** The system's clock, in milliseconds. */
export const wallClock: () => number = Date.now;
