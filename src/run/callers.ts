/** From which functions of the user's a call comes, directly or not. */
import { AsyncLocalStorage } from "node:async_hooks";

/** A function that something waits for, and the one that this was called from. */
export interface CallerContext {
  /** Who waits for it. */
  readonly op: object;
  readonly outer: CallerContext | undefined;
}

const callers = new AsyncLocalStorage<CallerContext>();

/** The function that this is called from. */
export function currentCaller(): CallerContext | undefined {
  return callers.getStore();
}

/** Calls a function that `of` waits for. */
export function callWithin(op: object, fn: () => unknown): unknown {
  return callers.run({ op, outer: callers.getStore() }, fn);
}

/** Whether a function that `of` waits for is among these. */
export function isWithin(caller: CallerContext | undefined, op: object): boolean {
  for (; caller !== undefined; caller = caller.outer) {
    if (caller.op === op) return true;
  }
  return false;
}
