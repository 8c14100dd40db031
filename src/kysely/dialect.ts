/** The dialect: Kysely's own for PostgreSQL, with another driver. */
import { type AbortableOperationOptions, type DatabaseConnection, type Driver, PostgresDialect } from "kysely";
import { UsageError } from "../errors.ts";
import type { TypeParsers } from "../codecs/column_codecs.ts";
import type { Pool } from "../pool/async/pool.ts";
import { PyroDriver } from "./driver.ts";

/** The options of {@linkcode PyroDialect}. */
export interface PyroDialectConfig {
  /**
   * The pool, or a function that gives it, which is called once, before the first query. `db.destroy()` closes the
   * pool.
   */
  readonly pool: Pool | (() => Pool | Promise<Pool>);
  /**
   * Which values rows have, and what parameters mean.
   *
   * `"pg"`: as Kysely on pg gives them: int8 and numeric as strings, dates as `Date`, bytea as `Buffer`; parameters
   * are sent as pg sends them. `"pyro"`: as the pool's connections give and take them; `Opts` has the choices
   * (`int8`, `dates`, `codec`, …). Parsers, as for the option `types` of a call: types without one have pyro's values,
   * and parameters are sent as pg sends them. {@linkcode pgTypes} has those for `"pg"`. Default: `"pg"`.
   */
  readonly types?: "pg" | "pyro" | TypeParsers | undefined;
  /** Called with each new connection before its first query. Default: nothing. */
  readonly onCreateConnection?:
    | ((connection: DatabaseConnection, options?: AbortableOperationOptions) => Promise<void>)
    | undefined;
  /** Called with a connection each time it is taken from the pool. Default: nothing. */
  readonly onReserveConnection?:
    | ((connection: DatabaseConnection, options?: AbortableOperationOptions) => Promise<void>)
    | undefined;
}

/**
 * Kysely's dialect for PostgreSQL on a pool of pyro's. It is a `PostgresDialect` with the same SQL and the same
 * introspection, so plugins and libraries that look for one take it.
 *
 * Beyond what it does on pg: `stream()` needs no cursor package, and `inflightQueryAbortStrategy` stops a query without
 * connecting another client.
 *
 * @example
 * ```ts
 * import { Pool } from "@x/pyro";
 * import { PyroDialect } from "@x/pyro/kysely";
 * import { Kysely, sql } from "kysely";
 * import assert from "node:assert/strict";
 *
 * await using db = new Kysely<object>({ dialect: new PyroDialect({ pool: new Pool("pg://") }) });
 * const { rows } = await sql`select ${41}::int4 + 1 as n, 1::int8 as big`.execute(db);
 * assert.deepEqual(rows, [{ n: 42, big: "1" }]);
 * ```
 *
 * @example With the values that the pool's connections give
 * ```ts
 * import { Opts, Pool } from "@x/pyro";
 * import { PyroDialect } from "@x/pyro/kysely";
 * import { Kysely, sql } from "kysely";
 * import assert from "node:assert/strict";
 *
 * const pool = new Pool(new Opts("pg://").int8("number"));
 * await using db = new Kysely<object>({ dialect: new PyroDialect({ pool, types: "pyro" }) });
 * const { rows } = await sql`select count(*) as n, date '2024-02-29' as day from pg_am where false`.execute(db);
 * assert.deepEqual(rows, [{ n: 0, day: Temporal.PlainDate.from("2024-02-29") }]);
 * ```
 */
export class PyroDialect extends PostgresDialect {
  readonly #config: PyroDialectConfig;

  /**
   * Makes a dialect.
   *
   * @throws {UsageError} If the pool is none of pyro's, or another option is wrong.
   */
  constructor(config: PyroDialectConfig) {
    checkConfig(config);
    super({
      pool: () => Promise.reject(new UsageError("Cannot give a pool of pg: this dialect uses a pool of pyro's")),
    });
    this.#config = config;
  }

  /** Makes the driver. */
  override createDriver(): Driver {
    return new PyroDriver(this.#config);
  }
}

function checkConfig({ pool, types = "pg" }: PyroDialectConfig): void {
  if (typeof pool !== "function" && typeof pool?.acquire !== "function") {
    throw new UsageError("Cannot make a dialect: pool must be a Pool of @x/pyro, or a function that gives one");
  }
  if (types !== "pg" && types !== "pyro" && (types === null || !/^(?:function|object)$/.test(typeof types))) {
    throw new UsageError('Cannot make a dialect: types must be "pg", "pyro", or parsers');
  }
}
