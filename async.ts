/**
 * The promise entry point: every method that talks to the server gives a promise.
 *
 * @example
 * ```ts
 * import { Conn } from "@x/pyro/async";
 * import assert from "node:assert/strict";
 *
 * await using conn = await Conn.connect("pg://");
 * assert.deepEqual(await conn.query("select 'hello' as greeting"), [{ greeting: "hello" }]);
 * ```
 *
 * @module
 */
export { Conn, type ConnectOptions, type Statement } from "./src/async/conn.ts";
export { PreparedStatement } from "./src/async/prepared_statement.ts";
export * from "./src/shared.ts";
