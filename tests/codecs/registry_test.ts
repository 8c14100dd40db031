import assert from "node:assert/strict";
import { DEFAULT_CHOICES } from "../../src/options/choices.ts";
import { Description } from "../../src/rows/description.ts";
import { BUILT_IN_TYPES } from "../../src/codecs/oids.ts";
import { Registry } from "../../src/codecs/registry.ts";
import type { Column } from "../../src/wire/backend.ts";
import { codec, oidOf } from "../support/values/codecs.ts";
import { test } from "../support/suite/test.ts";

const registry = new Registry(DEFAULT_CHOICES);

function column(name: string, typeOid: number): Column {
  return { name, typeOid, typeSize: 4, typeModifier: -1, tableOid: 0, columnNumber: 0 };
}

test("registry: every built-in type and its array type has a codec of its name", () => {
  for (const [name, oid, arrayOid] of BUILT_IN_TYPES) {
    assert.equal(registry.codec(oid).name, name);
    if (arrayOid !== 0) assert.equal(registry.codec(arrayOid).name, `${name}[]`);
  }
});

test("registry: OIDs of types and array types are all different, and below those that vary", () => {
  const oids = BUILT_IN_TYPES.flatMap(([, oid, arrayOid]) => arrayOid === 0 ? [oid] : [oid, arrayOid]);
  assert.equal(new Set(oids).size, oids.length);
  assert.ok(oids.every((oid) => oid > 0 && oid < 10_000));
  for (const [name, oid, arrayOid] of KNOWN) {
    assert.equal(oidOf(name), oid);
    assert.equal(oidOf(`${name}[]`), arrayOid);
  }
});

test("registry: an unknown type has a codec of its text, which names the OID", () => {
  for (const oid of [0, 99_999, 4_294_967_295]) {
    assert.equal(registry.codec(oid).name, `type ${oid}`);
    assert.equal(registry.codec(oid).binary, false);
    assert.equal(registry.codec(oid).parse("as it is"), "as it is");
  }
});

test("registry: types without a codec of their own are asked for as text, and so are their arrays", () => {
  for (const name of ["money", "regclass", "aclitem", "pg_node_tree"]) {
    assert.equal(codec(name).binary, false);
    if (name !== "pg_node_tree") assert.equal(codec(`${name}[]`).binary, false);
  }
  for (const name of BINARY) {
    assert.equal(codec(name).binary, true);
    assert.equal(codec(`${name}[]`).binary, true);
  }
});

test("registry: a type has one codec per connection", () => {
  assert.equal(registry.codec(20), registry.codec(20));
  assert.equal(registry.codec(1016), registry.codec(1016));
});

test("registry: the connection's choices reach elements of arrays too", () => {
  assert.deepEqual(codec("int8[]", { int8: "number" }).parse("{1}"), [1]);
  assert.deepEqual(codec("numeric[]", { numeric: Number }).parse("{1.50}"), [1.5]);
  assert.deepEqual(codec("json[]", { json: "string" }).parse('{"[1]"}'), ["[1]"]);
  assert.deepEqual(codec("jsonb[]", { json: (text) => text.length }).parse('{"[1]"}'), [3]);
  assert.deepEqual(codec("date[]", { dates: "date" }).parse("{1970-01-01}"), [new Date(0)]);
  assert.deepEqual(codec("timestamptz[]", { dates: "string" }).parse('{"1970-01-01 01:00:00+01"}'), [
    "1970-01-01 00:00:00+00",
  ]);
});

test("description: only columns alike in every detail, in the same formats, are the same", () => {
  const [a, b] = [column("a", 23), column("b", 25)];
  const description = new Description([a, b], [1, 0], registry);
  assert.ok(description.describes([{ ...a }, { ...b }], [1, 0]));
  assert.ok(!description.describes([a, b], [1, 1]));
  for (const change of [{ name: "c" }, { typeOid: 1043 }, { typeModifier: 9 }, { tableOid: 9 }, { columnNumber: 9 }]) {
    assert.ok(!description.describes([a, { ...b, ...change }], [1, 0]), Object.keys(change)[0]);
  }
  assert.ok(!description.describes([b, a], [0, 1]));
  assert.ok(!description.describes([a], [1]));
  assert.ok(!description.describes([a, b, column("c", 23)], [1, 0, 0]));
  assert.ok(new Description([], [], registry).describes([], []));
});

test("description: one reader per shape", () => {
  const description = new Description([column("a", 23)], [1], registry);
  assert.equal(description.reader("object"), description.reader("object"));
  assert.equal(description.reader("array"), description.reader("array"));
  assert.notEqual(description.reader("object"), description.reader("array"));
});

const BINARY =
  "bool int2 int4 int8 oid float4 float8 numeric text varchar bpchar name xml uuid bytea json jsonb date time timestamp timestamptz"
    .split(" ");
const KNOWN: readonly (readonly [name: string, oid: number, arrayOid: number])[] = [
  ["bool", 16, 1000],
  ["int8", 20, 1016],
  ["int4", 23, 1007],
  ["text", 25, 1009],
  ["json", 114, 199],
  ["timestamptz", 1184, 1185],
  ["numeric", 1700, 1231],
  ["uuid", 2950, 2951],
  ["jsonb", 3802, 3807],
];
