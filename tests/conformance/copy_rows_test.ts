/** Values into tables by COPY. */
import assert from "node:assert/strict";
import { Conn, EncodeError, Json, type JsonValue, ServerError, sql, UsageError } from "../../mod.ts";
import { shown } from "../support/values/codecs.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";
import { sinceOf, typesWithValues, valuesOf } from "../support/values/type_values.ts";
import { conformance } from "../support/suite/worlds.ts";

for (const name of typesWithValues()) {
  const parameter = (value: unknown): unknown =>
    (name === "json" || name === "jsonb") && value !== null ? Json(value as JsonValue) : value;

  conformance(
    `copyRows: values of ${name}, and arrays of them, are stored as exec stores them`,
    async (world, server) => {
      await using conn = await world.connect(server.fast);
      await conn.queryDrop(`create temporary table t (n int, v "${name}", a "${name}"[])`);
      const values = valuesOf(name, server.major, 10).map(parameter);
      const rows = values.map((v, n) => [n, v, [v, null]]);
      await conn.execBatch(`insert into t values ($1, $2, $3)`, rows);
      const expected = await conn.query("select * from t order by n");
      await conn.queryDrop("truncate t");
      assert.equal(await conn.copyRows("t", ["n", "v"], rows.map(([n, v]) => [n, v])), rows.length);
      const scalars = await conn.query<{ v: unknown }>("select v from t order by n");
      assert.deepEqual(shown(scalars), shown(expected.map(({ v }) => ({ v }))), "scalars");
      await conn.queryDrop("truncate t");
      assert.equal(await conn.copyRows("t", ["n", "v", "a"], rows), rows.length);
      assert.deepEqual(shown(await conn.query("select * from t order by n")), shown(expected), "arrays");
    },
    sinceOf(name),
  );
}

conformance("copyRows: text for a type means what it means to exec, or is refused", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const cases: [string, string][] = [
    ["timestamp", "2024-01-01 00:00:00+02"],
    ["timestamp", "2024-01-01T10:00"],
    ["timestamptz", "2024-01-01T00:00:00Z"],
    ["timestamptz", "2024-01-01T00:00:00.123+02:00"],
    ["timestamp", "700000-01-01T00:00:00"],
    ["timestamptz", "700000-01-01T00:00:00Z"],
    ["date", "2024-02-03"],
    ["date", "5881610-07-11"],
    ["numeric", "constructor"],
    ["numeric", "+inf"],
    ["numeric", "-1.50e3"],
    ["bool", "true"],
    ["interval", "1 day"],
    ["int4", " \t\n\v\f\r7 "],
    ["int4", "\u00a07"],
    ["numeric", "\ufeff7"],
    ["float8", "7\u2003"],
    ["bool", "\u00a0t"],
    ["date", "2024-02-03\u00a0"],
    ["timestamptz", "2024-01-01 00:00:00+023015"],
    ["uuid", "a0eebc999c0b-4ef8bb6d-6bb9bd380a11"],
    ["uuid", "a-0eebc999c0b4ef8bb6d6bb9bd380a11"],
    ["text[]", "{ a , b c,NULL,null }"],
    ["text[]", '{"null"," a ","{\\"}"}'],
    ["int4[]", "[2:3]={1,2}"],
    ["int4[]", "[0:1][-1:0]={{1, 2},{3,4}}"],
    ["int4[]", "[0:1]={1}"],
    ["jsonb[]", '{"null","\\"null\\"",12345678901234567890,1.50}'],
    ["json[]", '{"\\"a b\\"","[1, 2]"}'],
    ["int4range", "[1e2,1e3)"],
    ["int4range", "[1,5]"],
    ["int8multirange", "{[1,3),[5,)}"],
    ["int8", "9223372036854775807"],
  ];
  const failures: string[] = [];
  for (const [type, text] of cases) {
    const stored = async (work: () => unknown): Promise<unknown> => {
      await conn.queryDrop(`drop table if exists pg_temp.t; create temporary table t (v ${type})`);
      try {
        await work();
      } catch {
        return "refused";
      }
      return (await conn.queryFirst<{ v: string }>("select v::text from t"))!.v;
    };
    const exec = await stored(() => conn.exec(`insert into t values ($1::${type})`, [text]));
    const copied = await stored(() => conn.copyRows("t", ["v"], [[text]]));
    if (copied !== exec) failures.push(`${type} ${text}: ${copied} instead of ${exec}`);
  }
  assert.deepEqual(failures, []);
  // Which zone is meant, the session would have to say.
  await conn.queryDrop("drop table pg_temp.t; create temporary table t (v timestamptz)");
  await assert.rejects(
    attempt(() => conn.copyRows("t", ["v"], [["2024-01-01 00:00:00"]])),
    /no offset from UTC; write Z/,
  );
});

conformance("copyRows: an unsigned number with a leading zero is refused", async (world, server) => {
  await using conn = await world.connect(server.fast);
  // The server reads octal digits there; in an oid only as of version 16.
  for (const type of ["xid", "cid", "xid8", "oid"]) {
    await conn.queryDrop(`drop table if exists pg_temp.t; create temporary table t (v ${type})`);
    await assert.rejects(attempt(() => conn.copyRows("t", ["v"], [["010"]])), EncodeError, type);
    assert.equal(await conn.copyRows("t", ["v"], [["0"], ["10"]]), 2);
    assert.deepEqual(await conn.query("select v::text from t"), [{ v: "0" }, { v: "10" }]);
  }
});

conformance(
  "copyRows: in the text of an array or a composite value, each part is its own text",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    await conn.queryDrop("create type pg_temp.part as (n int4, j jsonb, a int4[])");
    await conn.queryDrop("create temporary table t (v pg_temp.part, l jsonb[], w pg_temp.part[])");
    const part = '(1,"[12345678901234567890, 1.50]","[2:3]={1,2}")';
    const none = '(,null,"{ 1, 2 }")';
    const rows = [
      [part, "{1.50}", null],
      [none, '{"null"}', `{"${part.replaceAll('"', '\\"')}", null}`],
      [{ n: "1", j: "12345678901234567890", a: "{1}" }, null, null],
    ];
    await conn.execBatch("insert into t values ($1, $2, $3)", rows);
    const expected = await conn.execColumn("select t::text from t");
    await conn.queryDrop("truncate t");
    assert.equal(await conn.copyRows("t", ["v", "l", "w"], rows), 3);
    assert.deepEqual(await conn.execColumn("select t::text from t"), expected);
    await conn.queryDrop("create temporary table b (v bytea, l text[])");
    // Which bytes it is, the encoding of the database would have to say.
    await assert.rejects(attempt(() => conn.copyRows("b", ["v"], [["é"]])), EncodeError);
    await assert.rejects(attempt(() => conn.copyRows("b", ["l"], [["{a\\b}"]])), EncodeError);
  },
);

conformance("copyRows: objects, arrays, NULL, defaults, odd names, names with a schema", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop(
    `create temporary table "Odd ""t" (id int generated always as identity, "a b" text, "x.y" int default 7)`,
  );
  assert.equal(await conn.copyRows('Odd "t', ["a b"], [["x"], { "a b": null, more: 1 }]), 2);
  assert.equal(await conn.copyRows('pg_temp.Odd "t', ["x.y", "a b"], [[1, "\\N\t\n\r\\."]]), 1);
  assert.equal(await conn.copyRows(sql.id("pg_temp", 'Odd "t'), ["a b"], []), 0);
  assert.deepEqual(await conn.query(`select * from "Odd ""t" order by id`), [
    { id: 1, "a b": "x", "x.y": 7 },
    { id: 2, "a b": null, "x.y": 7 },
    { id: 3, "a b": "\\N\t\n\r\\.", "x.y": 1 },
  ]);
});

conformance("copyRows: what is wrong with a row has its index, and nothing is stored", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int2, i inet)");
  for (const columns of [["n"], ["n", "i"]]) {
    const good = columns.length === 1 ? [1] : [1, "::1"];
    const bad: [unknown, typeof EncodeError | typeof UsageError][] = [
      [[40000, ...good.slice(1)], EncodeError],
      [[undefined, ...good.slice(1)], EncodeError],
      [[...good, 1], UsageError],
      [[], UsageError],
      [{ m: 1 }, UsageError],
      [5, UsageError],
      [null, UsageError],
    ];
    for (const [row, type] of bad) {
      const rows = [...Array.from({ length: 3000 }, () => good), row] as unknown[][];
      await assert.rejects(attempt(() => conn.copyRows("t", columns, rows)), (error) => {
        assert.ok(error instanceof type, String(error));
        assert.equal((error as { index?: number }).index, 3000);
        return true;
      });
      assert.equal(await conn.execValue("select count(*) from t"), 0n);
    }
  }
  await assert.rejects(attempt(() => conn.copyRows("t", [], [])), UsageError);
  await assert.rejects(attempt(() => conn.copyRows("nowhere", ["n"], [])), ServerError);
  await assert.rejects(attempt(() => conn.copyRows("t", ["z"], [])), ServerError);
});

conformance("copyRows: types of the user's own, and 100,000 rows", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop(`create type pg_temp.copy_mood as enum ('sad', 'ok');
    create type pg_temp.copy_pair as (a int, m copy_mood); create temporary table u (p copy_pair, m copy_mood[])`);
  const row = { p: { a: 1, m: "ok" }, m: ["sad", null] };
  assert.equal(await conn.copyRows("u", ["p", "m"], [row]), 1);
  assert.deepEqual(await conn.exec("table u"), [row]);
  await conn.queryDrop("create temporary table t (n int, s text)");
  const rows = function* (): Generator<unknown[]> {
    for (let n = 0; n < 100_000; n++) yield [n, `row ${n}`];
  };
  assert.equal(await conn.copyRows("t", ["n", "s"], rows()), 100_000);
  assert.equal(await conn.execValue("select sum(n) from t where s = 'row ' || n"), 4_999_950_000n);
});

conformance(
  "copyRows, copyIn, execBatch: a source is closed when its call ends, whatever ends it",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    await conn.queryDrop("create temporary table t (n int)");
    const closed: string[] = [];
    const source = (name: string): Iterable<never> => ({
      [Symbol.iterator]: () => ({
        next: () => ({ done: false, value: ["text"] as never }),
        return: () => (closed.push(name), { done: true as const, value: undefined }),
      }),
    });
    await assert.rejects(attempt(() => conn.copyRows("nowhere", ["n"], source("no table"))), ServerError);
    await assert.rejects(attempt(() => conn.copyRows("t", ["z"], source("no column"))), ServerError);
    await assert.rejects(attempt(() => conn.copyRows("t", ["n"], source("no number"))), EncodeError);
    await assert.rejects(attempt(() => conn.copyIn("copy nowhere from stdin", source("no table"))), ServerError);
    await assert.rejects(
      attempt(() => conn.execBatch("insert into nowhere values ($1)", source("no table"))),
      ServerError,
    );
    assert.deepEqual(closed, ["no table", "no column", "no number", "no table", "no table"]);
    assert.equal(await conn.execValue("select 1"), 1);
  },
);

test("copyIn, execBatch: a call that is given up before it begins leaves its source as it was", async () => {
  await using conn = await Conn.connect(newest.fast);
  await conn.queryDrop("create temporary table t (n int)");
  const stream = new ReadableStream<string>({ start: (controller) => (controller.enqueue("1\n"), controller.close()) });
  const stop = new AbortController();
  const slow = conn.exec("select pg_sleep($1)", [0.1]);
  const copy = conn.copyIn("copy t from stdin", stream, { signal: stop.signal });
  stop.abort();
  await assert.rejects(copy);
  await slow;
  assert.equal(stream.locked, false);
  assert.equal(await conn.copyIn("copy t from stdin", stream), 1);
});

test("copyRows: an async source", async () => {
  await using conn = await Conn.connect(newest.fast);
  await conn.queryDrop("create temporary table t (n int)");
  const rows = async function* (): AsyncGenerator<unknown[]> {
    for (let n = 0; n < 10; n++) yield await Promise.resolve([n]);
  };
  assert.equal(await conn.copyRows("t", ["n"], rows()), 10);
});
