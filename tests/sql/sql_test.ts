import assert from "node:assert/strict";
import { inspect } from "node:util";
import { UsageError } from "../../src/errors.ts";
import { sql } from "../../src/api/sql.ts";
import { SqlTemplate, valuesOf } from "../../src/sql/template.ts";
import { Json } from "../../src/codecs/json.ts";
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

test("sql: what is interpolated becomes a parameter", () => {
  assertSql(sql`select 1`, "select 1");
  assertSql(sql``, "");
  assertSql(sql`select * from t where id = ${7} and name = ${"'; drop table t; --"}`, LOOKUP, [
    7,
    "'; drop table t; --",
  ]);
  assertSql(sql`${1}`, "$1", [1]);
});

test("sql: null, arrays, wrappers, objects and empty strings are one parameter each", () => {
  const values = [null, [1, 2], [], Json("text"), { a: 1 }, "", 0n, false, NaN, new Date(0), new Uint8Array(1)];
  for (const value of values) {
    const template = sql`select ${value}`;
    assert.equal(template.text, "select $1");
    assert.equal(template.values.length, 1);
    assert.equal(template.values[0], value);
  }
});

test("sql: text and values are made once and cannot be changed", () => {
  const template = sql`select ${1}, ${sql`${2}`}`;
  assert.deepEqual(valuesOf(template), [1, 2]);
  assert.equal(template.values, template.values);
  assert.ok(Object.isFrozen(template.values));
  assert.throws(() => Object.assign(template, { text: "select 2" }), TypeError);
  assert.throws(() => Object.assign(template, { values: [] }), TypeError);
});

test("sql: one place in the source gives one text, whatever the values", () => {
  const find = (id: unknown): SqlTemplate => sql`select * from t where id = ${id} and name = ${null}`;
  assert.equal(find(1).text, find("x").text);
  assert.deepEqual(find(1).values, [1, null]);
  assert.deepEqual(find("x").values, ["x", null]);
  const filtered = (only: boolean): SqlTemplate => find(only ? sql`any(${[1]})` : 1);
  assert.equal(filtered(false).text, LOOKUP);
  assert.equal(filtered(true).text, "select * from t where id = any($1) and name = $2");
  assert.equal(filtered(false).text, LOOKUP);
});

test("sql: templates inside of others are spliced in, and parameters counted through", () => {
  const where = (a: number | undefined): SqlTemplate => a === undefined ? sql`` : sql`where a = ${a}`;
  assertSql(sql`select * from t ${where(undefined)}`, "select * from t ");
  assertSql(sql`select ${1} from t ${where(5)} limit ${10}`, "select $1 from t where a = $2 limit $3", [1, 5, 10]);
  const inner = sql`(${1} + ${2})`;
  assertSql(sql`select ${inner} * ${sql`-${inner}`}, ${3}`, "select ($1 + $2) * -($3 + $4), $5", [1, 2, 1, 2, 3]);
  assertSql(inner, "($1 + $2)", [1, 2]);
});

test("sql: a comment at the end of a template ends with it, inside of another", () => {
  const commented = sql`a = 1 -- why`;
  assert.equal(commented.text, "a = 1 -- why");
  assert.equal(sql`select 1 where ${commented} and b = ${2}`.text, "select 1 where a = 1 -- why\n and b = $1");
  assert.equal(sql`${sql`${commented}`} and b`.text, "a = 1 -- why\n and b");
  assert.equal(sql`select (${sql`a = ${1} --`})`.text, "select (a = $1 --\n)");
  assert.equal(sql.and([commented, sql`b`]).text, "((a = 1 -- why\n) and (b))");
  assert.equal(sql.join([sql.raw("a -- 1"), sql`b`]).text, "a -- 1\n, b");
  const named = sql`delete from t -- ${sql.id("of")} ${sql.raw("it")}`;
  assert.equal(sql`${named} where id = 1`.text, 'delete from t -- "of" it\n where id = 1');
  for (const text of ["a -- b\n", "a -- b\r", "'a -- b'", '"--"', "a /* -- */", "$$--$$", "a - -b", "a /* --"]) {
    assert.equal(sql`${sql.raw(text)};`.text, `${text};`);
  }
});

test("sql: a template grows in a loop", () => {
  let template = sql`select ${0}`;
  for (let i = 1; i < 5000; i++) template = sql`${template}, ${i}`;
  assert.match(template.text, /^select \$1, \$2, .*, \$5000$/);
  assert.equal(template.values[4999], 4999);
});

test("sql: escapes are those of any template", () => {
  assertSql(sql`select '\\d\n\u00e9' ~ ${"a"}`, "select '\\d\n\u00e9' ~ $1", ["a"]);
  assert.match(refused(() => sql`\u`), /the start of a template: a backslash/);
  assert.match(refused(() => sql`${1} \xg ${2}`), /behind interpolation 1: a backslash/);
});

test("sql: undefined, promises, functions and symbols are refused by number", () => {
  const promise = Promise.resolve("secret");
  const cases: [unknown, RegExp][] = [
    [undefined, /it must not be undefined; NULL is null$/],
    [promise, /it is a promise, which must be awaited first$/],
    [{ then: () => {} }, /it is a promise/],
    [() => "secret", /it is a function/],
    [sql, /it is a function/],
    [Symbol("secret"), /it is a symbol/],
  ];
  for (const [value, reason] of cases) {
    for (const other of [1, sql`a`]) {
      const message = refused(() => sql`select ${other}, ${value}`);
      assert.match(message, /^Cannot use interpolation 2 of a template: /);
      assert.match(message, reason);
      assert.doesNotMatch(message, /secret/);
    }
    assert.match(refused(() => sql.join([1, 2, value])), /^Cannot join item 3 of a list: /);
    assert.match(refused(() => sql.values([{ a: 1 }, { a: value }])), /^Cannot make a value of column "a" in row 2: /);
    assert.match(refused(() => sql.values([[1, value]])), /^Cannot make a value of value 2 in row 1: /);
  }
});

test("sql: called as a function it says how it is used, and quotes nothing", () => {
  const call = sql as unknown as (...given: unknown[]) => unknown;
  const given = ["select 'secret'", undefined, null, 1, {}, [], ["select 'secret'"], { raw: ["secret"] }, sql`a`];
  for (const value of given) {
    const message = refused(() => call(value));
    assert.match(message, /^Cannot make a template of .*: write sql directly before the backtick, as in sql`select/);
    assert.doesNotMatch(message, /secret/);
  }
  assert.match(refused(() => call(Object.assign(["secret"], { raw: ["secret"] }))), /of an array: write sql/);
  assert.match(refused(() => call(Object.freeze(["secret"]))), /of an array: write sql/);
});

test("sql: a tag of one's own can hand on, but not lose or add values", () => {
  const call = sql as unknown as (strings: TemplateStringsArray, ...values: unknown[]) => SqlTemplate;
  const mine = (strings: TemplateStringsArray, ...values: unknown[]): SqlTemplate => call(strings, ...values);
  assertSql(mine`select ${1}`, "select $1", [1]);
  assert.match(
    refused(() => ((strings: TemplateStringsArray, _: number) => call(strings))`a ${1}`),
    /1 inter.*0 values/,
  );
  assert.match(refused(() => ((strings: TemplateStringsArray) => call(strings, 1))`a`), /0 inter.*1 values/);
});

test("sql: the class has no constructor for callers", () => {
  const constructor = sql``.constructor as new (...given: unknown[]) => unknown;
  for (const given of [[], ["select 1", []], [["select 1"], []], [{ pieces: ["select 1"] }, []], [sql``, []]]) {
    assert.match(refused(() => new constructor(...given)), /the tag makes them/);
  }
  assert.ok(sql`` instanceof SqlTemplate);
});

test("sql: as a string and in logs it is its text, without the values", () => {
  for (const template of [sql`select ${"secret"}`, sql`select ${sql`${"secret"}`}`, sql`${sql`select `}${"secret"}`]) {
    assert.equal(String(template), "select $1");
    assert.equal(template + "", "select $1");
    assert.equal(inspect(template), "sql`select $1`");
    assert.equal(inspect({ template }), "{ template: sql`select $1` }");
    assert.doesNotMatch(JSON.stringify({ template }), /secret/);
    const custom = (template as unknown as Record<symbol, () => string>)[Symbol.for("Deno.customInspect")]!;
    assert.equal(custom.call(template), "sql`select $1`");
  }
  assert.equal(inspect(sql`select a${"secret"}`), "sql`select a$1`");
});

test("sql: a parameter that the server would not see is refused", () => {
  const name = "secret";
  const hidden: [SqlTemplate, string][] = [
    [sql`select '${name}'`, "'"],
    [sql`select * from "${name}"`, '"'],
    [sql`select * from t${name}`, "t"],
    [sql`select * from é${name}`, "é"],
    [sql`select t_${name}`, "_"],
    [sql`select 1${name}`, "1"],
    [sql`select $${name}`, "$"],
    [sql`select ${sql`a`}${name}`, "a"],
  ];
  for (const [template, character] of hidden) {
    for (const read of [() => template.text, () => String(template)]) {
      const message = refused(read);
      assert.ok(message.startsWith(`Cannot place parameter 1 right behind ${character}: `), message);
      assert.doesNotMatch(message, /secret/);
    }
  }
  assert.match(refused(() => sql`select ${1}, ${2}0`.text), /parameter 2 right before a digit/);
  assert.match(refused(() => sql`select ${1}${sql`0`}`.text), /parameter 1 right before a digit/);
  assertSql(sql`select (${1})::int4[${1}:${2}],${3}||''`, "select ($1)::int4[$2:$3],$4||''", [1, 1, 2, 3]);
});

test("sql: a parameter inside of a text, a name or a comment is refused, nested or not", () => {
  const hidden: SqlTemplate[] = [
    sql`select 'a ${1} b'`,
    sql`select E'\\' ${1} '`,
    sql`select $$ ${1} $$`,
    sql`select "a ${1} "`,
    sql`select 1 -- ${1} x`,
    sql`select /* /* */ ${1} */ 1`,
    sql`select ${sql`' `} ${1} ${sql` '`}`,
  ];
  for (const template of hidden) {
    assert.match(
      refused(() => template.text),
      /^Cannot place parameter 1 inside of a text, a quoted name or a comment/,
    );
  }
  assert.match(refused(() => sql`select ${1}, 'a ${2} b'`.text), /^Cannot place parameter 2 inside/);
  assertSql(
    sql`select 'a' || ${1} || "b" -- c
|| ${2} /* d */ || $$e$$`,
    `select 'a' || $1 || "b" -- c
|| $2 /* d */ || $$e$$`,
    [1, 2],
  );
});

test("sql: the protocol's limit of parameters", () => {
  const most = sql`select ${sql.join(new Uint8Array(65_534))}`;
  assert.match(sql`${most}, ${1}`.text, /, \$65535$/);
  const message = refused(() => sql`${most}, ${1}, ${2}`.text);
  assert.match(message, /^Cannot use 65536 parameters .* 65535; .*execBatch and copyRows.*unnest/);
});

test("sql.id: names are quoted, and joined by dots", () => {
  assertSql(sql.id("person"), '"person"');
  assertSql(sql.id("public", "Person"), '"public"."Person"');
  assertSql(sql.id("a.b", 'say "hi"', "'; --"), '"a.b"."say ""hi"""."\'; --"');
  assertSql(sql`select ${sql.id("a")} from ${sql.id("t")} where a = ${1}`, 'select "a" from "t" where a = $1', [1]);
});

test("sql.id: what is no name is refused", () => {
  const call = sql.id as (...parts: unknown[]) => unknown;
  assert.match(refused(() => call()), /no parts/);
  const cases: [unknown, RegExp][] = [
    ["", /it must not be empty/],
    ["a\0", /a NUL character/],
    ["\ud800", /a lone surrogate/],
    [undefined, /it must be a string, not undefined/],
    [null, /it must be a string, not null/],
    [["a"], /it must be a string, not object/],
    [sql`a`, /it must be a string, not object/],
    ["x".repeat(64), /it has 64 bytes in UTF-8, and must have at most 63/],
    ["é".repeat(32), /it has 64 bytes/],
  ];
  for (const [part, reason] of cases) {
    const message = refused(() => call("schema", part));
    assert.match(message, /^Cannot quote part 2 of an identifier: /);
    assert.match(message, reason);
    assert.match(refused(() => sql.values([[1, 2]], ["a", part as string])), /^Cannot quote column 2: /);
  }
  assertSql(sql.id("x".repeat(63)), `"${"x".repeat(63)}"`);
  assertSql(sql.id("🎉".repeat(15)), `"${"🎉".repeat(15)}"`);
});

test("sql.join: values and templates, of anything iterable", () => {
  assertSql(sql.join([1]), "$1", [1]);
  assertSql(sql.join([1, null, [2]]), "$1, $2, $3", [1, null, [2]]);
  assertSql(sql.join(new Set(["a", sql`now()`, "b"])), "$1, now(), $2", ["a", "b"]);
  assertSql(sql.join([sql`a = ${1}`, sql`b = ${2}`], sql` and `), "a = $1 and b = $2", [1, 2]);
  assertSql(sql.join([1, 2, 3], sql` + ${0} + `), "$1 + $2 + $3 + $4 + $5", [1, 0, 2, 0, 3]);
  assertSql(sql.join(["a", "b"].map((name) => sql.id(name)), undefined), '"a", "b"');
});

test("sql.join: an empty list, a list that is none and a separator that is a string are refused", () => {
  assert.match(refused(() => sql.join([])), /an empty list.*write = any\(\$\{array\}\)/);
  assert.match(refused(() => sql.join([1], ", " as unknown as SqlTemplate)), /with a string: .*as in sql` and `$/);
  for (const list of ["abc", null, undefined, 1, {}, Promise.resolve([1])]) {
    assert.match(refused(() => sql.join(list as Iterable<unknown>)), /^Cannot join .*: it must be an array/);
  }
});

test("sql.values: rows that are objects", () => {
  const rows = [{ name: "Ada", age: 36 }, { age: 41, name: "Alan" }];
  assertSql(sql.values(rows), '("name", "age") values ($1, $2), ($3, $4)', ["Ada", 36, "Alan", 41]);
  assertSql(sql.values(new Set(rows), ["age"]), '("age") values ($1), ($2)', [36, 41]);
  assertSql(sql.values(rows, ["age", "name"]), '("age", "name") values ($1, $2), ($3, $4)', [36, "Ada", 41, "Alan"]);
  assertSql(sql.values([{ 'a"b': null }]), '("a""b") values ($1)', [null]);
  assertSql(
    sql`insert into t ${sql.values([{ a: sql`default`, b: sql`lower(${"X"})`, c: [1] }])} returning ${1}`,
    'insert into t ("a", "b", "c") values (default, lower($1), $2) returning $3',
    ["X", [1], 1],
  );
});

test("sql.values: rows that are arrays", () => {
  assertSql(sql.values([["Ada", 36]], ["name", "age"]), '("name", "age") values ($1, $2)', ["Ada", 36]);
  assertSql(sql.values([[1, sql`now()`], [2, null]]), "values ($1, now()), ($2, $3)", [1, 2, null]);
});

test("sql.values: each row has to fit", () => {
  const cases: [Iterable<object>, readonly string[] | undefined, RegExp][] = [
    [[], undefined, /no rows/],
    [[], ["a"], /no rows/],
    [[{}], undefined, /rows without columns/],
    [[{ a: 1 }], [], /rows without columns/],
    [[[]], undefined, /row 1: it must not be an empty array/],
    [[{ a: 1, b: 2 }, { a: 1 }], undefined, /column "b" in row 2: it must not be missing or undefined; NULL is null/],
    [[{ a: undefined }], undefined, /column "a" in row 1: it must not be missing/],
    [[{ a: 1 }], ["a", "b"], /column "b" in row 1: it must not be missing/],
    [[{ a: 1 }], ["constructor"], /column "constructor" in row 1: it must not be missing/],
    [[{ a: 1 }], ["__proto__"], /column "__proto__" in row 1: it must not be missing/],
    [[{ a: 1 }, { a: 1, b: 2 }], undefined, /row 2: it has "b", which the first row does not have/],
    [[[1, 2], [1]], undefined, /row 2: it has 1 values instead of 2/],
    [[[1], [1, 2]], ["a"], /row 2: it has 2 values instead of 1/],
    // deno-lint-ignore no-sparse-arrays
    [[[1, , 3]], undefined, /value 2 in row 1: it must not be missing/],
    [[{ a: 1 }, [1]], undefined, /row 2: it must be an object as the first one is, not an array/],
    [[[1], { a: 1 }], ["a"], /row 2: it must be an array as the first one is, not an object/],
    [[{ a: 1 }, null as unknown as object], undefined, /row 2: it must be an object or an array, not null/],
    ["ab" as unknown as object[], undefined, /^Cannot make values of a string: it must be an array/],
    [{ a: 1 } as unknown as object[], undefined, /^Cannot make values of an object: it must be an array/],
    [new Set(["ab"]) as unknown as Set<object>, undefined, /row 1: it must be an object or an array, not a string/],
    [[{ a: 1 }], "a" as unknown as string[], /^Cannot set columns to a string: it must be an array of names/],
  ];
  for (const [rows, columns, reason] of cases) assert.match(refused(() => sql.values(rows, columns)), reason);
});

test("sql.values: a source that is given up is closed", () => {
  let closed = false;
  function* rows(): Generator<object> {
    try {
      yield { a: 1 };
      yield { b: 1 };
    } finally {
      closed = true;
    }
  }
  refused(() => sql.values(rows()));
  assert.ok(closed);
});

const LOOKUP = "select * from t where id = $1 and name = $2";
