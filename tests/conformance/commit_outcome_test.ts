/** What an error says of a COMMIT whose connection was lost. */
import assert from "node:assert/strict";
import { ConnectionError, type Transaction } from "../../mod.ts";
import { type Fault, FaultProxy } from "../../src/testing/mod.ts";
import { schema } from "../support/suite/own_schema.ts";
import type { TestServer } from "../support/suite/servers.ts";
import { conformance, type World } from "../support/suite/worlds.ts";

/** Inserts a row in a transaction whose connection has a fault from that moment on; the error, and whether it is there. */
async function commit(
  world: World,
  server: TestServer,
  fault: Fault,
  armed: "at the insert" | "at the commit",
): Promise<{ readonly error: ConnectionError; readonly isThere: boolean }> {
  await using own = await schema(server, "create table ledger (n int4)");
  await using proxy = await FaultProxy.start(server.port);
  const url = server.url({ query: "sslmode=disable&upgrade_to_unix_socket=no" });
  const conn = await world.connect(url.replace(`:${server.port}/`, `:${proxy.port}/`));
  const insert = `insert into ${own.name}.ledger values (1)`;
  await conn.queryDrop("select 1");
  let error: unknown;
  try {
    const tx: Transaction = await conn.begin();
    if (armed === "at the insert") proxy.arm(fault);
    await tx.queryDrop(insert);
    if (armed === "at the commit") proxy.arm(fault);
    await tx.commit();
  } catch (caught) {
    error = caught;
  }
  assert.ok(error instanceof ConnectionError, String(error));
  await conn.close();
  await using reader = await world.connect(server.admin.replace(/postgres(?=\?|$)/, "test_db"));
  // The server may not have noticed the loss yet.
  for (let attempt = 0; attempt < 100; attempt++) {
    const busy = await reader.execValue(
      "select count(*)::int4 from pg_stat_activity where state <> 'idle' and query like $1 || '%' and pid <> pg_backend_pid()",
      [insert],
    );
    if (busy === 0) break;
    await reader.queryDrop("select pg_sleep(0.02)");
  }
  return { error, isThere: await reader.execValue(`select count(*)::int4 from ${own.name}.ledger`) === 1 };
}

conformance("commit: lost before the answer, its outcome is unknown", async (world, server) => {
  const { error, isThere } = await commit(
    world,
    server,
    { direction: "down", after: 0, then: "reset" },
    "at the commit",
  );
  assert.equal(error.outcome, "unknown");
  assert.equal(error.safeToRetry, false);
  assert.equal(isThere, true);
});

conformance("commit: lost on its way, its outcome is unknown", async (world, server) => {
  const { error, isThere } = await commit(world, server, { direction: "up", after: 3, then: "reset" }, "at the commit");
  assert.equal(error.outcome, "unknown");
  assert.equal(isThere, false);
});

conformance("commit: a connection lost before it has committed nothing", async (world, server) => {
  const { error, isThere } = await commit(
    world,
    server,
    { direction: "down", after: 0, then: "reset" },
    "at the insert",
  );
  assert.equal(error.outcome, undefined);
  assert.equal(isThere, false);
});
