/** Pipelines: groups that a Sync ends, which succeed or fail as a whole, and what is flushed before. */
import assert from "node:assert/strict";
import { PipelineAborted, ServerError, SqlState, UsageError } from "../../mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { conformance } from "../support/suite/worlds.ts";

interface N {
  n: number;
}

conformance("pipeline: a group is executed whole or not at all", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int4)");
  {
    await using pipeline = conn.pipeline();
    const insert = "insert into t values ($1::int4)";
    const first = pipeline.exec(insert, [1]);
    await pipeline.sync();
    const second = pipeline.exec(insert, [2]);
    const fails = pipeline.exec("select 1/0");
    await pipeline.sync();
    const third = pipeline.exec(insert, [3]);
    assert.equal(await pipeline.claimDrop(first), 1);
    assert.equal(await pipeline.claimDrop(second), 1);
    await assert.rejects(attempt(() => pipeline.claim(fails)), { code: SqlState.DivisionByZero });
    assert.equal(await pipeline.claimDrop(third), 1);
  }
  assert.deepEqual(await conn.query("table t order by n"), [{ n: 1 }, { n: 3 }]);
});

conformance("pipeline: after a failure the group is aborted, and the next one is not", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using pipeline = conn.pipeline();
  const before = pipeline.exec<N>("select 1 as n");
  const fails = pipeline.exec("select 1/0");
  const after = [pipeline.exec("select 2 as n"), pipeline.exec("select bad"), pipeline.exec("select $1::int4", [1])];
  await pipeline.sync();
  const next = pipeline.exec<N>("select 3 as n");
  const failsToo = pipeline.exec("select bad");
  const last = pipeline.exec("select 4");
  assert.deepEqual(await pipeline.claim(before), [{ n: 1 }]);
  assert.equal(pipeline.aborted, false);
  await assert.rejects(
    attempt(() => pipeline.claim(fails)),
    (error) => error instanceof ServerError && error.code === SqlState.DivisionByZero && error.query === "select 1/0",
  );
  for (const [index, ticket] of after.entries()) {
    assert.deepEqual([pipeline.aborted, pipeline.pendingCount], [true, 6 - index]);
    await assert.rejects(
      attempt(() => [pipeline.claim, pipeline.claimOne, pipeline.claimDrop][index]!.call(pipeline, ticket)),
      (error) =>
        error instanceof PipelineAborted && error.cause instanceof ServerError &&
        error.cause.code === SqlState.DivisionByZero,
    );
  }
  assert.deepEqual([pipeline.aborted, pipeline.pendingCount], [false, 3]);
  assert.deepEqual(await pipeline.claim(next), [{ n: 3 }]);
  await assert.rejects(attempt(() => pipeline.claim(failsToo)), { code: SqlState.UndefinedColumn });
  assert.equal(pipeline.aborted, true);
  await assert.rejects(
    attempt(() => pipeline.claim(last)),
    (error) => error instanceof PipelineAborted && (error.cause as ServerError).code === SqlState.UndefinedColumn,
  );
  assert.equal(pipeline.aborted, false);
  assert.deepEqual(await pipeline.claim(pipeline.exec<N>("select 5 as n")), [{ n: 5 }]);
});

conformance("pipeline: out of order in an aborted group changes nothing", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using pipeline = conn.pipeline();
  const [fails, b, c] = ["select 1/0", "select 2", "select 3"].map((sql) => pipeline.exec(sql));
  await assert.rejects(attempt(() => pipeline.claim(fails!)), ServerError);
  await assert.rejects(attempt(() => pipeline.claim(c!)), /out of order/);
  assert.deepEqual([pipeline.aborted, pipeline.pendingCount], [true, 2]);
  await assert.rejects(attempt(() => pipeline.claim(b!)), PipelineAborted);
  await assert.rejects(attempt(() => pipeline.claim(c!)), PipelineAborted);
  assert.deepEqual([pipeline.aborted, pipeline.pendingCount], [false, 0]);
});

conformance("pipeline: what is added to a group that was sent begins the next", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using pipeline = conn.pipeline();
  const fails = pipeline.exec("select 1/0");
  const skipped = pipeline.exec("select 1");
  await assert.rejects(attempt(() => pipeline.claim(fails)), ServerError);
  const added = pipeline.exec<N>("select 2 as n");
  await assert.rejects(attempt(() => pipeline.claim(skipped)), PipelineAborted);
  assert.deepEqual(await pipeline.claim(added), [{ n: 2 }]);
});

conformance("pipeline: flush has statements answered and leaves the group open", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int4)");
  {
    await using pipeline = conn.pipeline();
    const first = pipeline.exec("insert into t values ($1)", [1]);
    await pipeline.flush();
    assert.equal(await pipeline.claimDrop(first), 1);
    const second = pipeline.exec<{ n: bigint }>("select count(*) as n from t");
    await pipeline.flush();
    assert.deepEqual(await pipeline.claim(second), [{ n: 1n }]);
    const fails = pipeline.exec("select 1/0");
    await assert.rejects(attempt(() => pipeline.claim(fails)), { code: SqlState.DivisionByZero });
    assert.equal(pipeline.aborted, false);
    const third = pipeline.exec("insert into t values ($1)", [2]);
    assert.equal(await pipeline.claimDrop(third), 1);
  }
  assert.deepEqual(await conn.query("table t"), [{ n: 2 }], "the failure rolled back what was flushed before");
});

conformance("pipeline: a failure after flush ends the group", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using pipeline = conn.pipeline();
  const fails = pipeline.exec("select 1/0");
  await pipeline.flush();
  const unsent = pipeline.exec("select 1");
  await assert.rejects(attempt(() => pipeline.claim(fails)), ServerError);
  assert.deepEqual([pipeline.aborted, pipeline.pendingCount], [true, 1]);
  await assert.rejects(attempt(() => pipeline.claim(unsent)), PipelineAborted);
  assert.equal(pipeline.aborted, false);
  assert.deepEqual(await pipeline.claim(pipeline.exec<N>("select 2 as n")), [{ n: 2 }]);
});

conformance("pipeline: what was flushed and claimed is committed when it is closed", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using other = await world.connect(server.fast);
  const table = `pipeline_flush_${conn.id}`;
  await conn.queryDrop(`create table ${table} (n int4)`);
  try {
    const pipeline = conn.pipeline();
    const insert = pipeline.exec(`insert into ${table} values (1)`);
    await pipeline.flush();
    assert.equal(await pipeline.claimDrop(insert), 1);
    await pipeline.close();
    assert.deepEqual(await other.query(`table ${table}`), [{ n: 1 }]);
  } finally {
    await conn.ping();
    await conn.queryDrop(`drop table ${table}`);
  }
});

conformance("pipeline: sync and flush do not wait for replies", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using other = await world.connect(server.fast);
  // Should they wait, it is not for ever.
  await conn.queryDrop("set lock_timeout = '1s'");
  for (const send of ["sync", "flush"] as const) {
    await other.exec("select pg_advisory_lock(7141, $1)", [conn.id]);
    await using pipeline = conn.pipeline();
    const ticket = pipeline.exec("select pg_advisory_lock(7141, $1::int4)::text, 1 as n", [conn.id]);
    await pipeline[send]();
    await other.exec("select pg_advisory_unlock(7141, $1)", [conn.id]);
    assert.deepEqual(await pipeline.claim(ticket, { rows: "array" }), [["", 1]]);
    await pipeline.claim(pipeline.exec("select pg_advisory_unlock_all()"));
  }
});

conformance("pipeline: a deferred constraint fails with the last claim of its group", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int4 unique deferrable initially deferred)");
  {
    await using pipeline = conn.pipeline();
    const insert = "insert into t values ($1)";
    const requests = [1, 1, 2].map((n) => pipeline.exec(insert, [n]));
    await pipeline.sync();
    const next = pipeline.exec(insert, [3]);
    assert.equal(await pipeline.claimDrop(requests[0]!), 1);
    assert.equal(await pipeline.claimDrop(requests[1]!), 1);
    await assert.rejects(attempt(() => pipeline.claimDrop(requests[2]!)), { code: SqlState.UniqueViolation });
    assert.equal(pipeline.aborted, false);
    assert.equal(await pipeline.claimDrop(next), 1);
  }
  assert.deepEqual(await conn.query("table t"), [{ n: 3 }]);
});

conformance("pipeline: in a transaction", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int4)");
  {
    await using tx = await conn.begin();
    {
      await using pipeline = tx.pipeline();
      const insert = pipeline.exec("insert into t values ($1)", [1]);
      await pipeline.sync();
      const count = pipeline.exec<{ n: bigint }>("select count(*) as n from t");
      assert.equal(await pipeline.claimDrop(insert), 1);
      assert.deepEqual(await pipeline.claim(count), [{ n: 1n }]);
      await assert.rejects(attempt(() => tx.commit()), /a pipeline is open/);
      await assert.rejects(attempt(() => tx.exec("select 1")), /a pipeline is open/);
    }
    assert.equal(conn.transactionStatus, "active");
    await tx.rollback();
  }
  assert.deepEqual(await conn.query("table t"), []);
  await conn.tx(given(world, function* (tx: { pipeline(): ReturnType<typeof conn.pipeline> }) {
    const pipeline = tx.pipeline();
    const ticket = pipeline.exec("insert into t values ($1)", [2]);
    assert.equal(yield pipeline.claimDrop(ticket), 1);
    yield pipeline.close();
  }));
  assert.deepEqual(await conn.query("table t"), [{ n: 2 }]);
});

conformance("pipeline: in a transaction, a failure spoils the groups behind it too", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using tx = await conn.begin();
  {
    await using pipeline = tx.pipeline();
    const fails = pipeline.exec("select 1/0");
    await pipeline.sync();
    const next = pipeline.exec("select 1");
    await assert.rejects(attempt(() => pipeline.claim(fails)), { code: SqlState.DivisionByZero });
    await assert.rejects(attempt(() => pipeline.claim(next)), { code: SqlState.InFailedSqlTransaction });
  }
  assert.equal(conn.transactionStatus, "failed");
  await assert.rejects(
    attempt(() => tx.commit()),
    (error) => error instanceof ServerError && error.code === "40000" && error.cause instanceof ServerError,
  );
  assert.equal(conn.transactionStatus, "idle");
});

conformance("pipeline: left open when its transaction ends", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int4)");
  await attempt(() =>
    // deno-lint-ignore require-yield
    conn.tx(given(world, function* (tx: { pipeline(): ReturnType<typeof conn.pipeline> }) {
      tx.pipeline().exec("insert into t values (1)");
    }))
  ).catch((error) => assert.ok(error instanceof UsageError));
  assert.equal(conn.transactionStatus, "idle");
  assert.equal(await conn.execValue("select 42"), 42);
});

conformance("pipeline: a table that is changed in the same group", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int4); insert into t values (7)");
  await using pipeline = conn.pipeline();
  const first = pipeline.exec("select * from t");
  const alter = pipeline.exec("alter table t add m int4 default 8");
  const second = pipeline.exec("select * from t");
  const bad = pipeline.exec("select bad");
  assert.deepEqual(await pipeline.claim(first), [{ n: 7 }]);
  assert.deepEqual(await pipeline.claim(alter), []);
  assert.deepEqual(await pipeline.claim(second), [{ n: 7, m: 8 }], "what comes behind the change is parsed behind it");
  await assert.rejects(attempt(() => pipeline.claim(bad)), { code: SqlState.UndefinedColumn });
  assert.deepEqual(await pipeline.claim(pipeline.exec("select * from t")), [{ n: 7 }], "the change was rolled back");
});

conformance(
  "pipeline: a group that failed after flush is over when it was claimed, synced or not",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    await using pipeline = conn.pipeline();
    const fails = pipeline.exec("select 1/0");
    const skipped = pipeline.exec("select 1");
    await pipeline.flush();
    await assert.rejects(attempt(() => pipeline.claim(fails)), ServerError);
    await pipeline.sync();
    const next = pipeline.exec<N>("select 2 as n");
    await assert.rejects(attempt(() => pipeline.claim(skipped)), PipelineAborted);
    assert.equal(pipeline.aborted, false);
    assert.deepEqual(await pipeline.claim(next), [{ n: 2 }]);
  },
);
