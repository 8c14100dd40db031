/** Connections whose work is rolled back when they are closed. */
import { targetOpts } from "../options/target.ts";
import type { Opts } from "../options/opts.ts";
import type { Target } from "../options/target.ts";
import { variable } from "../runtime/runtime.ts";
import { dialThrough } from "./middle.ts";
import { SavepointRelay } from "./savepoint_relay.ts";

/**
 * Options for a test: each connection works in a transaction of its own, which is rolled back when the connection is
 * closed or lost, and a pool has one connection. `Conn` and `Pool` of both APIs take them, and so does what is built on
 * these.
 *
 * The code under test can use transactions as always: BEGIN becomes a savepoint, COMMIT keeps and ROLLBACK undoes what
 * came behind it, as methods (`tx`, `begin`) and as SQL. A statement that fails outside of a transaction undoes itself
 * only. COMMIT checks deferred constraints.
 *
 * What is different: `now()` stands still; notifications are not sent, since nothing is committed; isolation levels
 * and `readOnly` have no effect; what PostgreSQL refuses in a transaction (`VACUUM`, `CREATE DATABASE`, `DISCARD ALL`) is
 * refused, and so are PREPARE TRANSACTION and COMMIT AND CHAIN (0A000). Sequences are not set back. Blocking connections
 * cannot be encrypted.
 *
 * @param target The server to connect to, as for `Conn.connect`.
 * @throws {UsageError} If the target is malformed.
 *
 * @example
 * ```ts
 * import { Pool } from "@x/pyro";
 * import { rolledBack } from "@x/pyro/testing";
 * import assert from "node:assert/strict";
 *
 * {
 *   await using pool = new Pool(rolledBack("pg://"));
 *   await pool.queryDrop("create table only_here (n int)");
 *   await pool.tx((tx) => tx.execDrop("insert into only_here values ($1)", [1]));
 *   assert.equal(await pool.execValue("select count(*) from only_here"), 1n);
 * }
 * await using pool = new Pool("pg://");
 * assert.equal(await pool.execValue("select to_regclass('only_here')"), null);
 * ```
 *
 * @example Without promises
 * ```ts
 * import { Conn } from "@x/pyro/sync";
 * import { rolledBack } from "@x/pyro/testing";
 *
 * using conn = new Conn(rolledBack("pg://").sslMode("disable"));
 * conn.queryDrop("create table only_here (n int)");
 * ```
 */
export function rolledBack(target?: Target): Opts {
  const opts = targetOpts(target, variable);
  return opts.poolMaxConcurrency(1).poolMaxIdleConn(1).poolMinIdle(0)
    .poolIdleTimeout(0).poolMaxLifetime(0).poolMaxUses(0)
    .dial(dialThrough(opts, () => new SavepointRelay(), "rolled back"));
}
