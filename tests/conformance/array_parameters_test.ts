/** Parameters that are arrays, or are made of other types: with gaps, without values, of types without a binary form. */
import assert from "node:assert/strict";
import { EncodeError, Opts, Range } from "../../mod.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import { conformance } from "../support/suite/worlds.ts";

/** An array with nothing at the second place. */
const gap = (first: unknown, last: unknown): unknown[] => {
  const array = [first, null, last];
  delete array[1];
  return array;
};

conformance("xml: its letters stay, whatever encoding it declares and wherever it stands", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const text = '<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>';
  await conn.queryDrop(`create domain pg_temp.xml_domain as xml;
    create type pg_temp.xml_pair as (a int, x xml);
    create temporary table t (x xml, d xml_domain, a xml[], p xml_pair, b xml_pair[])`);
  const row = [text, text, [text, null], { a: 1, x: text }, [{ a: 1, x: text }]];
  const names = ["x", "d", "a", "p", "b"];
  await conn.execDrop("insert into t values ($1, $2, $3, $4, $5)", row);
  await conn.copyRows("t", names, [row]);
  await conn.copyRows("t", ["x"], [[text]]);
  const letters = await conn.query(
    "select x::text, d::text as d, a[1]::text as a, (p).x::text as p, b[1].x::text as b from t",
  );
  const [x, none] = ["<a>é</a>", null];
  assert.deepEqual(letters, [
    { x, d: x, a: x, p: x, b: x },
    { x, d: x, a: x, p: x, b: x },
    { x, d: none, a: none, p: none, b: none },
  ]);
  assert.equal(await conn.execValue("select x from t limit 1"), "<a>é</a>");
});

conformance("arrays: what is missing in one is undefined, and refused", async (world, server) => {
  const point = { parse: (text: string) => text, encode: () => new Uint8Array(16) };
  await using conn = await world.connect(new Opts(server.fast).codec("point", point));
  const cases: [type: string, value: unknown][] = [
    ["int4[]", new Array(2)],
    ["int4[]", gap(1, 3)],
    ["int4[]", [[1, 2, 3], gap(4, 6)]],
    ["int4[]", gap([1], [2])],
    ["text[]", gap("a", "b")],
    ["bool[]", gap(true, false)],
    ["numeric[]", gap("1", "2")],
    ["json[]", gap(1, 2)],
    ["point[]", gap("(1,2)", "(3,4)")],
    ["aclitem[]", new Array(1)],
    ["int4multirange", gap(new Range(1, 2), new Range(3, 4))],
    ["int2vector", gap(1, 2)],
    ["path", gap({ x: 1, y: 2 }, { x: 3, y: 4 })],
    ["point", undefined],
  ];
  for (const [type, value] of cases) {
    await assert.rejects(
      attempt(() => conn.execValue(`select $1::${type}`, [value])),
      EncodeError,
      `${type} ${JSON.stringify(value)}`,
    );
  }
  await assert.rejects(attempt(() => conn.execValue("select $1::int, $2::text, $3::text", gap(1, "c"))), EncodeError);
  await conn.queryDrop("create temporary table t (a int, b text, c numeric[])");
  for (const columns of [["a", "b"], ["a", "b", "c"]]) {
    const rows = [gap(1, ["1"]).slice(0, columns.length)];
    await assert.rejects(attempt(() => conn.copyRows("t", columns, rows)), EncodeError, String(columns));
  }
  await assert.rejects(attempt(() => conn.execBatch("insert into t values ($1, $2, $3)", [gap(1, [])])), EncodeError);
  assert.equal(await conn.execValue("select count(*) from t"), 0n);
});

conformance("types without a binary form: values without one inside are sent as text", async (world, server) => {
  await using conn = await world.connect(server.admin);
  // Made of text's functions, without those for the binary format.
  await conn.queryDrop(`create schema if not exists plain; drop schema plain cascade; create schema plain;
    set client_min_messages = warning;
    create type plain.label;
    create function plain.label_in(cstring) returns plain.label language internal immutable strict as 'textin';
    create function plain.label_out(plain.label) returns cstring language internal immutable strict as 'textout';
    create type plain.label (input = plain.label_in, output = plain.label_out, storage = extended);
    create type plain.labelled as (n int, l plain.label, a aclitem[])`);
  try {
    const acl = String(await conn.execValue("select makeaclitem(10, 10, 'SELECT', false)"));
    for (const [type, item] of [["aclitem", acl], ["plain.label", "a"], ["plain.labelled", null]] as const) {
      for (const value of [[], [null], [null, null], [[null], [null]], item === null ? [] : [item, null]]) {
        assert.deepEqual(await conn.execValue(`select $1::${type}[]`, [value]), value, `${type}[]`);
      }
    }
    for (const value of [{ n: null, l: null, a: null }, { n: 1, l: null, a: [] }, { n: 1, l: "x", a: [null] }]) {
      assert.deepEqual(await conn.execValue("select $1::plain.labelled", [value]), value);
      assert.deepEqual(await conn.execValue("select $1::plain.labelled[]", [[value, null]]), [value, null]);
      await conn.queryDrop("create temporary table t (v plain.labelled, a plain.labelled[])");
      assert.equal(await conn.copyRows("t", ["v", "a"], [[value, [value]], [null, []]]), 2);
      assert.deepEqual(await conn.query("table t"), [{ v: value, a: [value] }, { v: null, a: [] }]);
      await conn.queryDrop("drop table t");
    }
  } finally {
    await conn.queryDrop("drop schema plain cascade");
  }
});

conformance("vectors of the catalog: those that functions of arrays have cut", async (world, server) => {
  await using conn = await world.connect(server.fast);
  for (const type of ["int2vector", "oidvector"]) {
    const sql = `select trim_array('1 2 3'::${type}, 1) as v`;
    assert.deepEqual(await conn.query(sql), [{ v: [1, 2] }]);
    // The second time in binary.
    for (let i = 0; i < 2; i++) assert.deepEqual(await conn.exec(sql), [{ v: [1, 2] }]);
    // Its text the server refuses.
    const empty = `select trim_array('1 2 3'::${type}, 3) as v where $1`;
    assert.deepEqual(await conn.exec(empty, [true]), [{ v: [] }]);
  }
});
