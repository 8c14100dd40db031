/** Helpers for the tests of transactions. */
import assert from "node:assert/strict";
import { type Conn, ServerError, UsageError } from "../../../mod.ts";

/** Nothing is left of a transaction, and the connection works. */
export async function isFree(conn: Conn): Promise<void> {
  await conn.ping();
  assert.equal(conn.transactionStatus, "idle");
  const tx = await conn.begin();
  assert.equal(await tx.execValue("select $1::int4", [42]), 42);
  await tx.rollback();
  assert.equal(conn.transactionStatus, "idle");
}

/** A temporary table `t` of numbers; the function tells which it has, in order. */
export async function numbers(conn: Conn): Promise<() => Promise<unknown>> {
  await conn.queryDrop("create temporary table t (n int check (n >= 0))");
  return async () => await conn.execValue("select coalesce(array_agg(n order by n), '{}') from t");
}

export function isUsage(pattern: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof UsageError, String(error));
    assert.match(error.message, pattern);
    return true;
  };
}

export function isServer(code: string, causeCode?: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ServerError, String(error));
    assert.equal(error.code, code, error.message);
    if (causeCode !== undefined) {
      assert.ok(error.cause instanceof ServerError, String(error.cause));
      assert.equal(error.cause.code, causeCode);
    }
    return true;
  };
}
