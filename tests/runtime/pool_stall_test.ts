/** Pools whose connections are there, and lead nowhere: nobody waits for ever. */
import assert from "node:assert/strict";
import { Opts, Pool, TimeoutError } from "../../mod.ts";
import { FaultProxy } from "../../src/testing/mod.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { worlds } from "../support/suite/worlds.ts";

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

for (const world of worlds) {
  test(`pool stall: a call waits for a new connection only as long as it may (${world.name})`, async () => {
    await using proxy = await FaultProxy.start(newest.port);
    await using other = await FaultProxy.start(newest.port);
    const hosts = [proxy, other].map(({ port }) => `127.0.0.1:${port}`);
    const url = newest.url({ query: "sslmode=disable" }).replace(/@[^/]*/, `@${hosts}`);
    await using pool = world.pool(new Opts(url).connectTimeout(CONNECT_TIMEOUT));
    const isOver = (error: unknown): boolean => error instanceof TimeoutError && error.outcome === "not sent";
    for (const one of [proxy, other]) one.stall(true);
    const patient = { timeout: 300 };
    for (
      const call of [
        () => pool.exec("select 1", [], patient),
        () => pool.acquire(patient),
        () => pool.tx(given(world, function* () {}), { ...patient, retries: 3 }),
        () => pool.withTarget("any", { after: "0/0" }).exec("select 1", [], patient),
      ]
    ) await assert.rejects(attempt<unknown>(call), isOver);
    await assert.rejects(attempt(() => pool.listen("a", patient)), TimeoutError);
    const { leased, opened, hosts: known } = pool.stats();
    assert.deepEqual({ leased, opened }, { leased: 0, opened: 0 });
    // That somebody was in haste says nothing of the hosts.
    assert.deepEqual(known?.map(({ role }) => role), ["unknown", "unknown"]);
    for (const one of [proxy, other]) one.stall(false);
    assert.equal(await pool.execValue("select 1"), 1);
  });
}

for (const world of worlds.filter(({ name }) => name !== "async")) {
  test(`pool stall: waiting for a notification ends in time, also without a connection (${world.name})`, async () => {
    const name = `stall_${crypto.randomUUID().slice(0, 8)}`;
    await using proxy = await FaultProxy.start(newest.port);
    await using admin = new Pool(newest.admin);
    const url = newest.url({ query: `application_name=${name}` });
    await using pool = world.pool(proxy.opts(url).connectTimeout(CONNECT_TIMEOUT));
    const news = await pool.listen("a", { timeout: 3000 });
    await admin.exec("select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = $1", [
      name,
    ]);
    await new Promise((resolve) => setTimeout(resolve, 100));
    proxy.stall(true);
    const startedAt = performance.now();
    assert.equal((await attempt(() => news.next())).done, true);
    assert.ok(performance.now() - startedAt < CONNECT_TIMEOUT / 2, "it has waited for the connection");
  });
}

const CONNECT_TIMEOUT = 60_000;
