/** The driver that Kysely calls: it takes connections from the pool, and begins and ends transactions on them. */
import * as kysely from "kysely";
import {
  type AbortableOperationOptions,
  CompiledQuery,
  createQueryId,
  type Driver,
  IdentifierNode,
  type QueryCompiler,
  RawNode,
  type TransactionSettings,
} from "kysely";
import type { Pool } from "../pool/async/pool.ts";
import { PyroConnection } from "./connection.ts";
import type { PyroDialectConfig } from "./dialect.ts";
import { type Values, valuesOf } from "./values.ts";

/** Kysely's driver on a pool. */
export class PyroDriver implements Driver {
  readonly #config: PyroDialectConfig;
  readonly #values: Values;
  /** Stand for the connections of the pool that `onCreateConnection` has had. */
  readonly #known = new WeakSet<object>();
  #pool: Pool | undefined = undefined;

  constructor(config: PyroDialectConfig) {
    this.#config = config;
    this.#values = valuesOf(config.types);
  }

  async init(): Promise<void> {
    const { pool } = this.#config;
    this.#pool = typeof pool === "function" ? await pool() : pool;
  }

  async acquireConnection(options?: AbortableOperationOptions): Promise<PyroConnection> {
    const connection = new PyroConnection(this.#pool!, this.#values);
    const { onCreateConnection, onReserveConnection } = this.#config;
    if (onCreateConnection === undefined && onReserveConnection === undefined) return connection;
    // The signal is not passed on: Kysely stops waiting by itself, and releases a connection that comes too late.
    const conn = await connection.lease();
    try {
      // Each connection of the pool has an object of its own with the outcome of its upgrade.
      const isNew = !this.#known.has(conn.upgrade);
      this.#known.add(conn.upgrade);
      if (isNew) await onCreateConnection?.(connection, options);
      await onReserveConnection?.(connection, options);
      return connection;
    } catch (error) {
      await connection.release();
      throw error;
    }
  }

  // Kysely logs what is executed by `executeQuery`, and so the commands of transactions too.
  async beginTransaction(connection: PyroConnection, settings: TransactionSettings): Promise<void> {
    const { isolationLevel, accessMode } = settings;
    const modes = `${isolationLevel === undefined ? "" : ` isolation level ${isolationLevel}`}${
      accessMode === undefined ? "" : ` ${accessMode}`
    }`;
    await connection.executeQuery(CompiledQuery.raw(modes === "" ? "begin" : `start transaction${modes}`));
  }

  async commitTransaction(connection: PyroConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw("commit"));
    if (connection.lastCommand === "ROLLBACK") throw abortedTransaction();
  }

  async rollbackTransaction(connection: PyroConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw("rollback"));
  }

  savepoint(connection: PyroConnection, name: string, compile: Compile): Promise<void> {
    return executeWithName("savepoint", name, connection, compile);
  }

  rollbackToSavepoint(connection: PyroConnection, name: string, compile: Compile): Promise<void> {
    return executeWithName("rollback to", name, connection, compile);
  }

  releaseSavepoint(connection: PyroConnection, name: string, compile: Compile): Promise<void> {
    return executeWithName("release", name, connection, compile);
  }

  releaseConnection(connection: PyroConnection): Promise<void> {
    return connection.release();
  }

  async destroy(): Promise<void> {
    const pool = this.#pool;
    this.#pool = undefined;
    await pool?.close();
  }
}

type Compile = QueryCompiler["compileQuery"];

async function executeWithName(
  command: string,
  name: string,
  connection: PyroConnection,
  compile: Compile,
): Promise<void> {
  const node = RawNode.createWithChildren([RawNode.createWithSql(`${command} `), IdentifierNode.create(name)]);
  await connection.executeQuery(compile(node, createQueryId()));
}

/** Kysely's error for a COMMIT that the server has answered with ROLLBACK. Its early releases have none. */
function abortedTransaction(): Error {
  const { AbortedTransactionError } = kysely as Partial<Pick<typeof kysely, "AbortedTransactionError">>;
  return AbortedTransactionError === undefined
    ? new Error("The transaction was rolled back instead of committed, since a statement in it has failed")
    : new AbortedTransactionError();
}
