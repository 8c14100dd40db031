/** The base of what the blocking API iterates over. */

/**
 * The base of streams and notifications of blocking connections: the runtime's `Iterator`, whose methods they have
 * (`map`, `filter`, `take`, `drop`, `flatMap`, `forEach`, `reduce`, `some`, `every`, `find`, `toArray`). A method that
 * does not need all items closes the stream.
 *
 * Source: ECMAScript 2025, "Iterator Objects".
 *
 * @example
 * ```ts
 * import { Conn } from "@x/pyro/sync";
 * import assert from "node:assert/strict";
 *
 * using conn = new Conn("pg://");
 * const squares = conn.stream<{ n: number }>("select n from generate_series(1, 1000000) as n").map(({ n }) => n * n);
 * assert.deepEqual(squares.take(3).toArray(), [1, 4, 9]);
 * ```
 */
export const BlockingIterator: abstract new <T>() => IteratorObject<T, undefined, unknown> =
  // Where there is none yet, streams are iterators without these methods.
  Reflect.get(globalThis, "Iterator") ?? Object;
