/**
 * Functions that are given to calls, for both worlds: written as generators that yield what they would
 * await. A blocking connection takes no async function.
 */
import type { World } from "./worlds.ts";

/** What a generator yields, and gets back as what it settles to. */
// deno-lint-ignore no-explicit-any
export type Body<R> = Generator<unknown, R, any>;

/** The function that a call in that world takes. */
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
  // What a call throws is thrown where the body makes it.
  while (!step.done) step = body.next(step.value);
  return step.value;
}

/** What a call throws in the blocking world, as the rejection that it is in the other. */
export async function attempt<T>(call: () => T | Promise<T>): Promise<T> {
  return await Promise.resolve().then(call);
}
