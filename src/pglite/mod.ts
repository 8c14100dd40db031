/**
 * PGlite, PostgreSQL in the process, as a target of connections that await and of connections that block.
 *
 * @example
 * ```ts
 * import { Conn } from "@x/pyro/sync";
 * import { pglite } from "@x/pyro/pglite";
 * import { PGlite } from "npm:@electric-sql/pglite@0.5.14";
 *
 * await using db = await PGlite.create();
 * using conn = new Conn(pglite(db));
 * console.table(conn.query("select n, n * n as square from generate_series(1, 3) as n"));
 * ```
 *
 * @module
 */
export { pglite, type PgliteDatabase } from "./pglite.ts";
