/** What PgBouncer refuses and ends for reasons of its own, in its own words. */
import assert from "node:assert/strict";
import { after } from "node:test";
import { type Conn, ConnectionError, Pool, ServerError } from "../../mod.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import { PgBouncer } from "../support/installed/pgbouncer.ts";
import { newest } from "../support/suite/servers.ts";
import { testInTurn } from "../support/suite/test.ts";
import { type World, worlds } from "../support/suite/worlds.ts";

const TO = `host=127.0.0.1 port=${newest.port} dbname=test_db user=test password=1234 pool_mode=transaction`;

const bouncer = await PgBouncer.start({
  server: { one: `${TO} pool_size=1`, idle: TO },
  settings: ["query_wait_timeout = 3", "client_idle_timeout = 3", "admin_users = admin"],
});
after(() => bouncer[Symbol.asyncDispose]());

function inEveryWorld(
  name: string,
  body: (connect: (db: string, query?: string) => Promise<Conn>, world: World) => Promise<void>,
): void {
  const connecting = (world: World) => (db: string, query = "") =>
    world.connect(`pg://admin@127.0.0.1:${bouncer.port}/${db}?pgbouncer=true${query}`);
  for (const world of worlds) testInTurn(`pgbouncer: ${name} (${world.name})`, () => body(connecting(world), world));
}

/** That a call fails because the pooler has ended the connection, for that reason. */
async function endedBy(reason: string, call: () => unknown, safeToRetry: boolean): Promise<void> {
  await assert.rejects(attempt(call), (error) => {
    assert.ok(error instanceof ConnectionError);
    assert.ok(error.message.endsWith(`: the server ended the connection: ${reason}`), error.message);
    assert.equal(error.safeToRetry, safeToRetry);
    assert.ok(error.cause instanceof ServerError && error.cause.code === "08P01");
    return true;
  });
}

inEveryWorld("a setting that it does not pass on", async (connect) => {
  await assert.rejects(connect("one", "&statement_timeout=5s"), (error) => {
    assert.ok(error instanceof ServerError);
    assert.equal(error.message, "unsupported startup parameter: statement_timeout");
    assert.match(error.hint!, /ALTER ROLE … SET.*ignore_startup_parameters/);
    return true;
  });
});

inEveryWorld("a database that it does not have", async (connect) => {
  await assert.rejects(connect("nothing"), { name: "ServerError", code: "08P01", severity: "FATAL" });
});

inEveryWorld("a connection to the server that does not come free in time", async (connect) => {
  await using holder = await connect("one");
  await using tx = await holder.begin();
  await tx.query("select 1");
  for (const call of [(conn: Conn) => conn.query("select 1"), (conn: Conn) => conn.exec("select $1::int4", [1])]) {
    await using conn = await connect("one");
    await endedBy("query_wait_timeout", () => call(conn), false);
    assert.equal(conn.closed, true);
    await tx.query("select 1");
  }
  await tx.commit();
});

inEveryWorld("a client that is idle for too long", async (connect) => {
  await using conn = await connect("idle");
  assert.equal(await conn.execValue("select 1"), 1);
  await using admin = await connect("pgbouncer");
  const isThere = async (): Promise<boolean> =>
    (await admin.query<{ database: string }>("show clients")).some(({ database }) => database === "idle");
  for (let i = 0; await isThere(); i++) {
    assert.ok(i < 600, "it is ended");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await endedBy("client_idle_timeout", () => conn.query("select 1"), true);
  assert.equal(conn.closed, true);
});

testInTurn("pgbouncer: while a pool has a connection, its callers wait where the pooler takes no more", async () => {
  await using full = await PgBouncer.start({ server: TO, settings: ["max_client_conn = 2"] });
  await using pool = new Pool(`pg://u@127.0.0.1:${full.port}/test_db?pgbouncer=true`, { poolMaxConcurrency: 6 });
  const results = await Promise.all(
    Array.from({ length: 12 }, (_, n) => pool.tx((tx) => tx.execValue("select $1::int4 from pg_sleep(0.02)", [n]))),
  );
  assert.deepEqual(results, Array.from({ length: 12 }, (_, n) => n));
  const { failed, refused } = pool.stats();
  assert.ok(failed > 0 && refused === 0, JSON.stringify({ failed, refused }));
});

for (const world of worlds) {
  testInTurn(`pgbouncer: a connection beyond those that it takes is safe to try again (${world.name})`, async () => {
    await using full = await PgBouncer.start({ server: TO, settings: ["max_client_conn = 1"] });
    const url = `pg://u@127.0.0.1:${full.port}/test_db?pgbouncer=true`;
    await using conn = await world.connect(url);
    await conn.query("select 1");
    await assert.rejects(world.connect(url), (error) => {
      assert.ok(error instanceof ServerError && error.code === "08P01", String(error));
      return error.safeToRetry;
    });
  });
}
