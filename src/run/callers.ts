/** Which user's functions a call comes from, directly or indirectly. */
import type { AsyncLocalStorage } from "node:async_hooks";
import { builtin } from "../builtin.ts";

/** A user's function that an op waits for, and the user's function around it. */
export interface CallerContext {
  /** The op or cancellation that waits for it. */
  readonly op: object;
  readonly outer: CallerContext | undefined;
}

/** Made with the first callback, since most programs need none. */
let callers: AsyncLocalStorage<CallerContext> | undefined;

/** The user's function that is running now. */
export function currentCaller(): CallerContext | undefined {
  return callers?.getStore();
}

/** Calls a function that `op` waits for. */
export function callWithin(op: object, fn: () => unknown): unknown {
  callers ??= new builtin.asyncHooks.AsyncLocalStorage();
  return callers.run({ op, outer: callers.getStore() }, fn);
}

/** Whether `op` waits for this function, or for one around it. */
export function isWithin(caller: CallerContext | undefined, op: object): boolean {
  for (; caller !== undefined; caller = caller.outer) {
    if (caller.op === op) return true;
  }
  return false;
}
