/**
 * The timers and clocks of the runtime, as they are when pyro is loaded. A test that replaces the global ones by fakes,
 * as `jest.useFakeTimers()` does, stops the time of the program, but not that of the server: a call that needed a fake
 * timer would wait for ever.
 */

export const setTimeout: typeof globalThis.setTimeout = globalThis.setTimeout;
export const clearTimeout: typeof globalThis.clearTimeout = globalThis.clearTimeout;
export const setImmediate: typeof globalThis.setImmediate = globalThis.setImmediate;
export const queueMicrotask: typeof globalThis.queueMicrotask = globalThis.queueMicrotask;
/** The system's clock, in milliseconds. */
export const wallClock: () => number = Date.now;
/** A clock that never goes back, in milliseconds. Node loads `performance` when it is first used, which takes 2 ms. */
export const now: () => number = "Deno" in globalThis || "Bun" in globalThis
  ? performance.now.bind(performance)
  : nodeClock();

function nodeClock(): () => number {
  const { hrtime } = process;
  return () => {
    const [seconds, nanoseconds] = hrtime();
    return seconds * 1e3 + nanoseconds / 1e6;
  };
}
