/** Calls on a pool, as far as they are the same in both worlds. */
import assert from "node:assert/strict";
import { ConnectionError, ServerError, sql, SqlState, TimeoutError, type Transaction, UsageError } from "../../mod.ts";
import { FaultProxy } from "../../src/testing/mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { conformance } from "../support/suite/worlds.ts";

conformance("pool: every statement member works on any connection", async (world, server) => {
  await using pool = world.pool(server.fast, { poolMaxConcurrency: 2 });
  const table = `pool_${crypto.randomUUID().replaceAll("-", "")}`;
  assert.equal(pool.stats().opened, 0, "nothing is opened before it is needed");
  await pool.ping();
  assert.deepEqual(await pool.query("select 1 as n"), [{ n: 1 }]);
  assert.deepEqual(await pool.query<unknown>("select 1 as n", { rows: "array" }), [[1]]);
  assert.deepEqual(await pool.queryFirst("select 1 as n"), { n: 1 });
  assert.equal((await pool.queryAll("select 1; select 2")).length, 2);
  await pool.queryDrop(`create table ${table} (n int)`);
  try {
    assert.equal(await pool.execDrop(`insert into ${table} values ($1)`, [1]), 1);
    assert.equal(await pool.execBatch(`insert into ${table} values ($1)`, [[2], [3]]), 2);
    assert.equal(await pool.copyRows(table, ["n"], [[4]]), 1);
    assert.equal(await pool.copyIn(`copy ${table} from stdin`, "5\n"), 1);
    assert.equal(await pool.execValue(`select sum(n)::int from ${table}`), 15);
    assert.deepEqual(await pool.exec(`select n from ${table} where n < $1 order by n`, [3]), [{ n: 1 }, { n: 2 }]);
    assert.deepEqual(await pool.execFirst(`select n from ${table} where n = $1`, [9]), null);
    assert.deepEqual(await pool.execOne(`select n from ${table} where n = $1`, [3]), { n: 3 });
    assert.equal((await pool.run(`update ${table} set n = n`)).affected, 5);
    assert.equal(await pool.execValue(sql`select ${5}::int`), 5);
    assert.equal(await pool.execValue("select 6", { timeout: 5000 }), 6, "options in place of parameters");
    const count = given(world, function* (portal: { fetch(n: number): unknown }) {
      const { rows } = (yield portal.fetch(2)) as { rows: unknown[] };
      return rows.length;
    });
    assert.equal(await pool.execIter(`select n from ${table}`, [], count as never), 2);
    const rows: unknown[] = [];
    for await (const { n } of pool.stream<{ n: number }>(`select n from ${table} order by n`, { batch: 2 })) {
      rows.push(n);
    }
    assert.deepEqual(rows, [1, 2, 3, 4, 5]);
    let bytes = 0;
    for await (const chunk of pool.copyOut(`copy ${table} to stdout`)) bytes += chunk.length;
    assert.equal(bytes, 10);
    assert.equal(
      await pool.tx(given(world, function* (tx: Transaction) {
        yield tx.execDrop(`delete from ${table}`);
        return (yield tx.execValue(`select count(*)::int from ${table}`)) as number;
      })),
      0,
    );
  } finally {
    await pool.queryDrop(`drop table ${table}`);
  }
  const { leased, idle, size, opened } = pool.stats();
  assert.deepEqual([leased, idle, size, opened], [0, 1, 1, 1], "one after the other, one connection");
});

for (
  const [whose, query, options] of [["its own", "", { timeout: 1000 }], ["the pool's", "&call_timeout=1", {}]] as const
) {
  conformance(`pool: a transaction that is run again has only what is left of ${whose} time`, async (world, server) => {
    await using proxy = await FaultProxy.start(server.port);
    await using pool = world.pool(proxy.opts(server.url({ query: `sslmode=disable${query}` })));
    let runs = 0;
    const work = given(world, function* (tx: Transaction) {
      runs++;
      yield tx.execDrop("select pg_sleep(0.6)");
      proxy.arm({ direction: "down", after: 0, then: "reset" });
      yield tx.execDrop("select 1");
    });
    await assert.rejects(attempt(() => pool.tx(work, { retries: 5, ...options })), TimeoutError);
    assert.ok(runs <= 2, `it was run ${runs} times`);
  });
}

conformance("pool: a call that waits for a position takes no longer than its timeout", async (world, server) => {
  await using pool = world.pool(server.fast);
  // A call that has to connect goes to the primary after half of its time.
  await pool.ping();
  const reader = pool.withTarget("any", { after: "FFFFFFFF/FFFFFFFF", wait: 10_000 });
  // If it took long to connect, the primary would be asked.
  await pool.withTarget("any").ping();
  const options = { timeout: 200 };
  const calls: (() => unknown)[] = [
    () => reader.query("select 1", options),
    () => reader.execValue("select 1", [], options),
    () => reader.tx(() => 1 as never, options),
    async () => {
      await using _conn = await reader.acquire(options);
    },
    async () => {
      for await (const _ of reader.stream("select 1", options));
    },
  ];
  let timedOut = 0;
  for (const call of calls) {
    const startedAt = performance.now();
    try {
      // In the last moment, the view's connection may come too late, and the primary's in time.
      await call();
    } catch (error) {
      assert.ok(error instanceof TimeoutError, String(error));
      assert.match(error.message, /within 200 ms/);
      timedOut++;
    }
    assert.ok(performance.now() - startedAt < 5000, "before the wait is over");
  }
  assert.ok(timedOut > 0);
  // It may have to connect to the primary.
  const patient = { timeout: 20_000 };
  assert.equal(await pool.withTarget("any", { after: "FFFFFFFF/FFFFFFFF" }).execValue("select 1", [], patient), 1);
  assert.equal(pool.stats().leased, 0);
});

conformance("pool: what is wrong with arguments is told, and costs no connection", async (world, server) => {
  await using pool = world.pool(server.fast, { poolMaxConcurrency: 1 });
  // deno-lint-ignore no-explicit-any
  const any = pool as any;
  await pool.ping();
  for (
    const call of [
      () => any.acquire({ timout: 5 }),
      () => any.acquire({ timeout: -1 }),
      () => any.acquire("soon"),
      () => any.query(5),
      () => any.query("select 1", { timeout: -1 }),
      () => any.query("select 1", { timeout: "soon" }),
      () => any.exec("select 1", "no array", {}),
      () => any.exec("select 1", [], { rows: "columns" }),
      () => any.exec(undefined),
      () => any.exec(null, [1]),
      () => any.tx("no function"),
      () => any.listen(""),
      () => any.listen("c", { timeout: -1 }),
      () => any.close({ timeout: -1 }),
      () => any.close({ timout: 5 }),
      () => any.close(5),
    ]
  ) await assert.rejects(attempt<unknown>(call), UsageError, String(call));
  assert.deepEqual([pool.stats().idle, pool.stats().opened, pool.closed], [1, 1, false]);
  await using conn = await pool.acquire();
  const statement = await conn.prepare("select 1");
  await using wide = world.pool(server.fast);
  await assert.rejects(attempt(() => wide.exec(statement as never)), /belongs to another connection/);
});

conformance("pool: a server's refusal is told to the caller", async (world, server) => {
  await using pool = world.pool(server.url({ password: "wrong" }));
  await assert.rejects(attempt(() => pool.query("select 1")), (error) => {
    return error instanceof ServerError && error.code === SqlState.InvalidPassword;
  });
  await using nobody = world.pool("pg://u@127.0.0.1:1/d");
  await assert.rejects(attempt(() => nobody.acquire()), ConnectionError);
  await assert.rejects(attempt(() => nobody.listen("c")), ConnectionError);
});
