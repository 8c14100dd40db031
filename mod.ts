/**
 * pyro, a PostgreSQL client for Deno, Bun and Node: everything of `@x/pyro/async`.
 *
 * @example
 * ```ts
 * import { Conn } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await using conn = await Conn.connect("pg://");
 * const rows = await conn.exec("select $1::text as name, now() as at", ["Ada"]);
 * assert.equal(rows[0]!.name, "Ada");
 * ```
 *
 * @module
 */
export * from "./async.ts";
