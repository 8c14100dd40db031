/** The user's functions that a call comes from, directly or not. */
import { AsyncLocalStorage } from "node:async_hooks";

/** A function that something waits for, and the one that this was called from. */
export interface CallerContext {
  /** The op or cancellation that waits for it. */
  readonly op: object;
  readonly outer: CallerContext | undefined;
}

const callers = new AsyncLocalStorage<CallerContext>();

/** The function that this is called from. */
export function currentCaller(): CallerContext | undefined {
  return callers.getStore();
}

/** Calls a function that `op` waits for. */
export function callWithin(op: object, fn: () => unknown): unknown {
  return callers.run({ op, outer: callers.getStore() }, fn);
}

/** Whether a function that `op` waits for is among these. */
export function isWithin(caller: CallerContext | undefined, op: object): boolean {
  for (; caller !== undefined; caller = caller.outer) {
    if (caller.op === op) return true;
  }
  return false;
}
