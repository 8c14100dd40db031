/**
 * Makes the callbacks of calls for both kinds of connections: they are generators that yield what they
 * would await, since a blocking connection does not accept async functions.
 */
import type { World } from "./worlds.ts";

/** A generator that yields promises or values, and gets back what they settle to. */
// deno-lint-ignore no-explicit-any
export type Body<R> = Generator<unknown, R, any>;

/** The callback for a call in a world. */
export function given<A extends unknown[], R>(world: World, body: (...given: A) => Body<R>): (...given: A) => R {
  if (world.name === "async") return ((...given: A) => awaiting(body(...given))) as unknown as (...given: A) => R;
  return (...given) => blocking(body(...given));
}

async function awaiting<R>(body: Body<R>): Promise<R> {
  let step = body.next();
  while (!step.done) {
    let value: unknown;
    try {
      value = await step.value;
    } catch (error) {
      step = body.throw(error);
      continue;
    }
    step = body.next(value);
  }
  return step.value;
}

function blocking<R>(body: Body<R>): R {
  let step = body.next();
  // An error of a call is thrown at the `yield` of the body.
  while (!step.done) step = body.next(step.value);
  return step.value;
}

/** An error that a blocking call throws, as a rejection. */
export async function attempt<T>(call: () => T | Promise<T>): Promise<T> {
  return await Promise.resolve().then(call);
}
