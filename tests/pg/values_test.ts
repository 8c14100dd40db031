/** Values of all types are pg's, however they travel: as text the first time, in the best formats from then on. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Conn } from "../../mod.ts";
import { BadValue } from "../../src/codecs/codec.ts";
import type { CustomTypesConfig } from "../../src/pg/mod.ts";
import { VALUE_READERS } from "../../src/pg/values.ts";
import type { ByteSource } from "../../src/wire/bytes.ts";
import { besidePg, config, nodePg, plain, pyroPg } from "../support/suite/beside_pg.ts";
import { newest } from "../support/suite/servers.ts";
import { test, testInTurn } from "../support/suite/test.ts";
import { sinceOf, typesWithValues, valuesOf } from "../support/values/type_values.ts";

/** Types that are not on every server, or whose names need a schema. */
const NOT_BUILT_IN = ["hstore", "citext", "ltree", "lquery", "ltxtquery", "vector", "halfvec", "sparsevec"];

/** The texts of values of a type, as the server prints them. */
async function textsOf(conn: Conn, type: string): Promise<string[]> {
  const values = valuesOf(type, newest.major, 20);
  const texts = await Promise.all(
    values.map((value) => {
      // A string would be taken as the JSON itself.
      const given = type.startsWith("json") ? JSON.stringify(value) : value;
      return conn.execValue<string>(`select ($1::${type})::text`, [given]);
    }),
  );
  return texts.filter((text) => text !== null);
}

testInTurn("pg: values of every type, as text and in binary, alone and in arrays", async () => {
  await using conn = await Conn.connect(newest.fast);
  const [theirs, ours] = [new nodePg.Client(config), new pyroPg.Client(config)];
  await Promise.all([theirs.connect(), ours.connect()]);
  let count = 0;
  for (const type of typesWithValues()) {
    if (NOT_BUILT_IN.includes(type) || sinceOf(type) > newest.major) continue;
    const texts = await textsOf(conn, type);
    const sql = `select t::${type} as value, array[t::${type}, null] as list
      from unnest($1::text[]) with ordinality as given (t, i) order by i`;
    const expected = plain((await theirs.query(sql, [texts])).rows);
    for (const time of ["first", "second", "third"]) {
      assert.deepEqual(plain((await ours.query(sql, [texts])).rows), expected, `${type}, the ${time} time`);
    }
    assert.equal((await ours.query({ text: sql, values: [texts], rowMode: "array" })).rows.length, texts.length);
    count += texts.length;
  }
  assert.ok(count > 1000, String(count));
  await Promise.all([theirs.end(), ours.end()]);
});

/** Dates at which years, signs and fractions are unusual. */
const DATES = [
  ...["0001-01-01", "0044-03-15 BC", "0099-12-31", "0100-01-01", "1582-10-15", "1883-11-18", "1969-12-31"],
  ...["2000-01-01", "2024-02-29", "9999-12-31", "20000-01-01", "200000-02-28", "290000-01-01", "4713-01-01 BC"],
  ...["infinity", "-infinity"],
];
const TIMES = ["00:00:00", "00:00:00.000001", "12:34:56.999999", "23:59:59.0019", "07:00:00.57", "01:02:03.029"];

for (const zone of ["UTC", "America/New_York", "Asia/Kolkata"]) {
  besidePg(`dates at the edges, in a session in ${zone}`, async ({ client }) => {
    const conn = await client();
    await conn.query(`set time zone '${zone}'`);
    const stamps = DATES.flatMap((date) =>
      /infinity/.test(date) ? [date] : TIMES.map((time) => date.replace(/^[\d-]+/, `$& ${time}`))
    );
    const sql =
      "select t::timestamp as local, t::timestamptz as moment, t::date as day from unnest($1::text[]) as given (t)";
    const results = [];
    for (let i = 0; i < 3; i++) results.push((await conn.query(sql, [stamps])).rows);
    return results;
  });
}

besidePg("integers and floats at the edges", async ({ client }) => {
  const conn = await client();
  const sql =
    `select n::int2 as small, n::int4 as int, n::int8 as big, n::oid as oid, n > 0 as sign, n::float8 / $2 as float,
    n::float4 / 3 as single from unnest($1::int4[]) as given (n)`;
  const results = [];
  for (let i = 0; i < 3; i++) results.push((await conn.query(sql, [[0, -1, 1, 32767, -32768, 12345, -999], 7])).rows);
  const extremes =
    `select 2147483647 as a, -2147483648 as b, 4294967295::oid as c, 'NaN'::float8 as d, '-Infinity'::float4 as e,
    9223372036854775807 as f, -0.0::float8 as g, 5e-324::float8 as h, $1::text as i`;
  for (let i = 0; i < 3; i++) results.push((await conn.query(extremes, ["x"])).rows);
  return results;
});

besidePg("parsers of the module, of a client, and of a query", async ({ pg, client }) => {
  const sql = "select $1::int4 as n, now()::date > '2000-01-01' as later, $2::date as day, 7::int8 as big";
  const values = [5, "2024-02-29"];
  const conn = await client();
  const other = await client();
  const results = [(await conn.query(sql, values)).rows, (await conn.query(sql, values)).rows];
  conn.setTypeParser(23, (text: string) => `client ${text}`);
  results.push((await conn.query(sql, values)).rows, (await other.query(sql, values)).rows);
  const types = { getTypeParser: (oid: number) => (value: unknown) => `${oid} ${value}` };
  results.push((await conn.query({ text: sql, values, types })).rows);
  const original = pg.types.getTypeParser(1082);
  pg.types.setTypeParser(1082, (text: string) => text);
  try {
    for (let i = 0; i < 3; i++) {
      results.push((await conn.query(sql, values)).rows, (await other.query(sql, values)).rows);
    }
  } finally {
    pg.types.setTypeParser(1082, original);
  }
  pg.defaults.parseInt8 = true;
  results.push((await other.query(sql, values)).rows);
  pg.defaults.parseInt8 = false;
  results.push((await other.query(sql, values)).rows);
  return results;
});

besidePg("literals that depend on settings, however often they were executed", async ({ client }) => {
  const conn = await client();
  const rows: unknown[] = [];
  const texts = [
    "select '2003-01-02 12:00'::timestamptz as a where $1",
    "select '01/02/2003'::date as a where $1",
    "select extract(epoch from interval '-1 1:00')::int4 as a where $1",
    "select 'a\\\\b' as a where $1",
  ];
  for (
    const sql of [
      ...["set time zone 'Asia/Tokyo'", "set timezone = 'UTC'", "select set_config('timezone', 'Asia/Kolkata', false)"],
      ...["set datestyle = 'ISO, DMY'", "set intervalstyle = sql_standard", "set standard_conforming_strings = off"],
      ...["set standard_conforming_strings = on", "begin", "set local time zone 'America/New_York'", "rollback"],
      "do $$ begin execute 'set time' || 'zone = UTC'; end $$",
    ]
  ) {
    await conn.query(sql);
    for (let i = 0; i < 3; i++) for (const text of texts) rows.push((await conn.query(text, [true])).rows);
  }
  return rows;
});

besidePg("literals that are relative to now are computed each time", async ({ client }) => {
  const conn = await client();
  const times: number[] = [];
  for (let i = 0; i < 4; i++) {
    const { rows } = await conn.query("select 'now'::timestamptz as a where $1", [true]);
    times.push(rows[0].a.getTime());
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return times.map((time, i) => i === 0 || time > times[i - 1]!);
});

// pg itself misreads floats in binary: it takes the bytes for UTF-8.
besidePg("values in binary for pg-types' binary parsers", async ({ client }) => {
  const conn = await client();
  const sql = "select 1::int4 as a, 2::int2 as b, true as c, 'text' as d, null::int4 as f, $1::int4[] as g";
  const results = [];
  for (let i = 0; i < 3; i++) {
    const { rows, fields } = await conn.query({ text: sql, values: [[1, 2]], binary: true });
    results.push(rows, fields.map(({ format }) => format));
  }
  return results;
});

test("pg: a parser's error is the query's, and the connection stays usable", async () => {
  const client = new pyroPg.Client(config);
  await client.connect();
  const failure = new Error("the parser fails");
  const types = {
    getTypeParser: () => () => {
      throw failure;
    },
  };
  for (let i = 0; i < 3; i++) {
    await assert.rejects(client.query({ text: "select $1::int4", values: [1], types }), (error) => error === failure);
  }
  assert.deepEqual((await client.query("select 1 as n")).rows, [{ n: 1 }]);
  await client.end();
});

test("pg: parsers that cannot be had, and those of a failed statement, are the query's error too", async () => {
  const client = new pyroPg.Client(config);
  await client.connect();
  const failure = new Error("no parser");
  const failing = {
    getTypeParser: () => {
      throw failure;
    },
  };
  const given = [failing, {}, { getTypeParser: () => undefined }] as CustomTypesConfig[];
  for (const types of given) {
    for (const name of ["", `named ${given.indexOf(types)}`]) {
      const query = { text: "select $1::int4 as n", values: [1], name };
      for (let i = 0; i < 3; i++) await assert.rejects(client.query({ ...query, types }));
      await assert.rejects(client.query({ text: "select 1; select 2", types }));
      // Once the parsers can be had, the same text goes on.
      for (let i = 0; i < 3; i++) assert.deepEqual((await client.query(query)).rows, [{ n: 1 }]);
      await assert.rejects(client.query({ ...query, types }));
    }
  }
  const fails = {
    getTypeParser: () => () => {
      throw failure;
    },
  };
  const text = "select 1 / (2 - n) from generate_series(1, 2) as n";
  await assert.rejects(client.query({ text, types: fails }), (error) => error === failure);
  await client.end();
});

test("pg: a column __proto__ is a property of rows that query classes make", () => {
  const result = new pyroPg.Result();
  const column = { tableID: 0, columnID: 0, dataTypeID: 25, dataTypeSize: -1, dataTypeModifier: -1, format: "text" };
  result.addFields(["__proto__", "a"].map((name) => ({ ...column, name })));
  const row = result.parseRow(["x", "y"]) as object;
  assert.deepEqual(Object.entries(row), [["__proto__", "x"], ["a", "y"]]);
  assert.equal(Object.getPrototypeOf(row), Object.prototype);
});

test("pg: a binary value of another length than its type has is refused", () => {
  const bytes = Buffer.alloc(16) as unknown as ByteSource["bytes"];
  const source = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) };
  for (const [oid, size] of [[16, 1], [21, 2], [23, 4], [26, 4], [701, 8], [1082, 4], [1114, 8], [1184, 8]] as const) {
    const read = VALUE_READERS.get(oid)!.binary!;
    assert.notEqual(read(source, 0, size), undefined);
    for (const wrong of [0, size - 1, size + 1]) assert.throws(() => read(source, 0, wrong), BadValue, String(oid));
  }
});
