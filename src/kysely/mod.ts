/**
 * A dialect of Kysely on pyro's pool. It takes the place of Kysely's `PostgresDialect` on pg, with the same values.
 *
 * @example
 * ```ts
 * import { Pool } from "@x/pyro";
 * import { PyroDialect } from "@x/pyro/kysely";
 * import { Kysely } from "kysely";
 *
 * interface Database {
 *   pg_class: { relname: string };
 * }
 *
 * await using db = new Kysely<Database>({ dialect: new PyroDialect({ pool: new Pool("pg://") }) });
 * console.log(await db.selectFrom("pg_class").select("relname").limit(3).execute());
 * ```
 *
 * @module
 */
export { PyroDialect, type PyroDialectConfig } from "./dialect.ts";
export { type IntervalField, PostgresInterval } from "../node_postgres/interval.ts";
export type { TextParser, TypeParsers } from "../codecs/column_codecs.ts";
export { pgTypes } from "../node_postgres/types.ts";
