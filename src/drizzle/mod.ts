/**
 * Drizzle ORM on pyro: a driver, its session and the migrator, in place of `drizzle-orm/node-postgres` or
 * `drizzle-orm/postgres-js`.
 *
 * @example
 * ```ts
 * import { drizzle } from "@x/pyro/drizzle";
 * import { sql } from "drizzle-orm";
 *
 * const db = drizzle("pg://");
 * const { rows } = await db.execute(sql`select ${"Ada"}::text as name`);
 * console.log(rows);
 * await db.$client.close();
 * ```
 *
 * @module
 */
export { type Drizzle, drizzle, type DrizzleConnection, PyroDatabase } from "./driver.ts";
export { migrate } from "./migrator.ts";
export type { PyroQueryResult, PyroQueryResultHKT } from "./query_result.ts";
export { type PyroClient, PyroSession, type PyroSessionOptions, PyroTransaction } from "./session.ts";
export { PyroPreparedQuery } from "./prepared_query.ts";
