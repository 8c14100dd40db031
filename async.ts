/**
 * The promise entry point: every method that needs a round trip returns a promise.
 *
 * @example
 * ```ts
 * import { Conn } from "@x/pyro/async";
 * import assert from "node:assert/strict";
 *
 * await using conn = await Conn.connect("pg://");
 * assert.deepEqual(await conn.query("select 'hello' as greeting"), [{ greeting: "hello" }]);
 * ```
 *
 * @module
 */
export { cancel } from "./src/async/cancel.ts";
export { Conn, type ConnectOptions } from "./src/async/conn.ts";
export { Executor } from "./src/async/executor.ts";
export { Notifications } from "./src/async/notifications.ts";
export type {
  Abortable,
  BatchOptions,
  BeginOptions,
  CallOptions,
  CopyOptions,
  ListenOptions,
  PoolTransactionOptions,
  PortalOptions,
  QueryOptions,
  RowOptions,
  StreamOptions,
  TransactionOptions,
  ValueOptions,
} from "./src/async/options.ts";
export { Pipeline } from "./src/async/pipeline.ts";
export type { PoolStatement } from "./src/connection/arguments.ts";
export { Pool, type PoolOptions } from "./src/pool/async/pool.ts";
export { PoolExecutor } from "./src/pool/async/pool_executor.ts";
export { PooledConn } from "./src/pool/async/pooled_conn.ts";
export { PoolNotifications } from "./src/pool/async/pool_notifications.ts";
export { PoolStream } from "./src/pool/async/pool_stream.ts";
export { PoolView } from "./src/pool/async/pool_view.ts";
export { Portal } from "./src/async/portal.ts";
export { PreparedStatement } from "./src/async/prepared_statement.ts";
export { RowStream } from "./src/async/row_stream.ts";
export { type Statement, StatementExecutor } from "./src/async/statement_executor.ts";
export { Transaction } from "./src/async/transaction.ts";
export * from "./src/api/exports.ts";
