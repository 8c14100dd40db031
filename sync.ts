/**
 * The blocking entry point: every method returns when the server has answered.
 *
 * The names are those of `@x/pyro/async`; moving code from one to the other changes the import and
 * the `await`s.
 *
 * @example
 * ```ts
 * import { Conn } from "@x/pyro/sync";
 * import assert from "node:assert/strict";
 *
 * using conn = new Conn("pg://");
 * assert.deepEqual(conn.query("select 'hello' as greeting"), [{ greeting: "hello" }]);
 * ```
 *
 * @module
 */
export { Conn, type Statement } from "./src/sync/conn.ts";
export { PreparedStatement } from "./src/sync/prepared_statement.ts";
export * from "./src/shared.ts";
