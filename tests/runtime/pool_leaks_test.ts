/** Connections of pools that are forgotten, or kept for long. */
import assert from "node:assert/strict";
import { Pool, type PoolLeak } from "../../mod.ts";
import { Pool as BlockingPool } from "../../sync.ts";
import { collectedUntil } from "../support/suite/garbage.ts";
import { newest } from "../support/suite/servers.ts";
import { testInTurn } from "../support/suite/test.ts";

testInTurn("pool leaks: a connection that was forgotten is taken back, and where it was taken is told", async () => {
  const leaks: PoolLeak[] = [];
  await using pool = new Pool(newest.fast, { poolMaxConcurrency: 1, onLeak: (leak) => leaks.push(leak) });
  const pid = await (async () => {
    const conn = await pool.acquire();
    await conn.begin();
    return conn.id;
  })();
  assert.equal(pool.stats().leased, 1);
  assert.ok(await collectedUntil(() => pool.stats().idle === 1), "it is taken back");
  assert.deepEqual([leaks.length, leaks[0]?.kind], [1, "forgotten"]);
  assert.match(leaks[0]!.stack, /pool_leaks_test/);
  assert.equal(await pool.execValue("select pg_backend_pid()"), pid);
});

testInTurn("pool leaks: a forgotten connection is taken back, whatever on it still refers to it", async () => {
  await using pool = new Pool(newest.fast, { poolMaxConcurrency: 4, onLeak: () => {} });
  await (async () => {
    const heard: string[] = [];
    const conn = await pool.acquire();
    conn.onNotice = ({ message }) => void heard.push(`${conn.id} ${message}`);
    await conn.queryDrop("do $$ begin raise notice 'one'; end $$");
    assert.deepEqual(heard, [`${conn.id} one`], "which is called all the same");
    const streaming = await pool.acquire();
    await streaming.stream("select generate_series(1, 100000) as n").next();
    const listening = await pool.acquire();
    await listening.listen("forgotten");
    const filling = await pool.acquire();
    filling.pipeline().exec("select 1");
  })();
  assert.equal(pool.stats().leased, 4);
  assert.ok(await collectedUntil(() => pool.stats().idle === 4), "they are taken back");
  await using again = await pool.acquire();
  assert.equal(again.onNotice, undefined, "the listener is gone with its connection");
});

testInTurn(
  "pool leaks: a blocking pool's forgotten connection is taken back, whatever on it still refers to it",
  async () => {
    using pool = new BlockingPool(newest.fast, { poolMaxConcurrency: 4, onLeak: () => {} });
    (() => {
      const heard: string[] = [];
      const conn = pool.acquire();
      conn.onNotice = ({ message }) => void heard.push(`${conn.id} ${message}`);
      conn.queryDrop("do $$ begin raise notice 'one'; end $$");
      assert.deepEqual(heard, [`${conn.id} one`]);
      pool.acquire().stream("select generate_series(1, 100000) as n").next();
      pool.acquire().listen("forgotten");
      pool.acquire().pipeline().exec("select 1");
    })();
    assert.equal(pool.stats().leased, 4);
    assert.ok(await collectedUntil(() => pool.stats().idle === 4), "they are taken back");
    using again = pool.acquire();
    assert.equal(again.onNotice, undefined);
  },
);

testInTurn(
  "pool leaks: a stream that was forgotten gives its connection back, and where it was made is told",
  async () => {
    const leaks: PoolLeak[] = [];
    await using pool = new Pool(newest.fast, { poolMaxConcurrency: 2, onLeak: (leak) => leaks.push(leak) });
    await (async () => {
      await pool.stream("select generate_series(1, 100000) as n").next();
      await pool.copyOut("copy (select 1) to stdout").values().next();
    })();
    assert.equal(pool.stats().leased, 2);
    assert.ok(await collectedUntil(() => pool.stats().leased === 0), "both are taken back");
    assert.deepEqual(leaks.map(({ kind }) => kind), ["forgotten", "forgotten"]);
    for (const { stack } of leaks) assert.match(stack, /pool_leaks_test/);
    assert.equal(await pool.execValue("select 1"), 1);
    for await (const _row of pool.stream("select 1")) assert.equal(pool.stats().leased, 1);
    assert.deepEqual([leaks.length, pool.stats().leased], [2, 0]);
  },
);

testInTurn("pool leaks: a blocking pool's stream that was forgotten gives its connection back", async () => {
  const leaks: PoolLeak[] = [];
  using pool = new BlockingPool(newest.fast, { poolMaxConcurrency: 2, onLeak: (leak) => leaks.push(leak) });
  (() => {
    pool.stream("select generate_series(1, 100000) as n").next();
    pool.copyOut("copy (select generate_series(1, 100000)) to stdout").next();
  })();
  assert.equal(pool.stats().leased, 2);
  assert.ok(await collectedUntil(() => pool.stats().leased === 0), "both are taken back");
  assert.deepEqual(leaks.map(({ kind }) => kind), ["forgotten", "forgotten"]);
  for (const { stack } of leaks) assert.match(stack, /pool_leaks_test/);
  assert.equal(pool.execValue("select 1"), 1);
});

testInTurn("pool leaks: a connection that is out for long is reported, and stays its user's", async () => {
  const leaks: PoolLeak[] = [];
  await using pool = new Pool(newest.fast, { poolLeakTimeout: 20, onLeak: (leak) => leaks.push(leak) });
  await using conn = await pool.acquire();
  for (let i = 0; leaks.length === 0 && i < 400; i++) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual([leaks[0]!.kind, leaks.length], ["late", 1]);
  assert.equal(await conn.execValue("select 1"), 1);
});

testInTurn("pool leaks: what was in use when the pool was closed is no leak (both worlds)", async () => {
  const leaks: PoolLeak[] = [];
  const onLeak = (leak: PoolLeak): void => void leaks.push(leak);
  for (const pool of [new Pool(newest.fast, { onLeak }), new BlockingPool(newest.fast, { onLeak })]) {
    await (async () => {
      for (let i = 0; i < 5; i++) await pool.acquire();
    })();
    await pool.close({ timeout: 0 });
  }
  let collections = 0;
  await collectedUntil(() => ++collections > 20 || leaks.length > 0);
  assert.deepEqual(leaks, []);
});
