import assert from "node:assert/strict";
import { ConnectionError } from "../../mod.ts";
import { conformance, type World } from "../support/worlds.ts";
import type { TestServer } from "../support/servers.ts";

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
