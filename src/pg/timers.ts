/** The timers of `timers.ts`, and the next tick. To load `process` takes long on Deno, so only pg's interface does. */

export * from "../timers.ts";
export const nextTick: typeof process.nextTick = process.nextTick;
