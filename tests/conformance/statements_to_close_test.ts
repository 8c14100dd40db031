/** Prepared statements that are to be closed with the next one that is prepared, when preparing that one fails. */
import assert from "node:assert/strict";
import { Conn, TimeoutError, UsageError } from "../../mod.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import { test } from "../support/suite/test.ts";
import { awaiting, conformance, serversOf } from "../support/suite/worlds.ts";

/** The texts of the statements that the server has. */
async function kept(conn: Conn): Promise<string[]> {
  const rows = await conn.query<[string]>("select statement from pg_prepared_statements order by 1", { rows: "array" });
  return rows.map(([text]) => text);
}

conformance("statements to close: they are closed when preparing another one has failed", async (world, server) => {
  const failing: Record<string, (conn: Conn) => unknown> = {
    prepare: (conn) => conn.prepare("select $70000"),
    prepareBatch: (conn) => conn.prepareBatch(["select 1", "select $70000"]),
    "prepare, given up": (conn) => conn.prepare("select 1", { timeout: 1e-6 }),
    "prepareBatch, given up": (conn) => conn.prepareBatch(["select 1", "select 2"], { timeout: 1e-6 }),
    "copyRows, given up": (conn) => conn.copyRows("t", ["n"], [[1]], { timeout: 1e-6 }),
  };
  for (const [name, fails] of Object.entries(failing)) {
    await using conn = await world.connect(server.fast);
    await conn.queryDrop("create temporary table t (n int4)");
    await conn.exec("select 'to be closed'");
    await conn.queryDrop("set search_path = pg_catalog, pg_temp");
    // A call that is given up may have been done before.
    await attempt(() => fails(conn)).catch((error) => {
      assert.ok(error instanceof UsageError || error instanceof TimeoutError, name);
    });
    await conn.exec("select 'another'");
    assert.ok(!(await kept(conn)).includes("select 'to be closed'"), name);
  }
});

for (const server of serversOf(awaiting)) {
  test(`statements to close: they are closed when another was given up unsent (PostgreSQL ${server.major})`, async () => {
    const given: Record<string, (conn: Conn, signal: AbortSignal) => Promise<unknown>> = {
      prepare: (conn, signal) => conn.prepare("select 1", { signal }),
      prepareBatch: (conn, signal) => conn.prepareBatch(["select 1", "select 2"], { signal }),
      copyRows: (conn, signal) => conn.copyRows("t", ["n"], [[1]], { signal }),
    };
    for (const [name, call] of Object.entries(given)) {
      await using conn = await Conn.connect(server.fast);
      await conn.queryDrop("create temporary table t (n int4)");
      await conn.exec("select 'to be closed'");
      await conn.queryDrop("set search_path = pg_catalog, pg_temp");
      const control = new AbortController();
      const called = call(conn, control.signal);
      control.abort(new Error("mine"));
      await assert.rejects(called, { message: "mine" }, name);
      await conn.exec("select 'another'");
      assert.deepEqual(await kept(conn), ["select 'another'"], name);
    }
  });
}
