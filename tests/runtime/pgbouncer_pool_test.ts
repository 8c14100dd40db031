/** Pools through PgBouncer, with fewer connections to the server than the pool has to the pooler. */
import assert from "node:assert/strict";
import { after } from "node:test";
import { Pool, type PoolOptions, ServerError, SqlState } from "../../mod.ts";
import { PgBouncer } from "../support/installed/pgbouncer.ts";
import { freePort } from "../support/installed/postgres.ts";
import { newest } from "../support/suite/servers.ts";
import { testInTurn } from "../support/suite/test.ts";

type Mode = "session" | "transaction" | "statement";

/** How many connections to the server there are; in session mode each of the pool's has its own. */
const POOL_SIZE: Readonly<Record<Mode, number>> = { session: 5, transaction: 2, statement: 2 };
const MODES = Object.keys(POOL_SIZE) as Mode[];

const to = `host=127.0.0.1 port=${newest.port} dbname=test_db user=test password=1234`;
const server = Object.fromEntries(
  MODES.map((mode) => [mode, `${to} pool_mode=${mode} pool_size=${POOL_SIZE[mode]}`]),
);
const port = await freePort();
const settings = ["query_wait_timeout = 10"];
let bouncer = await PgBouncer.start({ server, port, settings });
after(() => bouncer[Symbol.asyncDispose]());

function poolTo(mode: Mode, query: string, options: PoolOptions = {}): Pool {
  return new Pool(`pg://u@127.0.0.1:${port}/${mode}?${query}`, { poolMaxConcurrency: 5, ...options });
}

for (const mode of MODES) {
  testInTurn(`pgbouncer: a pool, many callers, ${mode} mode`, async () => {
    await using pool = poolTo(mode, "pgbouncer=true");
    // Statements of different shapes, which all have no name: nobody gets the rows of another.
    await Promise.all(Array.from({ length: 40 }, async (_, i) => {
      for (let k = 0; k < 5; k++) {
        const n = i * 5 + k;
        if (i % 3 === 0) assert.equal(await pool.execValue("select $1::int4 + 1", [n]), n + 1);
        else if (i % 3 === 1) assert.deepEqual(await pool.exec("select $1::text as t", [`${n}`]), [{ t: `${n}` }]);
        else {assert.deepEqual(await pool.execFirst("select $1::int8 as b, $2::bool as t", [n, true]), {
            b: BigInt(n),
            t: true,
          });}
      }
    }));
    const { max, idle, leased, waiting } = pool.stats();
    assert.deepEqual({ max, idle, leased, waiting }, { max: 5, idle: 5, leased: 0, waiting: 0 });
  });
}

for (const mode of ["session", "transaction"] as const) {
  testInTurn(`pgbouncer: a pool's transactions, ${mode} mode`, async () => {
    await using pool = poolTo(mode, "pgbouncer=true");
    const table = `pgbouncer_pool_${mode}`;
    await pool.queryDrop(`drop table if exists ${table}; create table ${table} (n int)`);
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, n) =>
      pool.tx(async (tx) => {
        await tx.execDrop(`insert into ${table} values ($1)`, [n]);
        if (n % 2 === 1) throw new Error("odd");
        return await tx.execValue(`select count(*)::int4 from ${table} where n = $1`, [n]);
      })));
    assert.deepEqual(
      outcomes.map((outcome) => outcome.status === "fulfilled" ? outcome.value : "rejected"),
      Array.from({ length: 20 }, (_, n) => n % 2 === 1 ? "rejected" : 1),
    );
    assert.equal(await pool.execValue(`select sum(n)::int4 from ${table}`), 90);
    await pool.queryDrop(`drop table ${table}`);
  });
}

testInTurn("pgbouncer: a pool's transactions are refused in statement mode, and the pool goes on", async () => {
  await using pool = poolTo("statement", "pgbouncer=true");
  await assert.rejects(pool.tx((tx) => tx.query("select 1")), /transaction blocks not allowed/);
  assert.equal(await pool.execValue("select $1::int4", [1]), 1);
});

testInTurn("pgbouncer: what one connection learns about names, the pool's others need not", async () => {
  await using pool = poolTo("transaction", "");
  let failures = 0;
  const insist = async (n: number): Promise<void> => {
    for (;;) {
      try {
        assert.equal(await pool.execValue(`select $1::int4 + ${n % 4}`, [n]), n + n % 4);
        return;
      } catch (error) {
        assert.ok(error instanceof ServerError && NAMELESS.includes(error.code), String(error));
        failures++;
        assert.ok(failures < 50, "names are never turned off");
      }
    }
  };
  for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 20 }, (_, n) => insist(n)));
  const before = failures;
  for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 20 }, (_, n) => insist(n)));
  assert.equal(failures, before, "once they are off, nothing fails any more");
});

testInTurn("pgbouncer: it is restarted, and the pool goes on", async () => {
  await using pool = poolTo("transaction", "pgbouncer=true");
  await Promise.all([1, 2, 3].map((n) => pool.execValue("select $1::int4", [n])));
  await bouncer[Symbol.asyncDispose]();
  for (let i = 0; pool.stats().idle > 0; i++) {
    assert.ok(i < 600, "the pool hears of it");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const waiting = pool.execValue("select $1::int4", [7]);
  bouncer = await PgBouncer.start({ server, port, settings });
  assert.equal(await waiting, 7);
  assert.equal(await pool.execValue("select $1::int4", [8]), 8);
});

const NAMELESS: readonly string[] = [SqlState.InvalidSqlStatementName, SqlState.DuplicatePreparedStatement];
