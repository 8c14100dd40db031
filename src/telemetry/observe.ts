/** Work that somebody watches. */
import type { Observation } from "../protocol/request.ts";

/** Does something that is awaited while it is watched. */
export async function observe<T>(observation: Observation, work: () => Promise<T>): Promise<T> {
  let value: T;
  try {
    value = await observation.start(work);
  } catch (error) {
    observation.fail(error);
    throw error;
  }
  observation.succeed(value);
  return value;
}

/** Does something that blocks while it is watched. */
export function observeBlocking<T>(observation: Observation, work: () => T): T {
  let value: T;
  try {
    value = observation.start(work);
  } catch (error) {
    observation.fail(error);
    throw error;
  }
  observation.succeed(value);
  return value;
}
