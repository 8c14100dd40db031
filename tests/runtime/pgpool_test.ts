/** Through Pgpool-II, which shares statements out to a primary and a standby; here both are one server. */
import assert from "node:assert/strict";
import { after } from "node:test";
import {
  type Conn,
  ConnectionError,
  type Pool,
  type PoolOptions,
  SqlState,
  TimeoutError,
  type Transaction,
} from "../../mod.ts";
import { Pgpool } from "../support/installed/pgpool.ts";
import { attempt, type Body, given } from "../support/suite/call_bodies.ts";
import { newest } from "../support/suite/servers.ts";
import { testInTurn } from "../support/suite/test.ts";
import { type World, worlds } from "../support/suite/worlds.ts";

const pgpool = await Pgpool.start({ backends: [newest.port, newest.port], clients: 32 });
after(() => pgpool[Symbol.asyncDispose]());

/** Pgpool in one world. */
interface Place {
  readonly world: World;
  connect(query?: string): Promise<Conn>;
  pool(options?: PoolOptions): Pool;
}

function through(name: string, body: (place: Place) => Promise<void>): void {
  for (const world of worlds) {
    const url = (query = ""): string => `pg://postgres@127.0.0.1:${pgpool.port}/test_db?${query}`;
    testInTurn(`pgpool: ${name} (${world.name})`, () =>
      body({
        world,
        connect: (query) => world.connect(url(query)),
        pool: (options) => world.pool(url(), options),
      }));
  }
}

through("connecting, and no upgrade behind it", async ({ connect }) => {
  await using conn = await connect();
  assert.deepEqual([conn.transport, conn.upgrade.upgraded], ["tcp", false]);
  assert.match(conn.upgrade.reason!, /something in between|does not say who it is/);
  await conn.ping();
});

through("statements of both protocols", async ({ connect }) => {
  await using conn = await connect();
  for (let round = 0; round < 3; round++) {
    assert.deepEqual(await conn.exec("select $1::int4 as n, $2::text as t", [round, "ö"]), [{ n: round, t: "ö" }]);
    assert.deepEqual(await conn.query("select 1 as n"), [{ n: 1 }]);
    assert.deepEqual(await conn.execValue("select array[1, 2]::int8[]"), [1n, 2n]);
    await assert.rejects(attempt(() => conn.exec("select 1 / $1::int4", [0])), { code: SqlState.DivisionByZero });
  }
  await using held = await conn.prepare("select $1::int4 + 1 as n");
  assert.equal(await conn.execValue(held, [1]), 2);
});

through("a pool: quick statements of many callers, each has its own rows", async ({ pool }) => {
  await using own = pool({ poolMaxConcurrency: 2 });
  const numbers = Array.from({ length: 50 }, (_, n) => n);
  const rows = await Promise.all(numbers.map((n) => own.execValue("select $1::int4", [n])));
  assert.deepEqual(rows, numbers);
});

through("pipelines, batches and COPY", async ({ connect }) => {
  await using conn = await connect();
  await conn.queryDrop("create temporary table t (n int4)");
  {
    await using pipeline = conn.pipeline();
    const tickets = [1, 2, 3].map((n) => pipeline.exec("select $1::int4 as n", [String(n)]));
    for (const [i, ticket] of tickets.entries()) assert.deepEqual(await pipeline.claimOne(ticket), { n: i + 1 });
  }
  assert.equal(await conn.execBatch("insert into t values ($1)", [[1], [2], [3]]), 3);
  assert.equal(await conn.copyRows("t", ["n"], [[4], [5]]), 2);
  assert.deepEqual(await conn.execColumn("select n from t order by n"), [1, 2, 3, 4, 5]);
});

through("streams and portals, in a transaction", async ({ connect }) => {
  await using conn = await connect();
  await using tx = await conn.begin();
  const seen: unknown[] = [];
  for await (const { n } of tx.stream("select generate_series(1, 5) as n", [], { batch: 2 })) seen.push(n);
  assert.deepEqual(seen, [1, 2, 3, 4, 5]);
  await using portal = await tx.execPortal("select generate_series(1, 5) as n", [], { rows: "array" });
  assert.deepEqual((await portal.fetch(2)).rows, [[1], [2]]);
  await tx.commit();
});

through("a stream outside of a transaction ends by its timeout: Pgpool does not flush", async ({ connect }) => {
  const conn = await connect();
  await assert.rejects(async () => {
    for await (const _row of conn.stream("select generate_series(1, 5)", [], { batch: 2, timeout: 300 }));
  }, (error) => error instanceof TimeoutError || error instanceof ConnectionError);
  await conn.close({ timeout: 0 });
});

through("transactions: committed, rolled back, retried", async ({ world, pool }) => {
  await using own = pool({ poolMaxConcurrency: 1 });
  let runs = 0;
  const work = given(world, function* (tx: Transaction): Body<unknown> {
    if (++runs < 3) yield tx.queryDrop("do $$ begin raise exception using errcode = '40001'; end $$");
    return yield tx.execValue("select $1::int4", [runs]);
  });
  assert.equal(await own.tx(work, { retries: 5 }), 3);
  {
    await using conn = await own.acquire();
    await conn.queryDrop("begin");
  }
  await using conn = await own.acquire();
  assert.equal(conn.transactionStatus, "idle");
});

// With two servers, Pgpool 4.3 may say nothing more on a connection whose statement was cancelled; pyro gives it up.
through("a timeout stops the statement, and the pool goes on", async ({ pool }) => {
  await using own = pool({ poolMaxConcurrency: 1 });
  const marker = `pg_sleep(60) is not null and '${crypto.randomUUID()}' <> ''`;
  await assert.rejects(attempt(() => own.exec(`select ${marker}`, [], { timeout: 200 })), TimeoutError);
  assert.equal(await own.execValue("select 1"), 1);
  const running = "select count(*)::int4 from pg_stat_activity where query like $1 and state = 'active'";
  assert.equal(await own.execValue(running, [`select %${marker.slice(13)}`]), 0);
});
