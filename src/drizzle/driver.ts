/** Drizzle's database on pyro, and the function that makes one. */
import {
  createTableRelationsHelpers,
  DefaultLogger,
  type DrizzleConfig,
  extractTablesRelationalConfig,
  type ExtractTablesWithRelations,
  type RelationalSchemaConfig,
} from "drizzle-orm";
import { PgDatabase, PgDialect } from "drizzle-orm/pg-core";
import { UsageError } from "../errors.ts";
import { Opts } from "../options/opts.ts";
import type { Target } from "../options/target.ts";
import { Pool } from "../pool/async/pool.ts";
import type { PyroQueryResultHKT } from "./query_result.ts";
import { type PyroClient, PyroSession } from "./session.ts";

/** A database of Drizzle's on pyro. */
export class PyroDatabase<TSchema extends Record<string, unknown> = Record<string, never>>
  extends PgDatabase<PyroQueryResultHKT, TSchema> {}

/** What executes a database's queries: a client, or a server for a pool of its own. */
export type DrizzleConnection<TClient extends PyroClient> = {
  /** A pool, a connection or a transaction. It stays the caller's, who closes it. */
  client: TClient;
} | {
  /** A server, as for `new Pool`. The pool is `db.$client`, which the caller closes. */
  connection: Target;
};

/** The type of {@linkcode drizzle}. */
export interface Drizzle {
  /** Makes a database. */
  <TSchema extends Record<string, unknown> = Record<string, never>, TClient extends PyroClient = Pool>(
    ...params:
      | [client: TClient | string | URL | Opts]
      | [client: TClient | string | URL | Opts, config: DrizzleConfig<TSchema>]
      | [config: DrizzleConfig<TSchema> & DrizzleConnection<TClient>]
  ): PyroDatabase<TSchema> & { $client: PyroClient extends TClient ? Pool : TClient };
  /** Makes a database that can build queries, but not execute them. */
  mock<TSchema extends Record<string, unknown> = Record<string, never>>(
    config?: DrizzleConfig<TSchema>,
  ): PyroDatabase<TSchema> & { $client: "$client is not available on drizzle.mock()" };
}

/**
 * Makes a database of Drizzle's, as the functions of its own drivers do: of a URL, of a `Pool`, `Conn` or `Transaction`
 * of pyro's, or of `{ client }` or `{ connection }`, with Drizzle's options `schema`, `casing`, `logger` and `cache`.
 *
 * The values in rows are those of `drizzle-orm/node-postgres`. `db.$client` is the client; a pool that `drizzle` has
 * made must be closed there. `drizzle.mock()` makes a database without a server.
 *
 * @throws {UsageError} If there is neither a client nor a connection.
 *
 * @example
 * ```ts
 * import { Pool } from "@x/pyro";
 * import { drizzle } from "@x/pyro/drizzle";
 * import { eq } from "drizzle-orm";
 * import { integer, pgTable, text } from "drizzle-orm/pg-core";
 * import assert from "node:assert/strict";
 *
 * const users = pgTable("users", { id: integer().primaryKey(), name: text().notNull() });
 *
 * await using pool = new Pool("pg://", { poolMaxConcurrency: 1 });
 * const db = drizzle({ client: pool, schema: { users } });
 * await db.execute("create temporary table users (id integer primary key, name text not null)");
 * await db.insert(users).values([{ id: 1, name: "Ada" }, { id: 2, name: "Grace" }]);
 * assert.deepEqual(await db.select().from(users).where(eq(users.id, 2)), [{ id: 2, name: "Grace" }]);
 * assert.deepEqual(await db.query.users.findFirst({ columns: { name: true } }), { name: "Ada" });
 * ```
 */
export const drizzle: Drizzle = Object.assign(open, { mock }) as Drizzle;

function open(first: unknown, config: DrizzleConfig<Record<string, unknown>> = {}): unknown {
  if (typeof first === "string" || first instanceof URL || first instanceof Opts) {
    return databaseOf(new Pool(first), config);
  }
  if (isClient(first)) return databaseOf(first, config);
  const { client, connection, ...rest } = (first ?? {}) as { client?: unknown; connection?: Target };
  if (client === undefined && connection !== undefined) return databaseOf(new Pool(connection), rest);
  if (isClient(client)) return databaseOf(client, rest);
  throw new UsageError("Cannot make a database: give a URL, or a Pool, Conn or Transaction of @x/pyro");
}

function mock(config: DrizzleConfig<Record<string, unknown>> = {}): unknown {
  return databaseOf({} as PyroClient, config);
}

function isClient(value: unknown): value is PyroClient {
  const { queryAll, tx } = (value ?? {}) as Partial<PyroClient>;
  return typeof queryAll === "function" && typeof tx === "function";
}

function databaseOf<TSchema extends Record<string, unknown>>(
  client: PyroClient,
  { schema, casing, logger, cache }: DrizzleConfig<TSchema>,
): PyroDatabase<TSchema> {
  const dialect = new PgDialect(casing === undefined ? {} : { casing });
  const relations = schema === undefined ? undefined : relationsOf(schema);
  const session = new PyroSession<TSchema, ExtractTablesWithRelations<TSchema>>(client, dialect, relations, {
    logger: logger === true ? new DefaultLogger() : logger === false ? undefined : logger,
    cache,
  });
  const db = new PyroDatabase<TSchema>(dialect, session, relations);
  // Drizzle's builders look for the method under this name.
  if (cache !== undefined) db.$cache = Object.assign(cache, { invalidate: cache.onMutate });
  return Object.assign(db, { $client: client });
}

function relationsOf<TSchema extends Record<string, unknown>>(
  fullSchema: TSchema,
): RelationalSchemaConfig<ExtractTablesWithRelations<TSchema>> {
  const { tables, tableNamesMap } = extractTablesRelationalConfig<ExtractTablesWithRelations<TSchema>>(
    fullSchema,
    createTableRelationsHelpers,
  );
  return { fullSchema, schema: tables, tableNamesMap };
}
