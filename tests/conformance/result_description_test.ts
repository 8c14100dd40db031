/** What calls tell besides rows: the columns, the command, its number, and the size of types. */
import assert from "node:assert/strict";
import { Opts } from "../../mod.ts";
import { conformance } from "../support/suite/worlds.ts";

const NUMBERS = "select n, n::text as t from generate_series(1, $1) as n";

conformance("description: a portal knows its columns, and in the end the number of rows", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const columns = await conn.execIter(NUMBERS, [5], (portal) => portal.columns);
  assert.deepEqual(columns.map(({ name, typeSize }) => [name, typeSize]), [["n", 4], ["t", -1]]);
  await using tx = await conn.begin();
  const portal = await tx.execPortal(NUMBERS, [5]);
  assert.deepEqual(portal.columns, columns);
  await portal.fetch(2);
  assert.deepEqual([portal.command, portal.affected], [undefined, undefined]);
  await portal.fetch(2);
  await portal.fetch(2);
  assert.deepEqual([portal.done, portal.command, portal.affected], [true, "SELECT", 5]);
  await portal.fetch(2);
  assert.equal(portal.affected, 5);
  await tx.queryDrop("create temporary table t (n int)");
  const inserting = await tx.execPortal("insert into t select generate_series(1, 3) returning n");
  await inserting.fetch(2);
  await inserting.fetch();
  assert.deepEqual([inserting.command, inserting.affected], ["INSERT", 3]);
  const creating = await tx.execPortal("create temporary table u (n int)");
  assert.deepEqual(creating.columns, []);
  await creating.fetch();
  assert.deepEqual([creating.command, creating.affected], ["CREATE TABLE", 0]);
});

conformance("description: a stream tells the same, also that of a pool", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using pool = world.pool(server.fast, { poolMaxConcurrency: 1 });
  for (const executor of [conn, pool]) {
    const stream = executor.stream<{ n: number }>(NUMBERS, [5], { batch: 2 });
    assert.deepEqual([stream.columns, stream.command, stream.affected], [undefined, undefined, undefined]);
    for await (const { n } of stream) {
      assert.deepEqual(stream.columns?.map(({ name }) => name), ["n", "t"]);
      if (n < 4) assert.equal(stream.command, undefined);
    }
    assert.deepEqual([stream.command, stream.affected], ["SELECT", 5]);
  }
});

conformance("description: a command without a number has none, and 0 rows are 0", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const created = await conn.run("create temporary table t (n int)");
  assert.deepEqual([created.command, created.affected, created.count], ["CREATE TABLE", 0, null]);
  const updated = await conn.run("update t set n = 1");
  assert.deepEqual([updated.command, updated.affected, updated.count], ["UPDATE", 0, 0]);
  const counts = (await conn.queryAll("insert into t values (1), (2); begin; select 1; commit; ")).map(({ count }) =>
    count
  );
  assert.deepEqual(counts, [2, null, 1, null]);
});

conformance("description: int8 as its text, alone and inside of other values", async (world, server) => {
  await using conn = await world.connect(new Opts(server.fast).int8("string"));
  const sql = "select 9223372036854775807 as a, -1::int8 as b, array[1::int8, null] as c, int8range(1, 5) as d";
  for (let i = 0; i < 3; i++) {
    const row = await conn.execFirst<Record<string, unknown>>(sql);
    assert.deepEqual([row!.a, row!.b, row!.c], ["9223372036854775807", "-1", ["1", null]]);
    assert.deepEqual(row, await conn.queryFirst(sql));
  }
  assert.equal(await conn.execValue("select $1::int8", ["9223372036854775807"]), "9223372036854775807");
});
