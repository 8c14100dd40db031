import assert from "node:assert/strict";
import { ConnectionError, ServerError } from "../../mod.ts";
import { conformance } from "../support/suite/worlds.ts";

conformance("loss: the server ends a session in the middle of a query", async (world, server) => {
  const conn = await world.connect(server.fast);
  await assert.rejects(
    async () => await conn.exec("select pg_terminate_backend(pg_backend_pid()), pg_sleep(10)"),
    (error) => {
      assert.ok(error instanceof ConnectionError, String(error));
      assert.match(
        error.message,
        /the server ended the connection: terminating connection due to administrator command/,
      );
      assert.ok(error.cause instanceof ServerError && error.cause.code === "57P01");
      assert.equal(error.code, "57P01");
      assert.ok(error.connectionLost && !error.safeToRetry);
      return true;
    },
  );
  assert.equal(conn.closed, true);
  await assert.rejects(async () => await conn.ping(), ConnectionError);
  await conn.close();
});

conformance("loss: the server ends an idle session", async (world, server) => {
  const conn = await world.connect(server.fast);
  {
    await using admin = await world.connect(server.admin);
    assert.equal(await admin.execValue("select pg_terminate_backend($1)", [conn.id]), true);
  }
  await assert.rejects(async () => await conn.queryDrop("select pg_sleep(0.2)"), (error) => {
    assert.ok(error instanceof ConnectionError, String(error));
    return true;
  });
  assert.equal(conn.closed, true);
  await conn.close();
});

conformance(
  "loss: a session that ended a while ago is known to be gone before anything is sent",
  async (world, server) => {
    const conn = await world.connect(server.fast);
    await conn.queryDrop("set idle_session_timeout = 100");
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await assert.rejects(async () => await conn.query("select 1"), (error) => {
      assert.ok(error instanceof ConnectionError && error.connectionLost && error.safeToRetry, String(error));
      return true;
    });
    assert.equal(conn.closed, true);
    await conn.close();
  },
);
