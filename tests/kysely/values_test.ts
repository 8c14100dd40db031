/** The values of columns and parameters with Kysely: those that Kysely on pg has, unless other ones are chosen. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Conn, Interval, Json, Range } from "../../mod.ts";
import { BUILT_IN_TYPES } from "../../src/codecs/oids.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";
import { sinceOf, typesWithValues, valuesOf } from "../support/values/type_values.ts";
import { comparing, type Database, library, openSides, poolOf, pyro, target } from "./sides.ts";

const { pgTypes, PostgresInterval, PyroDialect } = pyro;
const { sql } = library;
const sides = await openSides();
const [, ours] = sides;
const compare = comparing(sides);

const TYPES = BUILT_IN_TYPES.filter(([name, , array]) =>
  array !== 0 && typesWithValues().includes(name) && sinceOf(name) <= newest.major
).map(([name]) => name);

/** Equal for intervals of both sides, whose classes differ. */
function shown(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shown);
  return value?.constructor.name === "PostgresInterval" ? { interval: { ...value } } : value;
}

test("kysely: values of all types and their arrays are those of Kysely on pg", async () => {
  await using conn = await Conn.connect(target);
  for (const type of TYPES) {
    const table = `${ours.schema}.values_of_${type.replaceAll(/\W/g, "_")}`;
    // Without the quotes, bit, char and bpchar have a length of 1.
    const name = JSON.stringify(type);
    await conn.queryDrop(`create table ${table} (n int4, single ${name}, many ${name}[])`);
    // Of infinite intervals pg makes empty ones.
    const values = valuesOf(type, newest.major, 5).filter((value) => type !== "interval" || typeof value === "object")
      .map((value) => /^jsonb?$/.test(type) ? Json(value) : value);
    const sets = [...values, null].map((value, n) => [n, value, [value, null]]);
    await conn.execBatch(`insert into ${table} values ($1, $2, $3)`, sets);
    const [theirs, own] = await Promise.all(sides.map(async ({ db }) => {
      const { rows } = await sql`select single, many from ${sql.raw(table)} order by n`.execute(db);
      return (rows as { single: unknown; many: unknown }[]).map(({ single, many }) => [shown(single), shown(many)]);
    }));
    assert.deepEqual(own, theirs, type);
    assert.equal(own!.length, sets.length);
  }
});

const PARAMETERS: readonly (readonly [type: string, ...values: unknown[]])[] = [
  ["int4", 1, "2", 3n, null, undefined],
  ["int8", 9007199254740991, 1n, "3"],
  ["numeric", 1.5, "1.50", 10n],
  ["float8", 0.1, NaN, -Infinity, "1e5"],
  ["bool", true, false, "yes", 1, "0"],
  ["text", "a", 1, true, 12n, { a: 1 }, new Date(1e12), ["x", 'y"'], ""],
  ["timestamptz", new Date("2024-02-29T12:34:56.789Z"), "2024-02-29 12:34:56+02"],
  ["timestamp", new Date("2024-02-29T12:34:56.789Z"), "infinity"],
  ["date", new Date("2024-02-29T12:34:56.789Z"), "2024-02-29"],
  ["bytea", Buffer.from([0, 1, 255]), new Uint8Array([7]), "\\x01"],
  ["jsonb", { a: [1, { b: null }] }, '{"a":1}', "[1]", true, 5],
  ["json", { a: [1, null] }, "null"],
  ["int4[]", [], [1, null], [[1], [2]], "{1,2}"],
  ["text[]", ["a", null, 'b"\\{},', ""], [1, true]],
  ["jsonb[]", [{ a: 1 }, { b: 'c"' }]],
  ["timestamptz[]", [new Date(0), null]],
  ["bytea[]", [Buffer.from([1, 2])]],
  ["interval", "1 day 2 hours", new PostgresInterval({ days: 1, hours: -2 })],
  ["point", "(1,2)"],
  ["uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"],
];

compare("parameters mean what they mean to pg", async ({ db }) => {
  const outcomes: unknown[] = [];
  for (const [type, ...values] of PARAMETERS) {
    for (const value of values) {
      const query = sql<{ v: unknown }>`select ${value}::${sql.raw(type)} as v, ${value}::${sql.raw(type)}::text as t`;
      outcomes.push(
        await query.execute(db).then(
          ({ rows: [row] }) => [type, shown(Object.values(row!))],
          ({ code }) => [type, code],
        ),
      );
    }
  }
  return outcomes;
}, (outcomes) => {
  assert.ok(outcomes.filter((outcome) => typeof (outcome as unknown[])[1] === "string").length < 5);
});

compare("parameters whose type the server infers", async ({ db }) => [
  (await sql`select ${1} as a, ${"x"} as b, ${true} as c, ${null} as d`.execute(db)).rows,
  (await sql`select ${1} || 'x' as a`.execute(db)).rows,
  (await sql`select * from unnest(${[1, 2]}::int4[]) as n where n = any(${[2, 3]})`.execute(db)).rows,
]);

test("kysely: parameters that only pyro knows", async () => {
  const { rows } = await sql`select ${Interval.from("P1D")}::interval::text as i, ${new Range(1, 5)}::int4range as r,
    ${Json("text")}::jsonb as j`.execute(ours.db);
  assert.deepEqual(rows, [{ i: "1 day", r: "[1,5)", j: "text" }]);
});

test("kysely: values of pyro by option, and a parser of one's own", async () => {
  const pool = poolOf(ours.schema, (opts) => opts.int8("number").dates("string"));
  const query = sql`select 1::int8 as big, '{2,3}'::int8[] as many, '\\x01'::bytea as bytes, 0.1::float4 as single,
    date '2024-02-29' as day, ${new Date(0)}::timestamptz at time zone 'UTC' as at, 1.50 as price`;
  const dialectOf = (types: "pyro" | ((oid: number) => ((text: string) => unknown) | undefined)) =>
    new library.Kysely<Database>({ dialect: new PyroDialect({ pool, types }) });
  const all = { many: [2, 3], bytes: new Uint8Array([1]), single: Math.fround(0.1), day: "2024-02-29" };
  const at = "1970-01-01 00:00:00";
  const { rows } = await query.execute(dialectOf("pyro"));
  assert.deepEqual(rows, [{ big: 1, ...all, at, price: "1.50" }]);
  const numeric = await query.execute(dialectOf((oid) => oid === 1700 ? Number : undefined));
  assert.deepEqual(numeric.rows, [{ big: 1, ...all, at, price: 1.5 }]);
  const bigint = await query.execute(dialectOf((oid) => oid === 20 ? BigInt : pgTypes(oid)));
  const [row] = bigint.rows as { big: unknown; many: unknown; day: unknown }[];
  assert.deepEqual([row!.big, row!.many, row!.day], [1n, ["2", "3"], new Date(2024, 1, 29)]);
  await pool.close();
});
