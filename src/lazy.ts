/** Values that only some programs need: importing pyro must not take the time to make them. */

/** A function that makes a value when it is first called, and returns the same one from then on. */
export function lazy<T extends object | string>(make: () => T): () => T {
  let value: T | undefined;
  return () => value ??= make();
}
