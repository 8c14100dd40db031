import assert from "node:assert/strict";
import { type Conn, Opts, ServerError, SqlState, type Transaction } from "../../mod.ts";
import { rolledBack, type TestSchema } from "../../src/testing/mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { schema } from "../support/suite/own_schema.ts";
import type { TestServer } from "../support/suite/servers.ts";
import { conformance, type World } from "../support/suite/worlds.ts";

/** Options for tests in a schema, in which the table `t` is. */
function inside(server: TestServer, home: TestSchema): Opts {
  return rolledBack(home.opts(server.fast));
}

const TABLE = "create table t (n int unique deferrable initially deferred, m int unique)";

async function numbers(conn: Pick<Conn, "execValue">): Promise<unknown> {
  return await conn.execValue("select coalesce(array_agg(n order by n), '{}') from t");
}

async function refused(call: () => unknown, code: string): Promise<void> {
  await assert.rejects(attempt(call), (error) => error instanceof ServerError && error.code === code);
}

/**
 * Plays the same program on a connection whose rows are rolled back and on a plain one, and expects the same outcomes:
 * those of the statements that it runs, what it returns, and the rows at the end. Returns them.
 */
async function besidePlain(
  world: World,
  server: TestServer,
  play: (conn: Conn, run: (sql: string) => Promise<void>) => Promise<unknown[]>,
): Promise<unknown[]> {
  await using home = await schema(server, TABLE);
  const seen: unknown[][] = [];
  // The connection whose rows are rolled back comes first: the rows of the plain connection stay.
  for (const opts of [inside(server, home), home.opts(server.fast)]) {
    await using conn = await world.connect(opts);
    const outcomes: unknown[] = [];
    const run = async (sql: string): Promise<void> => {
      try {
        outcomes.push((await conn.run(sql)).command, conn.transactionStatus);
      } catch (error) {
        assert.ok(error instanceof ServerError);
        outcomes.push(error.code, error.constraint, conn.transactionStatus);
      }
    };
    outcomes.push(...await play(conn, run), conn.transactionStatus, await numbers(conn));
    seen.push(outcomes);
  }
  const [rolledBackOutcomes, plainOutcomes] = seen;
  assert.deepEqual(rolledBackOutcomes, plainOutcomes);
  return plainOutcomes!;
}

conformance("rolled back: nothing remains of what a connection has done", async (world, server) => {
  await using home = await schema(server, TABLE);
  await using outside = await world.connect(server.fast);
  {
    await using conn = await world.connect(inside(server, home));
    assert.equal(conn.transactionStatus, "idle");
    assert.equal(conn.transport, "rolled back");
    await conn.execDrop("insert into t values ($1)", [1]);
    await conn.queryDrop("insert into t values (2); create table u ()");
    assert.equal(await conn.copyRows("t", ["n"], [[3], [4]]), 2);
    await conn.execBatch("insert into t values ($1)", [[5], [6]]);
    assert.deepEqual(await numbers(conn), [1, 2, 3, 4, 5, 6]);
    assert.equal(conn.transactionStatus, "idle");
    assert.equal(await outside.execValue(`select count(*) from ${home.name}.t`), 0n);
  }
  await using again = await world.connect(inside(server, home));
  assert.deepEqual(await numbers(again), []);
  assert.equal(await again.execValue("select to_regclass('u')"), null);
});

conformance("rolled back: a statement that fails undoes itself only", async (world, server) => {
  await using home = await schema(server, TABLE);
  await using conn = await world.connect(inside(server, home));
  await conn.execDrop("insert into t values (1, 1)");
  for (let i = 0; i < 3; i++) {
    await refused(() => conn.execDrop("insert into t values ($1, $1)", [1]), SqlState.UniqueViolation);
    await refused(() => conn.queryDrop("insert into t values (7); select 1/0"), SqlState.DivisionByZero);
    await refused(() => conn.execBatch("insert into t values ($1, $2)", [[8, 8], [9, 1]]), SqlState.UniqueViolation);
    assert.equal(conn.transactionStatus, "idle");
  }
  assert.deepEqual(await numbers(conn), [1]);
});

conformance("rolled back: transactions of the code under test", async (world, server) => {
  await using home = await schema(server, TABLE);
  await using conn = await world.connect(inside(server, home));
  const add = (n: number) =>
    given(world, function* (tx: Transaction) {
      yield tx.execDrop("insert into t values ($1)", [n]);
      assert.equal(conn.transactionStatus, "active");
      return n;
    });
  assert.equal(await conn.tx(add(1), { isolationLevel: "serializable" }), 1);
  assert.equal(conn.transactionStatus, "idle");
  const mine = new Error("mine");
  await assert.rejects(
    attempt(() =>
      conn.tx(given(world, function* (tx: Transaction) {
        yield tx.tx(add(2));
        throw mine;
      }))
    ),
    mine,
  );
  await conn.tx(given(world, function* (tx: Transaction) {
    yield tx.tx(add(3));
    try {
      yield tx.tx(given(world, function* (inner: Transaction) {
        yield inner.tx(add(4));
        yield inner.queryDrop("select 1/0");
      }));
    } catch (error) {
      assert.ok(error instanceof ServerError);
    }
  }));
  assert.deepEqual(await numbers(conn), [1, 3]);
  const tx = await conn.begin();
  await tx.execDrop("insert into t values (5)");
  await refused(() => tx.queryDrop("select 1/0"), SqlState.DivisionByZero);
  assert.equal(conn.transactionStatus, "failed");
  await refused(() => tx.commit(), SqlState.TransactionRollback);
  assert.equal(conn.transactionStatus, "idle");
  assert.deepEqual(await numbers(conn), [1, 3]);
});

conformance("rolled back: transactions that are written in SQL", async (world, server) => {
  await using home = await schema(server, TABLE);
  await using conn = await world.connect(inside(server, home));
  const results = await conn.queryAll(
    "begin; insert into t values (1); commit and no chain; START TRANSACTION; end work",
  );
  assert.deepEqual(results.map(({ command }) => command), ["BEGIN", "INSERT", "COMMIT", "BEGIN", "COMMIT"]);
  await conn.execDrop("begin read only");
  assert.equal(conn.transactionStatus, "active");
  await conn.execDrop("insert into t values (2)");
  await conn.queryDrop("savepoint mine; insert into t values (3); rollback to savepoint mine");
  assert.deepEqual(await numbers(conn), [1, 2]);
  assert.equal((await conn.run("rollback")).command, "ROLLBACK");
  assert.equal(conn.transactionStatus, "idle");
  await refused(() => conn.queryDrop("begin; insert into t values (4); select 1/0"), SqlState.DivisionByZero);
  assert.equal(conn.transactionStatus, "failed");
  await refused(() => conn.queryDrop("select 1"), SqlState.InFailedSqlTransaction);
  assert.equal((await conn.queryAll("commit"))[0]!.command, "ROLLBACK");
  // With a warning in PostgreSQL.
  assert.equal((await conn.queryAll("commit"))[0]!.command, "COMMIT");
  await conn.execDrop("begin");
  await conn.execDrop("insert into t values ($1)", [5]);
  assert.equal((await conn.run("commit")).command, "COMMIT");
  assert.deepEqual(await numbers(conn), [1, 5]);
  await refused(() => conn.queryDrop("prepare transaction 'x'"), SqlState.FeatureNotSupported);
  await refused(() => conn.execDrop("rollback and chain"), SqlState.FeatureNotSupported);
  assert.deepEqual(await numbers(conn), [1, 5]);
});

conformance("rolled back: prepared commands mean what they mean when they are executed", async (world, server) => {
  await besidePlain(world, server, async (conn, run) => {
    const insert = "insert into t select count(*) from t";
    for (const end of ["commit", "rollback"]) {
      for (const middle of [["select 1/0"], [], ["begin"], ["select 1/0"], ["begin", "select 1/0"], []]) {
        for (const sql of ["begin", insert, ...middle, end, insert, end]) await run(sql);
      }
    }
    await run("begin");
    await run("select 1/0");
    await using pipeline = conn.pipeline();
    const calls = ["commit", "begin", insert, "commit", "begin", insert, "rollback"].map((sql) => pipeline.exec(sql));
    await pipeline.sync();
    const claimed: unknown[] = [];
    for (const call of calls) claimed.push(await pipeline.claimDrop(call));
    return claimed;
  });
});

conformance("rolled back: COMMIT checks deferred constraints", async (world, server) => {
  await using home = await schema(server, TABLE);
  await using conn = await world.connect(inside(server, home));
  await conn.queryDrop("begin; insert into t values (1), (1); update t set n = 2 where ctid = '(0,1)'; commit");
  await refused(
    () =>
      conn.tx(given(world, function* (tx: Transaction) {
        yield tx.execDrop("insert into t values (3), (3)");
      })),
    SqlState.UniqueViolation,
  );
  assert.equal(conn.transactionStatus, "idle");
  assert.deepEqual(await numbers(conn), [1, 2]);
});

conformance("rolled back: COMMIT of an extended query checks as that of a simple one", async (world, server) => {
  const outcomes = await besidePlain(world, server, async (conn, run) => {
    // The second COMMIT is in the statement cache.
    for (let i = 0; i < 2; i++) {
      for (const sql of ["begin", "insert into t values (1), (1)", "commit", "begin"]) await run(sql);
      for (const n of [2, 2]) await run(`insert into t select ${n} + ${i}`);
      for (const sql of ["delete from t where ctid = (select max(ctid) from t)", "commit", "commit"]) await run(sql);
    }
    await using pipeline = conn.pipeline();
    const calls = ["begin", "insert into t values (7), (7)", "commit", "select 1"].map((sql) => pipeline.exec(sql));
    await pipeline.sync();
    const claimed: unknown[] = [];
    for (const call of calls) {
      try {
        claimed.push(await pipeline.claimDrop(call));
      } catch (error) {
        claimed.push(error instanceof ServerError ? error.code : (error as Error).name);
      }
    }
    claimed.push(conn.transactionStatus);
    const after = pipeline.exec("select n from t order by n");
    await pipeline.sync();
    claimed.push(await pipeline.claim(after));
    return claimed;
  });
  assert.ok(outcomes.includes(SqlState.UniqueViolation));
});

conformance("rolled back: what is set for a transaction ends with it", async (world, server) => {
  await using conn = await world.connect(rolledBack(server.admin));
  const all = `select concat_ws(',', current_setting('role'), current_setting('app.user', true),
    current_setting('work_mem'), current_setting('timezone'), current_setting('app.plan', true))`;
  await conn.queryDrop("set work_mem = '5MB'; set timezone = 'UTC'; select set_config('app.plan', 'a', false)");
  const before = "none,,5MB,UTC,a";
  // The setting of the program's own exists from here on, as after a transaction of PostgreSQL's.
  await conn.execDrop("select set_config('app.user', $1, true)", ["0"]);
  assert.equal(await conn.execValue(all), before);
  const settings = { "app.user": "7, true)", work_mem: "6MB" };
  const use = given(world, function* (tx: Transaction) {
    assert.equal(yield tx.execValue(all), "test,7, true),6MB,UTC,a");
    yield tx.queryDrop("set local time zone 'Asia/Tokyo'; set local work_mem = '7MB'");
    for (const plan of ["b", "c"]) yield tx.execDrop("select set_config('app.plan', $1, true)", [plan]);
    assert.equal(yield tx.execValue(all), "test,7, true),7MB,Asia/Tokyo,c");
  });
  for (let i = 0; i < 3; i++) {
    await conn.tx(use, { settings, role: "test" });
    assert.equal(await conn.execValue(all), before);
  }
  await assert.rejects(attempt(() =>
    conn.tx(
      given(world, function* (tx: Transaction) {
        yield tx.execDrop("select set_config('app.plan', 'd', true)");
        yield tx.queryDrop("select 1/0");
      }),
      { settings, role: "test" },
    )
  ));
  assert.equal(await conn.execValue(all), before);
  await conn.queryDrop("begin; set local work_mem = '8MB'; rollback; begin; set local work_mem = '9MB'; commit");
  assert.equal(await conn.execValue(all), before);
  await refused(() => conn.queryDrop("begin; set local work_mem = '8MB'; select 1/0"), SqlState.DivisionByZero);
  await refused(() => conn.queryDrop("set local work_mem = '9MB'"), SqlState.InFailedSqlTransaction);
  await conn.queryDrop("rollback; begin; set transaction_read_only = off; commit");
  assert.equal(await conn.execValue(all), before);
  await conn.queryDrop("begin; set work_mem = '4MB'; commit");
  assert.equal(await conn.execValue("show work_mem"), "4MB");
});

conformance("rolled back: streams, portals, pipelines and COPY", async (world, server) => {
  await using home = await schema(server, TABLE);
  await using conn = await world.connect(inside(server, home));
  assert.equal(await conn.copyIn("copy t (n) from stdin", ["1\n2\n3\n"]), 3);
  const read: unknown[] = [];
  for await (const { n } of conn.stream<{ n: number }>("select n from t order by n", [], { batch: 1 })) read.push(n);
  assert.deepEqual(read, [1, 2, 3]);
  {
    await using pipeline = conn.pipeline();
    const first = pipeline.exec("insert into t values (4)");
    const bad = pipeline.exec("select 1/0");
    await pipeline.sync();
    const second = pipeline.exec("insert into t values (5)");
    await pipeline.sync();
    assert.equal(await pipeline.claimDrop(first), 1);
    await refused(() => pipeline.claim(bad), SqlState.DivisionByZero);
    assert.equal(await pipeline.claimDrop(second), 1);
  }
  assert.deepEqual(await numbers(conn), [1, 2, 3, 5]);
  const chunks: Uint8Array[] = [];
  for await (const chunk of conn.copyOut("copy t (n) to stdout")) chunks.push(chunk);
  assert.equal(chunks.reduce((sum, { length }) => sum + length, 0), 8);
  await refused(() => conn.copyIn("copy t (n) from stdin", ["6\nx\n"]), SqlState.InvalidTextRepresentation);
  assert.deepEqual(await numbers(conn), [1, 2, 3, 5]);
});

conformance(
  "rolled back: a pool has one connection, and a timeout undoes the statement only",
  async (world, server) => {
    await using home = await schema(server, TABLE);
    await using pool = world.pool(inside(server, home));
    await pool.execDrop("insert into t values (1)");
    const id = await pool.execValue("select pg_backend_pid()");
    await assert.rejects(attempt(() => pool.execDrop("select pg_sleep(60)", [], { timeout: 300 })), {
      name: "TimeoutError",
    });
    assert.equal(await pool.execValue("select pg_backend_pid()"), id);
    await pool.tx(given(world, function* (tx: Transaction) {
      yield tx.execDrop("insert into t values (2)");
    }));
    {
      await using conn = await pool.acquire();
      await conn.begin();
      await conn.execDrop("insert into t values (3)");
    }
    assert.deepEqual(await numbers(pool as never), [1, 2]);
  },
);

conformance("rolled back: encrypted connections, with promises", async (world, server) => {
  const opts = rolledBack(new Opts(server.url()).sslMode("require"));
  if (world.name !== "async") {
    await assert.rejects(attempt(() => world.connect(opts)), /cannot be encrypted/);
    return;
  }
  await using conn = await world.connect(opts);
  assert.equal(conn.tls, true);
  assert.equal(await conn.tx((tx) => tx.execValue("select 42")), 42);
});
