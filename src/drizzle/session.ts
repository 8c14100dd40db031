/** Drizzle's sessions and transactions on pyro's pools, connections and transactions. */
import type { Logger, Query, RelationalSchemaConfig, SQL, TablesRelationalConfig } from "drizzle-orm";
import type { Cache } from "drizzle-orm/cache/core";
import type { WithCacheConfig } from "drizzle-orm/cache/core/types";
import {
  type PgDialect,
  PgSession,
  PgTransaction,
  type PgTransactionConfig,
  type PreparedQueryConfig,
  type SelectedFieldsOrdered,
} from "drizzle-orm/pg-core";
import type { QueryOptions, TransactionOptions } from "../async/options.ts";
import type { Transaction } from "../async/transaction.ts";
import type { Params, Row } from "../connection/call_options.ts";
import type { Result } from "../rows/collectors.ts";
import { PyroPreparedQuery } from "./prepared_query.ts";
import type { PyroQueryResult, PyroQueryResultHKT } from "./query_result.ts";

/** What executes Drizzle's queries: a `Pool`, a `Conn` or a `Transaction`. */
export interface PyroClient {
  /** As `Conn.exec`. */
  exec<R = Row>(sql: string, params: Params, options?: QueryOptions): Promise<R[]>;
  /** As `Conn.run`. */
  run<R = Row>(sql: string, params: Params, options?: QueryOptions): Promise<Result<R>>;
  /** As `Conn.queryAll`. */
  queryAll<R = Row>(sql: string, options?: QueryOptions): Promise<Result<R>[]>;
  /** As `Conn.tx`. */
  tx<T>(fn: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>;
}

/** Options of a session. */
export interface PyroSessionOptions {
  /** Gets the text and the parameters of each query. Default: none. */
  readonly logger?: Logger | undefined;
  /** Drizzle's cache of results. Default: none. */
  readonly cache?: Cache | undefined;
}

/** A session: what a database or a transaction of Drizzle's executes its queries with. */
export class PyroSession<
  TFullSchema extends Record<string, unknown>,
  TSchema extends TablesRelationalConfig,
> extends PgSession<PyroQueryResultHKT, TFullSchema, TSchema> {
  readonly #client: PyroClient;
  readonly #schema: RelationalSchemaConfig<TSchema> | undefined;
  readonly #options: PyroSessionOptions;

  /** Internal: `drizzle` makes sessions. */
  constructor(
    client: PyroClient,
    dialect: PgDialect,
    schema: RelationalSchemaConfig<TSchema> | undefined,
    options: PyroSessionOptions,
  ) {
    super(dialect);
    this.#client = client;
    this.#schema = schema;
    this.#options = options;
  }

  /** Internal: Drizzle's builders call it. */
  prepareQuery<T extends PreparedQueryConfig = PreparedQueryConfig>(
    query: Query,
    fields: SelectedFieldsOrdered | undefined,
    _name: string | undefined,
    isResponseInArrayMode: boolean,
    mapRows?: (rows: unknown[][]) => T["execute"],
    metadata?: { type: "select" | "update" | "delete" | "insert"; tables: string[] },
    cacheConfig?: WithCacheConfig,
  ): PyroPreparedQuery<T> {
    const { logger, cache } = this.#options;
    const client = this.#client;
    return new PyroPreparedQuery<T>({
      client,
      query,
      logger,
      cache,
      metadata,
      cacheConfig,
      fields,
      isResponseInArrayMode,
      mapRows,
    });
  }

  /** Runs a function in a transaction, or behind a savepoint if the session is one's. */
  transaction<T>(
    transaction: (tx: PyroTransaction<TFullSchema, TSchema>) => Promise<T>,
    config?: PgTransactionConfig,
  ): Promise<T> {
    return this.runTransaction(transaction, 0, config);
  }

  /** Internal: {@linkcode PyroTransaction.transaction} calls it. */
  async runTransaction<T>(
    transaction: (tx: PyroTransaction<TFullSchema, TSchema>) => Promise<T>,
    depth: number,
    config: PgTransactionConfig | undefined,
  ): Promise<T> {
    return await this.#client.tx((client) => {
      const session = new PyroSession<TFullSchema, TSchema>(client, this.dialect, this.#schema, this.#options);
      return transaction(new PyroTransaction(this.dialect, session, this.#schema, depth));
    }, transactionOptions(config));
  }

  /** Internal: `db.$count` calls it. */
  override async count(sql: SQL): Promise<number> {
    const { rows } = await this.execute<PyroQueryResult<{ count: string }>>(sql);
    return Number(rows[0]!.count);
  }
}

/** A transaction of Drizzle's: a database whose queries are part of it. */
export class PyroTransaction<
  TFullSchema extends Record<string, unknown>,
  TSchema extends TablesRelationalConfig,
> extends PgTransaction<PyroQueryResultHKT, TFullSchema, TSchema> {
  readonly #session: PyroSession<TFullSchema, TSchema>;

  /** Internal: sessions make transactions. */
  constructor(
    dialect: PgDialect,
    session: PyroSession<TFullSchema, TSchema>,
    schema: RelationalSchemaConfig<TSchema> | undefined,
    nestedIndex: number,
  ) {
    super(dialect, session, schema, nestedIndex);
    this.#session = session;
  }

  /** Runs a function behind a savepoint: if it fails, what it has done is undone, and the transaction goes on. */
  override transaction<T>(transaction: (tx: PyroTransaction<TFullSchema, TSchema>) => Promise<T>): Promise<T> {
    return this.#session.runTransaction(transaction, this.nestedIndex + 1, undefined);
  }
}

function transactionOptions(config: PgTransactionConfig | undefined): TransactionOptions | undefined {
  if (config === undefined) return undefined;
  const { isolationLevel, accessMode, deferrable } = config;
  return { isolationLevel, readOnly: accessMode === undefined ? undefined : accessMode === "read only", deferrable };
}
