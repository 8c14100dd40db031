/**
 * pyro with the interface of pg (node-postgres), for programs and libraries that use it: `Client`, `Pool`, callbacks,
 * events, `types`. `docs/pg.md` says what is different.
 *
 * The package `@x/pyro-pg` is this module, and can take pg's place in a project without any change of its code:
 * `"pg": "npm:@x/pyro-pg"`.
 *
 * @example
 * ```ts
 * import pg from "@x/pyro/pg";
 * import assert from "node:assert/strict";
 *
 * const pool = new pg.Pool();
 * const { rows } = await pool.query("select $1::text as name, now() as time", ["Ada"]);
 * assert.deepEqual([rows[0].name, rows[0].time instanceof Date], ["Ada", true]);
 * await pool.end();
 * ```
 *
 * @module
 */
import * as pg from "./exports.ts";

export * from "./exports.ts";
export default pg;
