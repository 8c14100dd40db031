import assert from "node:assert/strict";
import { ConnectionError, UsageError } from "../../mod.ts";
import { conformance, type World } from "../support/suite/worlds.ts";
import type { TestServer } from "../support/suite/servers.ts";

/** How many sessions have that name, once the server has had time to notice. */
async function sessions(world: World, server: TestServer, name: string): Promise<number> {
  await using admin = await world.connect(server.admin);
  for (let attempt = 0;; attempt++) {
    const count = await admin.execValue<bigint>("select count(*) from pg_stat_activity where application_name = $1", [
      name,
    ]);
    if (count === 0n || attempt === 100) return Number(count);
    await admin.execDrop("select pg_sleep(0.02)");
  }
}

conformance("close: idempotent, ends the session, later calls fail at once", async (world, server) => {
  const name = `close-${crypto.randomUUID().slice(0, 8)}`;
  const conn = await world.connect(`${server.fast}&application_name=${name}`);
  const statement = await conn.prepare("select 1");
  await conn.close();
  await conn.close();
  assert.equal(conn.closed, true);
  for (
    const call of [
      () => conn.ping(),
      () => conn.query("select 1"),
      () => conn.exec("select $1", [1]),
      () => conn.exec(statement),
      () => conn.prepare("select 1"),
      () => conn.prepareBatch(["select 1"]),
    ]
  ) {
    await assert.rejects(async () => await call(), (error) => {
      assert.ok(error instanceof ConnectionError, String(error));
      assert.match(error.message, /the connection is closed/);
      assert.ok(error.connectionLost && error.safeToRetry);
      return true;
    });
  }
  assert.equal(await sessions(world, server, name), 0);
});

conformance("close: `using` closes, also when the block throws", async (world, server) => {
  const name = `using-${crypto.randomUUID().slice(0, 8)}`;
  let kept: Awaited<ReturnType<World["connect"]>> | undefined;
  await assert.rejects(async () => {
    await using conn = await world.connect(`${server.fast}&application_name=${name}`);
    kept = conn;
    await conn.queryDrop("begin");
    throw new Error("from the block");
  }, /from the block/);
  assert.equal(kept?.closed, true);
  assert.equal(await sessions(world, server, name), 0);
});

conformance("connect: an attempt that fails leaves no session behind", async (world, server) => {
  const name = `failed-${crypto.randomUUID().slice(0, 8)}`;
  for (
    const query of [
      `no_such_setting=1&application_name=${name}`,
      `sslmode=require&role=nobody_here&application_name=${name}`,
    ]
  ) {
    await assert.rejects(world.connect(server.url({ query })));
  }
  await assert.rejects(
    world.connect(server.url({ user: "auth_stronger", password: "wrong", query: `application_name=${name}` })),
  );
  assert.equal(await sessions(world, server, name), 0);
});

conformance("close: a bad option rejects, and leaves the connection as it was", async (world, server) => {
  const bad = { timeout: "x" } as never;
  const conn = await world.connect(server.fast);
  // As a call whose promise is awaited later: what is thrown before there is a promise would not be caught.
  const rejected = attempt(world, () => conn.close(bad));
  await assert.rejects(rejected, UsageError);
  for (const misspelt of [{ timout: 5 }, 5, "5", null] as never[]) {
    await assert.rejects(attempt(world, () => conn.close(misspelt)), UsageError, JSON.stringify(misspelt));
  }
  assert.equal(await conn.execValue("select 1"), 1);
  await conn.close();
  await assert.rejects(attempt(world, () => conn.close(bad)), UsageError, "also when it is closed");

  await using pool = world.pool(server.fast, { poolMaxConcurrency: 1 });
  const taken = await pool.acquire();
  await assert.rejects(attempt(world, () => taken.close(bad)), UsageError);
  assert.equal(await taken.execValue("select 2"), 2, "it is still its user's");
  await taken.close();
  await using again = await pool.acquire();
  assert.equal(await again.execValue("select 3"), 3, "and the pool has room again");
});

/** A call whose failure is a rejection, which in the promise world it has to be by itself. */
function attempt(world: World, call: () => Promise<void>): Promise<void> {
  return world.name === "async" ? call() : Promise.resolve().then(call);
}
