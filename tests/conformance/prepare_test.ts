import assert from "node:assert/strict";
import { EncodeError, ServerError, SqlState, UsageError } from "../../mod.ts";
import { conformance } from "../support/suite/worlds.ts";

conformance("prepare: parameters, columns, use, end", async (world, server) => {
  await using conn = await world.connect(server.fast);
  {
    await using statement = await conn.prepare("select $1::int4 + $2::int8 as sum, $3::text as t");
    assert.deepEqual(statement.params, [{ typeOid: 23 }, { typeOid: 20 }, { typeOid: 25 }]);
    assert.deepEqual(statement.columns.map(({ name, typeOid }) => [name, typeOid]), [["sum", 20], ["t", 25]]);
    assert.deepEqual(await conn.exec(statement, [1, 2n, "x"]), [{ sum: 3n, t: "x" }]);
    assert.equal(await conn.execValue(statement, [3, 4n, "x"]), 7n);
    await assert.rejects(async () => await conn.exec(statement, [1, 2n]), UsageError);
    await assert.rejects(async () => await conn.exec(statement, ["x".repeat(3), Symbol(), "x"]), EncodeError);
    assert.equal(
      await conn.execValue(
        "select count(*) from pg_prepared_statements where statement like '%sum%' and statement not like '%pg_%'",
      ),
      1n,
    );
  }
  assert.equal(
    await conn.execValue(
      "select count(*) from pg_prepared_statements where statement like '%sum%' and statement not like '%pg_%'",
    ),
    0n,
  );
});

conformance("prepare: a statement without rows, and an empty one", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int)");
  await using insert = await conn.prepare("insert into t values ($1)");
  assert.deepEqual(insert.columns, []);
  assert.equal(await conn.execDrop(insert, [1]), 1);
  assert.deepEqual(await conn.exec(insert, [2]), []);
  await using empty = await conn.prepare("");
  assert.deepEqual([empty.params, empty.columns, await conn.exec(empty)], [[], [], []]);
});

conformance("prepare: what the server refuses", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await assert.rejects(
    async () => await conn.prepare("select bad"),
    (error) => error instanceof ServerError && error.code === SqlState.UndefinedColumn && error.query === "select bad",
  );
  assert.equal(await conn.execValue("select 1"), 1);
});

conformance("prepare: closed and foreign statements are refused", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using other = await world.connect(server.fast);
  const statement = await conn.prepare("select 1");
  await assert.rejects(async () => await other.exec(statement), /another connection/);
  await statement.close();
  await statement.close();
  await assert.rejects(async () => await conn.exec(statement), /it is closed/);
});

conformance("prepare: closing after the connection is no error", async (world, server) => {
  const conn = await world.connect(server.fast);
  const statement = await conn.prepare("select 1");
  await conn.close();
  await statement.close();
  assert.equal(conn.closed, true);
});

conformance("prepareBatch: all in one go, or none", async (world, server) => {
  await using conn = await world.connect(server.fast);
  assert.deepEqual(await conn.prepareBatch([]), []);
  const statements = await conn.prepareBatch(["select 1 as a", "select $1::int4 * 2 as b", "select 'x' as c"]);
  assert.deepEqual(await conn.exec(statements[0]!), [{ a: 1 }]);
  assert.deepEqual(await conn.exec(statements[1]!, [4]), [{ b: 8 }]);
  assert.deepEqual(await conn.exec(statements[2]!), [{ c: "x" }]);
  for (const statement of statements) await statement.close();
  for (const sqls of [["select 1", "select bad", "select 2"], ["bad", "select 1"], ["select 1", "bad"]]) {
    await assert.rejects(async () => await conn.prepareBatch(sqls), ServerError);
  }
  await assert.rejects(async () => await conn.prepareBatch(["select 1", "a\0b"]), UsageError);
  await assert.rejects(async () => await conn.prepareBatch("select 1" as never), UsageError);
  assert.equal(
    await conn.execValue("select count(*) from pg_prepared_statements where statement not like '%count%'"),
    0n,
  );
});
