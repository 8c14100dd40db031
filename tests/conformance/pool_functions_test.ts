/** The functions that a pool calls: onConnect, onRelease and onClose. */
import assert from "node:assert/strict";
import { ConnectionError, UsageError } from "../../mod.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import { conformance } from "../support/suite/worlds.ts";

conformance("pool: functions that are told of connections", async (world, server) => {
  const told: string[] = [];
  let keep: boolean | undefined = undefined;
  await using pool = world.pool(server.fast, {
    poolMaxConcurrency: 1,
    onConnect: (conn) => {
      told.push(`connect ${conn.transactionStatus}`);
      return conn.queryDrop("set application_name = 'hooked'");
    },
    onRelease: (conn) => {
      told.push(`release ${conn.transactionStatus}`);
      return keep;
    },
  });
  assert.equal(await pool.execValue("show application_name"), "hooked");
  const conn = await pool.acquire();
  await conn.begin();
  await conn.release();
  assert.deepEqual(told, ["connect idle", "release idle", "release idle"]);
  keep = false;
  await (await pool.acquire()).release();
  assert.deepEqual([pool.stats().idle, pool.stats().closed], [0, 1]);
});

conformance("pool: functions that throw", async (world, server) => {
  const broken = new TypeError("broken");
  await using one = world.pool(server.fast, {
    onConnect: () => {
      throw broken;
    },
  });
  await assert.rejects(attempt(() => one.query("select 1")), broken);
  assert.deepEqual([one.stats().size, one.stats().failed], [0, 1]);
  await using other = world.pool(server.fast, {
    onRelease: () => {
      throw broken;
    },
  });
  assert.equal(await other.execValue("select 1"), 1, "the caller has its result");
  await (await other.acquire()).release();
  assert.deepEqual([other.stats().idle, other.stats().leased], [0, 0]);
});

conformance(
  "pool: blocking, a function that gives a promise is told so, as nobody waits for it",
  async (world, server) => {
    if (world.name === "async") {
      await using pool = world.pool(server.fast, { onRelease: () => Promise.resolve(false) });
      await (await pool.acquire()).release();
      assert.deepEqual([pool.stats().idle, pool.stats().closed], [0, 1], "where promises are awaited, it is");
      return;
    }
    const told = (name: string) => (error: unknown): boolean =>
      error instanceof UsageError && error.message.includes(`${name} of a blocking pool must return at once`);
    await using one = world.pool(server.fast, { onConnect: () => Promise.resolve() });
    await assert.rejects(attempt(() => one.query("select 1")), told("onConnect"));
    await using other = world.pool(server.fast, { onRelease: () => Promise.reject(new Error("not heard")) });
    await assert.rejects(attempt(() => other.execValue("select 1")), told("onRelease"));
    const conn = await other.acquire();
    await assert.rejects(attempt(() => conn.release()), told("onRelease"));
    assert.deepEqual([other.stats().size, other.stats().leased], [0, 0], "and its connection is closed");
  },
);

conformance("pool: functions that leave something, and one that closes the connection", async (world, server) => {
  await using pool = world.pool(server.fast, { onConnect: (conn) => conn.queryDrop("begin") });
  {
    await using conn = await pool.acquire();
    assert.equal(conn.transactionStatus, "idle");
  }
  await using careless = world.pool(server.fast, { onRelease: (conn) => conn.queryDrop("begin") });
  await (await careless.acquire()).release();
  assert.equal(careless.stats().idle, 0, "what is not ready for the next one is closed");
  await using closing = world.pool(server.fast, { onConnect: (conn) => conn.close() });
  await assert.rejects(attempt(() => closing.query("select 1")), (error) => {
    return error instanceof ConnectionError && /closed or lost before its first use/.test(error.message);
  });
});
