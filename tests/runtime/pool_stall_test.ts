/** Pools whose connections are there, and lead nowhere: nobody waits for ever. */
import assert from "node:assert/strict";
import { Pool, TimeoutError } from "../../mod.ts";
import { FaultProxy } from "../../src/testing/mod.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";

/** Runs with a pool that has been used, and the network behind it. */
async function stalling(body: (pool: Pool, proxy: FaultProxy) => Promise<void>): Promise<void> {
  await using proxy = await FaultProxy.start(newest.port);
  const pool = new Pool(newest.url().replace(`:${newest.port}/`, `:${proxy.port}/`));
  try {
    await pool.ping();
    await body(pool, proxy);
  } finally {
    await pool.close({ timeout: 0 });
  }
}

test("pool stall: listen keeps to its time-out", () =>
  stalling(async (pool, proxy) => {
    await using _other = await pool.listen("a");
    proxy.stall(true);
    await assert.rejects(pool.listen("b", { timeout: 100 }), TimeoutError);
  }));

test("pool stall: the end of listening is not waited for", () =>
  stalling(async (pool, proxy) => {
    await using _other = await pool.listen("a");
    const notifications = await pool.listen("b");
    proxy.stall(true);
    await notifications.return();
    assert.equal((await notifications.next()).done, true);
  }));

test("pool stall: a stream can be left, and its connection is replaced", () =>
  stalling(async (pool, proxy) => {
    const rows = pool.stream("select generate_series(1, 100000) as n", { batch: 10, timeout: 1000 });
    assert.deepEqual((await rows.next()).value, { n: 1 });
    proxy.stall(true);
    await rows.return();
    const { leased, closed } = pool.stats();
    assert.deepEqual({ leased, closed }, { leased: 0, closed: 1 });
    proxy.stall(false);
    assert.equal(await pool.execValue("select 1"), 1);
  }));
