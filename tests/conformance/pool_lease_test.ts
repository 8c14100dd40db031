/** Connections that were taken from a pool, until they are released, and what is left over in them. */
import assert from "node:assert/strict";
import { ServerError, UsageError } from "../../mod.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import { conformance } from "../support/suite/worlds.ts";

const PID = "select pg_backend_pid()";

conformance("pool: what was taken is somebody's alone until it is given back", async (world, server) => {
  await using pool = world.pool(server.fast, { poolMaxConcurrency: 2 });
  const a = await pool.acquire();
  const pid = await a.execValue(PID);
  assert.notEqual(await pool.execValue(PID), pid);
  await a.release();
  assert.equal(a.closed, true);
  await using b = await pool.acquire({ timeout: 5000 });
  assert.equal(await b.execValue(PID), pid, "the one that was used last comes first");
  assert.deepEqual([pool.stats().leased, pool.stats().idle], [1, 1]);
});

conformance("pool: use after the release, and a second release", async (world, server) => {
  await using pool = world.pool(server.fast);
  const conn = await pool.acquire();
  const statement = await conn.prepare("select 1");
  const tx = await conn.begin();
  await conn.release();
  const refused = /the connection was released to its pool/;
  for (
    const call of [
      () => conn.query("select 1"),
      () => conn.exec(statement),
      () => conn.ping(),
      () => conn.begin(),
      () => conn.tx(() => 1),
      () => conn.prepare("select 1"),
      () => conn.copyIn("copy t from stdin", ""),
      () => conn.listen("c"),
      () => conn.notify("c"),
      () => conn.reset(),
      () => conn.cancel(),
      () => conn.pipeline(),
      () => conn.stream("select 1"),
      () => conn.copyOut("copy t to stdout"),
      () => tx.query("select 1"),
    ]
  ) {
    await assert.rejects(attempt<unknown>(call), (error) => {
      return error instanceof UsageError && refused.test(error.message) && !error.safeToRetry;
    }, String(call));
  }
  await assert.rejects(attempt(() => conn.release()), /Cannot release the connection/);
  await conn.close();
  {
    await using _again = conn;
  }
  assert.equal(pool.stats().idle, 1, "all of that has not touched the connection");
  await using other = await pool.acquire();
  await assert.rejects(attempt(() => other.exec(statement)), /belongs to another connection/);
  assert.equal(other.transactionStatus, "idle");
});

conformance("pool: what is left over is undone", async (world, server) => {
  await using pool = world.pool(server.fast, { poolMaxConcurrency: 1 });
  const channel = `left_${crypto.randomUUID()}`;
  const pid = await pool.execValue(PID);
  const leave: readonly ((conn: Awaited<ReturnType<typeof pool.acquire>>) => Promise<unknown>)[] = [
    async (conn) => await conn.begin(),
    async (conn) => await conn.queryDrop("begin"),
    async (conn) => {
      await conn.queryDrop("begin");
      await assert.rejects(attempt(() => conn.query("select 1 / 0")), ServerError);
    },
    async (conn) => {
      const stream = conn.stream("select generate_series(1, 1000)", { batch: 2 });
      await stream.next();
    },
    async (conn) => {
      const tx = await conn.begin();
      const portal = await tx.execPortal("select generate_series(1, 1000)");
      await portal.fetch(1);
    },
    async (conn) => {
      const pipeline = conn.pipeline();
      pipeline.exec("select 1");
      await pipeline.sync();
      pipeline.exec("select 2");
    },
    async (conn) => await conn.listen(channel),
    async (conn) => {
      conn.onNotice = () => assert.fail("the next user's notices are not the last one's business");
      await Promise.resolve();
    },
  ];
  for (const leaves of leave) {
    const conn = await pool.acquire();
    await leaves(conn);
    await conn.release();
    await using next = await pool.acquire();
    assert.equal(next.transactionStatus, "idle", String(leaves));
    assert.equal(next.onNotice, undefined);
    assert.equal(await next.execValue(PID), pid, "the connection is kept");
    assert.equal(await next.execValue("select count(*)::int from pg_listening_channels()"), 0);
    await next.queryDrop("do $$ begin raise notice 'x'; end $$");
  }
});

conformance(
  "pool: a transaction that a call on the pool leaves open is an error, and rolled back",
  async (world, server) => {
    await using pool = world.pool(server.fast, { poolMaxConcurrency: 1 });
    const isLeftOpen = { name: "UsageError", message: /^Cannot leave a transaction open in a call on a pool: .*tx/ };
    await assert.rejects(attempt(() => pool.query("begin")), isLeftOpen);
    await assert.rejects(attempt(() => pool.execDrop("start transaction")), isLeftOpen);
    await assert.rejects(attempt(() => pool.query("begin; select 1")), isLeftOpen);
    await assert.rejects(attempt(() => pool.query("begin; select 1 / 0")), ServerError);
    assert.deepEqual(await pool.query("begin; select 1 as n; commit"), [{ n: 1 }]);
    await using conn = await pool.acquire();
    assert.equal(conn.transactionStatus, "idle");
  },
);
