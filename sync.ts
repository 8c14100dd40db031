/**
 * The blocking entry point: every method returns when the server has answered.
 *
 * The names are those of `@x/pyro/async`; moving code from one to the other changes the import and
 * the `await`s.
 *
 * @example
 * ```ts
 * import { Conn } from "@x/pyro/sync";
 * import assert from "node:assert/strict";
 *
 * using conn = new Conn("pg://");
 * assert.deepEqual(conn.query("select 'hello' as greeting"), [{ greeting: "hello" }]);
 * ```
 *
 * @module
 */
export { cancel } from "./src/sync/cancel.ts";
export { Conn } from "./src/sync/conn.ts";
export type { CopyStream } from "./src/sync/copy_stream.ts";
export { Executor } from "./src/sync/executor.ts";
export { Notifications } from "./src/sync/notifications.ts";
export type {
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
} from "./src/connection/call_options.ts";
export type { BlockingIterator } from "./src/api/blocking_iterator.ts";
export { Pipeline } from "./src/sync/pipeline.ts";
export type { PoolStatement } from "./src/connection/arguments.ts";
export { Pool, type PoolOptions } from "./src/pool/sync/pool.ts";
export { PoolExecutor } from "./src/pool/sync/pool_executor.ts";
export { PooledConn } from "./src/pool/sync/pooled_conn.ts";
export { PoolNotifications } from "./src/pool/sync/pool_notifications.ts";
export { PoolStream } from "./src/pool/sync/pool_stream.ts";
export { PoolView } from "./src/pool/sync/pool_view.ts";
export { Portal } from "./src/sync/portal.ts";
export { PreparedStatement } from "./src/sync/prepared_statement.ts";
export { RowStream } from "./src/sync/row_stream.ts";
export { type Statement, StatementExecutor } from "./src/sync/statement_executor.ts";
export { Transaction } from "./src/sync/transaction.ts";
export * from "./src/api/exports.ts";
