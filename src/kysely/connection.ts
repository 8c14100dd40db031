/**
 * A connection as Kysely uses it, from the time it is taken until it is released.
 *
 * Kysely takes one for each query, and does not say whether another query will follow. So a connection of the pool is
 * leased only for a query that may depend on the session or change it; another first query is left to the pool, which
 * batches quick selects of many callers.
 */
import type { AbortableOperationOptions, CompiledQuery, DatabaseConnection, QueryResult } from "kysely";
import type { Portal } from "../async/portal.ts";
import type { Pool } from "../pool/async/pool.ts";
import type { PooledConn } from "../pool/async/pooled_conn.ts";
import type { Result } from "../rows/collectors.ts";
import { hasSeveralStatements } from "../node_postgres/several_statements.ts";
import type { Values } from "./values.ts";

/** A connection that Kysely has taken. */
export class PyroConnection implements DatabaseConnection {
  readonly #pool: Pool;
  readonly #values: Values;
  #leased: Promise<PooledConn> | undefined = undefined;
  #isNew = true;
  /** The command tag of the last statement. */
  lastCommand: string = "";

  constructor(pool: Pool, values: Values) {
    this.#pool = pool;
    this.#values = values;
  }

  /** Leases a connection of the pool, until this one is released. */
  lease(): Promise<PooledConn> {
    this.#isNew = false;
    return this.#leased ??= this.#pool.acquire();
  }

  async executeQuery<R>(query: CompiledQuery, abortable?: AbortableOperationOptions): Promise<QueryResult<R>> {
    const { sql, parameters } = query;
    const { options, parameters: parametersOf } = this.#values;
    const isForPool = this.#isNew && abortable === undefined && isIndependent(query);
    this.#isNew = false;
    const conn = isForPool ? this.#pool : await this.lease();
    const { rows, command, affected } = parameters.length === 0 && hasSeveralStatements(sql)
      ? lastOf(await conn.queryAll<R>(sql, options))
      : await conn.run<R>(sql, parametersOf(parameters), options);
    this.lastCommand = command;
    const numAffectedRows = CHANGES.has(command) ? BigInt(affected) : undefined;
    // As Kysely's own driver does, it says so where there is none, which the type does not allow.
    return { numAffectedRows, rows } as QueryResult<R>;
  }

  async *streamQuery<R>({ sql, parameters }: CompiledQuery, chunkSize: number): AsyncIterableIterator<QueryResult<R>> {
    // In the words of Kysely's own driver. To pyro, 0 rows would be all of them.
    if (!Number.isInteger(chunkSize) || chunkSize <= 0) throw new Error("chunkSize must be a positive integer");
    const { options, parameters: parametersOf } = this.#values;
    const conn = await this.lease();
    const opened = Promise.withResolvers<Portal>();
    const read = Promise.withResolvers<void>();
    const closed = conn.execIter(sql, parametersOf(parameters), (portal) => {
      opened.resolve(portal);
      return read.promise;
    }, options);
    closed.catch(opened.reject);
    const portal = await opened.promise;
    try {
      for (let hasMore = true; hasMore;) {
        const fetched = await portal.fetch<R>(chunkSize);
        if (fetched.rows.length > 0) yield { rows: fetched.rows };
        hasMore = fetched.hasMore;
      }
    } finally {
      read.resolve();
      await closed;
    }
  }

  /** Stops the running statement. Kysely calls it for `inflightQueryAbortStrategy: "cancel query"`. */
  async cancelQuery(): Promise<void> {
    await (await this.#leased)?.cancel();
  }

  /** Stops the running statement and ends the session. Kysely calls it for `"kill session"`. */
  async killSession(): Promise<void> {
    const conn = await this.#leased;
    await conn?.cancel();
    await conn?.close({ timeout: 0 });
  }

  /** Gives what was leased back to the pool, unless it was closed. */
  async release(): Promise<void> {
    const leased = this.#leased;
    this.#leased = undefined;
    // A lease that has failed has failed the query that needed it.
    const conn = await leased?.catch(() => undefined);
    await conn?.[Symbol.asyncDispose]();
  }
}

/** Whether a query can neither see nor change the state of its session: a select that calls no function. */
function isIndependent({ query, sql }: CompiledQuery): boolean {
  return query.kind === "SelectQueryNode" && !sql.includes("(") && !sql.includes(";");
}

/** The result of the last statement of several. */
function lastOf<R>(results: readonly Result<R>[]): Result<R> {
  return results.at(-1) ?? { rows: [], columns: [], command: "", affected: 0, count: null };
}

/** The commands whose tags count rows that were changed. */
const CHANGES: ReadonlySet<string> = new Set(["INSERT", "UPDATE", "DELETE", "MERGE"]);
