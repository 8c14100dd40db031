import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { sql } from "../../src/api/sql.ts";
import { UsageError } from "../../src/errors.ts";
import type { SqlTemplate } from "../../src/sql/template.ts";
import { growsInProportion } from "../support/suite/growth.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

/** What `body` is refused with, as somebody who goes around the types would see it. */
function refused(body: () => unknown): string {
  return refusal(UsageError, body);
}

function assertSql(template: SqlTemplate, text: string, values: readonly unknown[] = []): void {
  assert.equal(template.text, text);
  assert.deepEqual(template.values, values);
}

test("sql.set: assignments of an object, or of some of its keys", () => {
  assertSql(sql.set({ name: "Ada", age: null }), '"name" = $1, "age" = $2', ["Ada", null]);
  assertSql(sql.set({ name: "Ada", age: 36 }, ["age"]), '"age" = $1', [36]);
  assertSql(
    sql`update t set ${sql.set({ a: sql`a + ${1}`, 'b"': sql`default` })} where id = ${7}`,
    'update t set "a" = a + $1, "b""" = default where id = $2',
    [1, 7],
  );
});

test("sql.set: what cannot be set is refused by name", () => {
  const set = sql.set as (...given: unknown[]) => unknown;
  for (
    const [given, reason] of [
      [[{}], /no columns: an update changes at least one/],
      [[{ a: 1 }, []], /no columns/],
      [[{ a: undefined }], /^Cannot set column "a": it must not be missing or undefined/],
      [[{ a: 1 }, ["b"]], /column "b": it must not be missing/],
      [[{ a: 1 }, ["constructor"]], /column "constructor": it must not be missing/],
      [[{ a: Promise.resolve(1) }], /column "a": it is a promise/],
      [[{ a: [sql`b`] }], /column "a": it is an array of templates/],
      [[[1]], /to an array: it must be an object/],
      [[null], /to null: it must be an object/],
      [["a = 1"], /to a string: it must be an object/],
      [[{ a: 1 }, "a"], /to a string: it must be an array of names/],
      [[{ "": 1 }], /quote column 1: it must not be empty/],
    ] as [unknown[], RegExp][]
  ) assert.match(refused(() => set(...given)), reason);
});

test("sql.and, sql.or: conditions in parentheses, and what none of them is", () => {
  assertSql(sql.and([]), "true");
  assertSql(sql.or([]), "false");
  assertSql(sql.and([sql`a = ${1}`]), "(a = $1)", [1]);
  assertSql(sql.or(new Set([sql`a = ${1}`, sql`b`])), "((a = $1) or (b))", [1]);
  assertSql(
    sql`select * from t where ${sql.and([sql`a or b`, sql.or([sql`c`, sql`d and e`]), sql.and([])])}`,
    "select * from t where ((a or b) and (((c) or (d and e))) and (true))",
  );
});

test("sql.and, sql.or: only templates are conditions", () => {
  const and = sql.and as (conditions: unknown) => unknown;
  for (
    const [given, reason] of [
      [["a = 1"], /^Cannot join condition 1 by and: it must be a template, not a string/],
      [[sql`a`, undefined], /condition 2 by and: it must be a template, not undefined; leave a condition out/],
      [[false], /not a boolean/],
      [sql`a`, /^Cannot join by and an object: it must be an array/],
      ["a", /^Cannot join by and a string/],
    ] as [unknown, RegExp][]
  ) assert.match(refused(() => and(given)), reason);
});

test("sql.raw: the text as it is, of a string only", () => {
  assertSql(sql.raw("now()"), "now()");
  assertSql(sql`select ${sql.raw("a -- b\n")}, ${1}`, "select a -- b\n, $1", [1]);
  for (const given of [1, null, undefined, ["a"], { text: "a" }, sql`a`]) {
    assert.match(refused(() => sql.raw(given as never)), /sql\.raw takes a string$/);
  }
});

test("sql: parameters in the text and values in one template are refused", () => {
  for (const template of [sql`select $1, ${2}`, sql`select ${2}, ${sql.raw("$1")}`, sql`${sql.raw("a $2")} ${1}`]) {
    assert.match(
      refused(() => template.text),
      /^Cannot number the parameters of a template: its text has \$\d already/,
    );
  }
  assertSql(
    sql`select '$1', "$1" -- $1
    , ${1}`,
    "select '$1', \"$1\" -- $1\n    , $1",
    [1],
  );
  assertSql(sql.raw("select $1, $1"), "select $1, $1");
});

test("sql: time grows with the number of values, whatever the text between them is", () => {
  for (const text of ["'$1.99'", '"$1"', "/* $1 */", "$a$ $1 $a$"]) {
    growsInProportion(100, (count) => {
      const parts = Array.from({ length: count }, (_, i) => sql`(${i}, ${sql.raw(text)})`);
      return () => sql.join(parts).text;
    });
  }
});

test("sql.values: with types, the first row has casts and there is no list of columns", () => {
  const types = { id: "int4", name: "character varying(10)" };
  assertSql(
    sql.values([{ name: "a", id: 1, other: 0 }, { id: 2, name: null }], types),
    "values ($1::int4, $2::character varying(10)), ($3, $4)",
    [1, "a", 2, null],
  );
  assertSql(sql.values([[1, sql`lower(${"A"})`]], types), "values ($1::int4, (lower($2))::character varying(10))", [
    1,
    "A",
  ]);
  assertSql(sql.values([[1]], { mood: sql.id("public", "Mood") }), 'values ($1::"public"."Mood")', [1]);
});

test("sql.unnest: an array for each column, of any number of rows", () => {
  const types = { id: "int8", name: "text" };
  assertSql(sql.unnest([], types), "unnest($1::int8[], $2::text[])", [[], []]);
  assertSql(
    sql.unnest(new Set([{ id: 1, name: "a", more: 0 }, { name: null, id: 2n }]), types),
    sql.unnest([], types).text,
    [
      [1, 2n],
      ["a", null],
    ],
  );
  assertSql(sql.unnest([[1, "a"]], types), "unnest($1::int8[], $2::text[])", [[1], ["a"]]);
  assertSql(sql.unnest([[1]], { mood: sql.id("Mood") }), 'unnest($1::"Mood"[])', [[1]]);
  assert.match(refused(() => sql.unnest([{ id: 1 }], types)), /column "name" in row 1: it must not be missing/);
  assert.match(refused(() => sql.unnest([{ id: 1, name: sql`x` }], types)), /column "name" of row 1: a template is no/);
  assert.match(refused(() => sql.unnest([[1]], { a: "int4[]" })), /column "a": its type must be no array/);
  assert.match(refused(() => sql.unnest([[1, 2, 3]], types)), /row 1: it has 3 values instead of 2/);
  assert.match(refused(() => sql.unnest([1] as never, types)), /row 1: it must be an object or an array, not a number/);
  assert.match(refused(() => sql.unnest(1 as never, types)), /^Cannot unnest a number: it must be an array/);
});

test("sql: types of columns are names of types, and nothing else", () => {
  const good = [
    "int4",
    "INT4",
    "numeric(10, 2)",
    "numeric(3,-2)",
    "double precision",
    "timestamp(3) with time zone",
    "interval day to second",
    'public."Mood"',
    '"a ""b"" c"',
    "größe",
  ];
  for (const type of good) assert.equal(sql.values([[1]], { a: type }).text, `values ($1::${type})`);
  assert.equal(sql.values([[1]], { a: "int4[]" }).text, "values ($1::int4[])");
  const bad = ["", "int4;", "int4 union", "int4) from secret --", '"', "4int", "int4()", "a.", "int4 -- x", "int4\0"];
  for (const type of [...bad, 1, null, undefined, {}]) {
    assert.match(refused(() => sql.values([[1]], { a: type as string })), /^Cannot set the type of column "a" to /);
  }
  for (const types of [null, "int4", 1]) {
    assert.match(refused(() => sql.unnest([[1]], types as never)), /^Cannot set the types of columns to /);
  }
  assert.match(refused(() => sql.unnest([[1]], {})), /without columns: give their types/);
});

test("sql.file: the text of a file, which is read once", () => {
  const directory = mkdtempSync(join(tmpdir(), "pyro_sql_"));
  try {
    const path = join(directory, "a b.sql");
    writeFileSync(path, "\ufeffselect 'é'\n");
    const template = sql.file(path);
    assertSql(template, "select 'é'\n");
    writeFileSync(path, "select 2");
    assert.equal(sql.file(path), template);
    assertSql(sql.file(pathToFileURL(path)), "select 2");
    assertSql(sql`${sql.file(pathToFileURL(path))} + ${1}`, "select 2 + $1", [1]);
    const wrong = join(directory, "wrong.sql");
    assert.match(refused(() => sql.file(wrong)), /^Cannot read the SQL file .*wrong\.sql: /);
    writeFileSync(wrong, Uint8Array.of(0xff));
    assert.match(refused(() => sql.file(wrong)), /^Cannot read the SQL file .*wrong\.sql: /);
    assert.match(refused(() => sql.file(1 as never)), /give its path, or a URL such as/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("sql.camel: names in camel case are those of the database with underscores", () => {
  const people = [{ firstName: "Ada", id: 1 }, { firstName: "Alan", id: 2 }];
  assert.equal(sql.camel.values(people).text, '("first_name", "id") values ($1, $2), ($3, $4)');
  assert.equal(sql.camel.values(people, ["firstName"]).text, '("first_name") values ($1), ($2)');
  assert.deepEqual(sql.camel.values(people).values, ["Ada", 1, "Alan", 2]);
  assert.equal(sql.camel.set({ firstName: "Ada", last_seen: null }).text, '"first_name" = $1, "last_seen" = $2');
  assert.equal(sql.camel.id("mySchema", "userId").text, '"my_schema"."user_id"');
  assert.equal(sql.id("userId").text, '"userId"');
  assert.throws(() => sql.camel.id(7 as never), UsageError);
});
