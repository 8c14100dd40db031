/** Quick selects of several callers that share a connection of a pool that awaits. */
import assert from "node:assert/strict";
import { ConnectionError, Pool, type PoolView } from "../../mod.ts";
import { newest } from "../support/suite/servers.ts";
import { testInTurn } from "../support/suite/test.ts";
import { until } from "./failure/scenes.ts";

const PID = "select pg_backend_pid()";

testInTurn(
  "pool sharing: quick selects of several callers share a connection, and nothing else of theirs",
  async () => {
    await using pool = new Pool(newest.fast, { poolMaxConcurrency: 1 });
    const square = "select $1::int * $1::int as n";
    const divide = "select 100 / $1::int as n";
    for (let i = 1; i <= 10; i++) await Promise.all([pool.exec(square, [i]), pool.exec(divide, [i])]);
    const busy = pool.query("select pg_sleep(0.05)");
    const calls = Array.from(
      { length: 40 },
      (_, i) => i % 4 === 3 ? pool.execValue(divide, [0]) : pool.execValue(square, [i]),
    );
    const results = await Promise.allSettled(calls);
    await busy;
    results.forEach((result, i) => {
      if (i % 4 === 3) assert.match((result as PromiseRejectedResult).reason.message, /division by zero/);
      else assert.equal((result as PromiseFulfilledResult<unknown>).value, i * i);
    });
    assert.deepEqual([pool.stats().opened, pool.stats().leased], [1, 0]);
  },
);

/** A pool where three connections are in use and two are idle, and that knows `PID` as quick. */
async function busyPool(
  view: (pool: Pool) => PoolView = (pool) => pool,
): Promise<{ pool: Pool; free: () => Promise<void> }> {
  const pool = new Pool(newest.fast, { poolMaxConcurrency: 5 });
  const conns = await Promise.all([1, 2, 3, 4, 5].map(() => view(pool).acquire()));
  await Promise.all(conns.splice(3).map((conn) => conn.release()));
  await view(pool).execValue(PID);
  return {
    pool,
    free: async () => {
      await Promise.all(conns.map((conn) => conn.release()));
    },
  };
}

testInTurn(
  "pool sharing: quick selects of one turn of the event loop share a connection while others are at work",
  async () => {
    const { pool, free } = await busyPool();
    const later = async (): Promise<unknown> => {
      for (let i = 0; i < 10; i++) await undefined;
      return pool.execValue(PID);
    };
    // A machine that is busy may have found it slow.
    await until("they share", async () => new Set(await Promise.all([pool.execValue(PID), later()])).size === 1);
    assert.equal(pool.stats().leased, 3);
    await free();
    await until(
      "they need not wait",
      async () => new Set(await Promise.all([pool.execValue(PID), later()])).size === 2,
    );
    await pool.close();
  },
);

testInTurn("pool sharing: it is known which selects are quick also if each call has a view of its own", async () => {
  const { pool, free } = await busyPool((pool) => pool.withTarget("any"));
  const call = (): Promise<unknown> => pool.withTarget("any").execValue(PID);
  await until("they share", async () => new Set(await Promise.all([call(), call()])).size === 1);
  await free();
  await pool.close();
});

testInTurn(
  "pool sharing: a select that waits for the end of its turn is served although the pool is closed",
  async () => {
    const { pool, free } = await busyPool();
    const call = pool.execValue(PID);
    const closing = pool.close();
    assert.ok(pool.closed);
    await assert.rejects(pool.execValue(PID), ConnectionError);
    assert.equal(typeof await call, "number");
    await free();
    await closing;
  },
);

testInTurn("pool sharing: a select that waits for the end of its turn ends with its pool", async () => {
  const { pool } = await busyPool();
  const call = pool.execValue(PID).then(() => "served", (error) => error);
  await pool.close({ timeout: 0 });
  const result = await call;
  assert.ok(result === "served" || result instanceof ConnectionError, String(result));
});
