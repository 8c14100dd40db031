/** A query that Drizzle has built, and may execute several times. */
import { DrizzleQueryError, fillPlaceholders, type Logger, type Query } from "drizzle-orm";
import type { Cache } from "drizzle-orm/cache/core";
import type { WithCacheConfig } from "drizzle-orm/cache/core/types";
import { PgPreparedQuery, type PreparedQueryConfig, type SelectedFieldsOrdered } from "drizzle-orm/pg-core";
import type { QueryOptions } from "../async/options.ts";
import { pgParameters } from "../node_postgres/parameters.ts";
import { hasSeveralStatements } from "../node_postgres/several_statements.ts";
import type { Result } from "../rows/collectors.ts";
import { type PyroQueryResult, queryResult } from "./query_result.ts";
import { type RowMapper, rowMapper } from "./row_mapper.ts";
import type { PyroClient } from "./session.ts";
import { drizzleTypes } from "./types.ts";

/** How a query is executed. */
export interface PreparedQuerySettings<T extends PreparedQueryConfig> {
  readonly client: PyroClient;
  readonly query: Query;
  readonly logger: Logger | undefined;
  readonly cache: Cache | undefined;
  readonly metadata: QueryMetadata | undefined;
  readonly cacheConfig: WithCacheConfig | undefined;
  /** What is selected; undefined if the rows are not mapped. */
  readonly fields: SelectedFieldsOrdered | undefined;
  readonly isResponseInArrayMode: boolean;
  /** Makes the result of all rows, instead of `fields`. */
  readonly mapRows: ((rows: unknown[][]) => T["execute"]) | undefined;
}

/** The kind of a query, and the tables that it uses. */
export interface QueryMetadata {
  type: "select" | "update" | "delete" | "insert";
  tables: string[];
}

/** A query of Drizzle's. pyro prepares its text when a connection first executes it, with a name or without. */
export class PyroPreparedQuery<T extends PreparedQueryConfig> extends PgPreparedQuery<T> {
  readonly #settings: PreparedQuerySettings<T>;
  #mapRow: RowMapper | undefined = undefined;
  /** Which joined tables have a row for each row; the builder of a select sets it. */
  declare joinsNotNullableMap?: Record<string, boolean>;

  /** Internal: sessions make them. */
  constructor(settings: PreparedQuerySettings<T>) {
    const { query, cache, metadata, cacheConfig } = settings;
    super(query, cache, metadata, cacheConfig);
    this.#settings = settings;
  }

  /** Executes the query with values for its placeholders. */
  async execute(placeholderValues: Record<string, unknown> = {}): Promise<T["execute"]> {
    const { fields, mapRows } = this.#settings;
    const params = this.#parameters(placeholderValues);
    if (fields === undefined && mapRows === undefined) return await this.#cached(params, () => this.#result(params));
    const rows = await this.#cached(params, () => this.#rows(params));
    if (mapRows !== undefined) return mapRows(rows);
    const mapRow = this.#mapRow ??= rowMapper(fields!, this.joinsNotNullableMap);
    return rows.map(mapRow);
  }

  /** Executes the query, and returns its rows by column name, as they are. */
  async all(placeholderValues: Record<string, unknown> = {}): Promise<T["all"]> {
    const params = this.#parameters(placeholderValues);
    const { rows } = await this.#cached(params, () => this.#result(params));
    return rows;
  }

  /** Whether Drizzle expects arrays for rows. */
  isResponseInArrayMode(): boolean {
    return this.#settings.isResponseInArrayMode;
  }

  #parameters(placeholderValues: Record<string, unknown>): unknown[] {
    const { query, logger } = this.#settings;
    const params = fillPlaceholders(query.params, placeholderValues);
    logger?.logQuery(query.sql, params);
    return params;
  }

  /** Executes, or takes the result from Drizzle's cache. */
  async #cached<R>(params: unknown[], execute: () => Promise<R>): Promise<R> {
    const { cache, query } = this.#settings;
    if (cache !== undefined) {
      return await (this as unknown as QueryWithCache).queryWithCache(query.sql, params, execute);
    }
    try {
      return await execute();
    } catch (error) {
      throw new DrizzleQueryError(query.sql, params, error as Error);
    }
  }

  #rows(params: unknown[]): Promise<unknown[][]> {
    const { client, query } = this.#settings;
    return client.exec<unknown[]>(query.sql, pgParameters(params), ARRAYS);
  }

  async #result(params: unknown[]): Promise<PyroQueryResult> {
    const { client, query } = this.#settings;
    if (params.length > 0 || !hasSeveralStatements(query.sql)) {
      return queryResult(await client.run(query.sql, pgParameters(params), OBJECTS));
    }
    const results: Result[] = await client.queryAll(query.sql, OBJECTS);
    return queryResult(results.at(-1) ?? NO_RESULT);
  }
}

/** What Drizzle's class has, but does not declare. */
interface QueryWithCache {
  queryWithCache<R>(sql: string, params: unknown[], execute: () => Promise<R>): Promise<R>;
}

// One object each, since row readers are kept for its parsers.
const ARRAYS: QueryOptions = { rows: "array", types: drizzleTypes };
const OBJECTS: QueryOptions = { types: drizzleTypes };
const NO_RESULT: Result = { rows: [], columns: [], command: "", affected: 0, count: null };
