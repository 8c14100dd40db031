/** The option `types`: values as text, or by parsers of one call. */
import assert from "node:assert/strict";
import { DecodeError, Opts, sql, type TypeParsers, UsageError } from "../../mod.ts";
import { conformance } from "../support/suite/worlds.ts";

const SQL = "select 7 as n, 8::int8 as big, 1.50 as price, true as yes, null::int as nothing, '{1,2}'::int[] as list";
const TEXT = { n: "7", big: "8", price: "1.50", yes: "t", nothing: null, list: "{1,2}" };

conformance('types: "text" gives every value as its text, however the call is made', async (world, server) => {
  await using conn = await world.connect(server.fast);
  const types = "text";
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(await conn.exec(SQL, { types }), [TEXT]);
    assert.deepEqual(await conn.exec(`${SQL} where $1`, [true], { types }), [TEXT]);
  }
  assert.deepEqual(await conn.query(SQL, { types }), [TEXT]);
  assert.deepEqual(await conn.queryFirst(SQL, { types }), TEXT);
  assert.deepEqual((await conn.queryAll(`${SQL}; select 1 as n`, { types })).map(({ rows }) => rows), [[TEXT], [{
    n: "1",
  }]]);
  assert.deepEqual(await conn.exec(SQL, { types, rows: "array" }), [Object.values(TEXT)]);
  assert.deepEqual(await conn.execFirst(SQL, { types }), TEXT);
  assert.deepEqual(await conn.execOne(sql`select ${7}::int4 as n`, { types }), { n: "7" });
  assert.equal(await conn.execValue("select $1::int4", [7], { types }), "7");
  assert.deepEqual((await conn.run(SQL, { types })).rows, [TEXT]);
  await using prepared = await conn.prepare(SQL);
  assert.deepEqual(await conn.exec(prepared, { types }), [TEXT]);
  assert.deepEqual(await conn.execFirst(SQL), {
    n: 7,
    big: 8n,
    price: "1.50",
    yes: true,
    nothing: null,
    list: [1, 2],
  }, "other calls are not affected");
});

conformance("types: parsers take the text of their type; other types are as usual", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const record: TypeParsers = { 23: (text) => `four ${text}`, 1700: Number };
  const chosen: TypeParsers = (oid) => record[oid as 23];
  for (const types of [record, chosen]) {
    for (let i = 0; i < 100; i++) {
      const expected = { n: "four 7", big: 8n, price: 1.5, yes: true, nothing: null, list: [1, 2] };
      assert.deepEqual(await conn.execFirst(SQL, { types }), expected);
    }
    const [result] = await conn.queryAll("select 1 as n, 2 as m, 3::int8 as big", { types });
    assert.deepEqual(result?.rows, [{ n: "four 1", m: "four 2", big: 3n }]);
  }
  assert.equal(await conn.execValue("select 1", { types: { 23: () => null } }), null);
});

conformance("types: streams, portals and pipelines have them too", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const numbers = "select n, n::int8 as big from generate_series(1, $1) as n";
  const types: TypeParsers = { 23: (text) => -text };
  const expected = [{ n: -1, big: 1n }, { n: -2, big: 2n }, { n: -3, big: 3n }];
  const streamed = [];
  for await (const row of conn.stream(numbers, [3], { types, batch: 2 })) streamed.push(row);
  assert.deepEqual(streamed, expected);
  const fetched = await conn.execIter(numbers, [3], (portal) => portal.fetch(2), { types });
  assert.deepEqual(fetched, { rows: expected.slice(0, 2), hasMore: true });
  const tx = await conn.begin();
  const portal = await tx.execPortal(numbers, [3], { types: "text" });
  assert.deepEqual((await portal.fetch(1)).rows, [{ n: "1", big: "1" }]);
  await assert.rejects(
    async () => await portal.fetch(1, { types } as object),
    /"types": there are rows, nest, as, timeout/,
  );
  await tx.rollback();
  await using pipeline = conn.pipeline();
  const tickets = [
    pipeline.exec(numbers, [1], { types }),
    pipeline.exec("select 5 as n", { types }),
    pipeline.exec("select 5 as n", { types: "text" }),
    pipeline.exec("select 5 as n"),
  ];
  await pipeline.sync();
  const claimed = [];
  for (const ticket of tickets) claimed.push(await pipeline.claim(ticket));
  assert.deepEqual(claimed, [[{ n: -1, big: 1n }], [{ n: -5 }], [{ n: "5" }], [{ n: 5 }]]);
  assert.throws(() => pipeline.exec("select 1", { timeout: 1 } as object), UsageError);
});

conformance("types: of the user's own types, and without the statement cache", async (world, server) => {
  await using conn = await world.connect(new Opts(server.fast).statementCacheSize(0));
  await conn.queryDrop("create type pg_temp.mood as enum ('sad', 'glad')");
  const oid = await conn.execValue<number>("select 'pg_temp.mood'::regtype::oid");
  const mood = "select 'glad'::pg_temp.mood as mood, 1 as n";
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(await conn.execFirst(mood, { types: { [oid!]: (text: string) => text.length } }), {
      mood: 4,
      n: 1,
    });
    assert.deepEqual(await conn.execFirst(mood, { types: "text" }), { mood: "glad", n: "1" });
    assert.deepEqual(await conn.execFirst(mood), { mood: "glad", n: 1 });
  }
});

conformance("types: a column that changes is parsed as what it is now", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t as select 1::int4 as a");
  const types: TypeParsers = { 23: () => "four", 20: () => "eight" };
  assert.equal(await conn.execValue("select a from t", { types }), "four");
  await conn.queryDrop("alter table t alter a type int8");
  assert.equal(await conn.execValue("select a from t", { types }), "eight");
});

conformance("types: what fails in a parser fails its call alone", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const cause = new Error("no");
  const throwing = (): never => {
    throw cause;
  };
  for (const types of [{ 23: throwing }, throwing, () => throwing]) {
    await assert.rejects(async () => await conn.exec("select 1 as n", { types }), (error) => {
      assert.ok(error instanceof DecodeError);
      assert.match(error.message, /column 1 "n" as int4/);
      assert.equal(error.cause, cause);
      return true;
    });
    assert.equal(await conn.execValue("select 1"), 1);
  }
});

conformance("types: anything else is refused before it is sent", async (world, server) => {
  await using conn = await world.connect(server.fast);
  for (
    const types of [
      "texts",
      5,
      null,
      true,
      { int4: Number },
      { 23: "Number" },
      { 23: undefined },
      new Map([[23, Number]]),
    ]
  ) {
    await assert.rejects(async () => await conn.exec("select 1", { types } as object), UsageError);
  }
  for (const call of [conn.execDrop, conn.queryDrop, conn.execBatch]) {
    await assert.rejects(async () => await Reflect.apply(call, conn, ["select 1", [], { types: "text" }]), UsageError);
  }
});
