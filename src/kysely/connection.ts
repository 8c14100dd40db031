/** A connection as Kysely uses it: one of the pool, from the time it is taken until it is released. */
import type { CompiledQuery, DatabaseConnection, QueryResult } from "kysely";
import type { Portal } from "../async/portal.ts";
import type { PooledConn } from "../pool/async/pooled_conn.ts";
import type { Result } from "../rows/collectors.ts";
import { hasSeveralStatements } from "../node_postgres/several_statements.ts";
import type { Values } from "./values.ts";

/** A connection that Kysely has taken from the pool. */
export class PyroConnection implements DatabaseConnection {
  readonly #conn: PooledConn;
  readonly #values: Values;
  /** The command tag of the last statement. */
  lastCommand: string = "";

  constructor(conn: PooledConn, values: Values) {
    this.#conn = conn;
    this.#values = values;
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const { options, parameters: parametersOf } = this.#values;
    const { rows, command, affected } = parameters.length === 0 && hasSeveralStatements(sql)
      ? lastOf(await this.#conn.queryAll<R>(sql, options))
      : await this.#conn.run<R>(sql, parametersOf(parameters), options);
    this.lastCommand = command;
    const numAffectedRows = CHANGES.has(command) ? BigInt(affected) : undefined;
    // As Kysely's own driver does, it says so where there is none, which the type does not allow.
    return { numAffectedRows, rows } as QueryResult<R>;
  }

  async *streamQuery<R>({ sql, parameters }: CompiledQuery, chunkSize: number): AsyncIterableIterator<QueryResult<R>> {
    const { options, parameters: parametersOf } = this.#values;
    const opened = Promise.withResolvers<Portal>();
    const read = Promise.withResolvers<void>();
    const closed = this.#conn.execIter(sql, parametersOf(parameters), (portal) => {
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
  cancelQuery(): Promise<void> {
    return this.#conn.cancel();
  }

  /** Stops the running statement and ends the session. Kysely calls it for `"kill session"`. */
  async killSession(): Promise<void> {
    await this.#conn.cancel();
    await this.#conn.close({ timeout: 0 });
  }

  /** Gives the connection back to the pool, unless it was closed. */
  async release(): Promise<void> {
    await this.#conn[Symbol.asyncDispose]();
  }
}

/** The result of the last statement of several. */
function lastOf<R>(results: readonly Result<R>[]): Result<R> {
  return results.at(-1) ?? { rows: [], columns: [], command: "", affected: 0, count: null };
}

/** The commands whose tags count rows that were changed. */
const CHANGES: ReadonlySet<string> = new Set(["INSERT", "UPDATE", "DELETE", "MERGE"]);
