/** A pool that is closed. */
import assert from "node:assert/strict";
import { ConnectionError } from "../../mod.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import { conformance } from "../support/suite/worlds.ts";

conformance("pool: closed, it refuses, and its connections are gone", async (world, server) => {
  const name = `closing_${crypto.randomUUID().slice(0, 8)}`;
  const pool = world.pool(`${server.fast}${server.fast.includes("?") ? "&" : "?"}application_name=${name}`);
  const out = await pool.acquire();
  await pool.query("select 1");
  const news = await pool.listen(name);
  await pool.close({ timeout: 0 });
  await pool.close();
  assert.equal(pool.closed, true);
  assert.equal(out.closed, true);
  assert.deepEqual(await news.next(), { done: true, value: undefined });
  for (
    const call of [
      () => pool.query("select 1"),
      () => pool.execValue("select 1"),
      () => pool.acquire(),
      () => pool.listen("c"),
      () => pool.tx(() => 1),
    ]
  ) {
    await assert.rejects(attempt<unknown>(call), (error) => {
      return error instanceof ConnectionError && !error.connectionLost && /the pool: it is closed/.test(error.message);
    });
  }
  await assert.rejects(attempt(() => out.query("select 1")), ConnectionError);
  await out.release();
  assert.equal(pool.stats().size, 0);
  await using conn = await world.connect(server.fast);
  const sessions = "select count(*)::int from pg_stat_activity where application_name = $1";
  for (let i = 0; await conn.execValue(sessions, [name]) !== 0; i++) {
    assert.ok(i < 100, "no session is left");
    await conn.execDrop("select pg_sleep(0.05)");
  }
});
