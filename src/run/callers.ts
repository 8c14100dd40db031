/** From which functions of the user's a call comes, directly or not. */
import { AsyncLocalStorage } from "node:async_hooks";

/** A function that something waits for, and the one that this was called from. */
export interface Caller {
  /** Who waits for it. */
  readonly of: object;
  readonly outer: Caller | undefined;
}

const callers = new AsyncLocalStorage<Caller>();

/** The function that this is called from. */
export function currentCaller(): Caller | undefined {
  return callers.getStore();
}

/** Calls a function that `of` waits for. */
export function callFor(of: object, fn: () => unknown): unknown {
  return callers.run({ of, outer: callers.getStore() }, fn);
}

/** Whether a function that `of` waits for is among these. */
export function isWithin(caller: Caller | undefined, of: object): boolean {
  for (; caller !== undefined; caller = caller.outer) {
    if (caller.of === of) return true;
  }
  return false;
}
