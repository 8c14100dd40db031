import assert from "node:assert/strict";
import { canCompile, HOSTILE_NAMES } from "../support/values/row_report.ts";
import { codec, encode, hex, oidOf, shown } from "../support/values/codecs.ts";
import { bodyOf, readerOf, warmReaderOf } from "../support/values/rows.ts";
import { test } from "../support/suite/test.ts";

const INT4 = oidOf("int4");
const TEXT = oidOf("text");

/** The row as both kinds of reader give it: deeply equal, and with its members in the same order. */
function readBothWays(...parts: Parameters<typeof readerOf>): (body: Uint8Array) => unknown {
  return (body) => {
    const row = readerOf(...parts)(body);
    const compiled = warmReaderOf(...parts)(body);
    assert.deepEqual(shown(compiled), shown(row));
    assert.deepEqual(Reflect.ownKeys(compiled as object), Reflect.ownKeys(row as object));
    assert.deepEqual(Object.getOwnPropertyDescriptors(compiled), Object.getOwnPropertyDescriptors(row));
    assert.equal(Object.getPrototypeOf(compiled), Object.getPrototypeOf(row));
    return row;
  };
}

test("rows: a reader compiles itself after 64 rows, and then asks for no column's format again", () => {
  assert.ok(canCompile());
  let asked = 0;
  const formats = new Proxy([0], {
    get(target, key, receiver) {
      if (key === "0") asked += 1;
      return Reflect.get(target, key, receiver);
    },
  });
  const read = readerOf([["a", INT4]], { formats });
  const counts: number[] = [];
  for (let i = 1; i <= 300; i++) {
    assert.deepEqual(read(bodyOf([String(i)])), { a: i });
    counts.push(asked);
  }
  assert.deepEqual([counts[0], counts[62], counts[63], counts[299]], [1, 63, 64, 64]);
});

test("rows: a reader of more than 100 columns does not compile itself, of up to 65535", () => {
  for (const [count, compiles] of [[100, true], [101, false], [0xffff, false]] as const) {
    let asked = 0;
    const formats = new Proxy(new Array(count).fill(0), {
      get(target, key, receiver) {
        if (key === "0") asked += 1;
        return Reflect.get(target, key, receiver);
      },
    });
    const read = readerOf(Array.from({ length: count }, (_, i) => [`c${i}`, INT4]), { formats, shape: "array" });
    const body = bodyOf(["7", ...new Array(count - 1).fill(null)]);
    for (let i = 0; i < 66; i++) assert.deepEqual((read(body) as unknown[])[0], 7);
    assert.equal(asked, compiles ? 64 : 66, `${count} columns`);
  }
});

test("rows: objects by column name, in the order of the columns", () => {
  const read = readBothWays([["b", INT4], ["a", TEXT], ["c", oidOf("bool")]]);
  const row = read(bodyOf(["1", "x", null]));
  assert.deepEqual(row, { b: 1, a: "x", c: null });
  assert.deepEqual(Object.keys(row as object), ["b", "a", "c"]);
  assert.equal(Object.getPrototypeOf(row), Object.prototype);
});

test("rows: arrays", () => {
  const read = readBothWays([["a", INT4], ["a", TEXT], ["", INT4]], { shape: "array" });
  assert.deepEqual(read(bodyOf(["1", "", null])), [1, "", null]);
});

test("rows: text and binary columns beside each other", () => {
  const columns = [["a", INT4], ["b", INT4], ["c", oidOf("timestamptz")], ["d", oidOf("int4[]")]] as const;
  const instant = Temporal.Instant.from("2024-07-01T12:00:00.5Z");
  const cells = ["7", encode(codec("int4"), -7)!, encode(codec("timestamptz"), instant)!, "{1,NULL}"];
  const row = readBothWays(columns, { formats: [0, 1, 1, 0] })(bodyOf(cells));
  assert.deepEqual(Object.values(row as object).map(shown), [7, -7, `Instant ${instant}`, [1, null]]);
});

test("rows: no columns", () => {
  assert.deepEqual(readBothWays([])(bodyOf([])), {});
  assert.deepEqual(readBothWays([], { shape: "array" })(bodyOf([])), []);
});

test("rows: an empty value is no NULL", () => {
  assert.deepEqual(readBothWays([["a", TEXT], ["b", TEXT]])(bodyOf(["", null])), { a: "", b: null });
});

test("rows: every name is an own member, whatever it means elsewhere", () => {
  const read = readBothWays(HOSTILE_NAMES.map((name) => [name, INT4]));
  const row = read(bodyOf(HOSTILE_NAMES.map((_, i) => String(i)))) as Record<string, unknown>;
  HOSTILE_NAMES.forEach((name, i) => {
    assert.ok(Object.hasOwn(row, name), JSON.stringify(name));
    assert.equal(Object.getOwnPropertyDescriptor(row, name)?.value, i);
  });
  assert.equal(Object.keys(row).length, HOSTILE_NAMES.length);
  assert.equal(Object.getPrototypeOf(row), Object.prototype);
});

test("rows: each hostile name alone", () => {
  for (const name of HOSTILE_NAMES) {
    const row = readBothWays([[name, TEXT]])(bodyOf(["x"]));
    assert.deepEqual(Object.entries(row as object), [[name, "x"]]);
  }
});

test("rows: a column named __proto__ leaves the prototype alone, whatever its value", () => {
  for (const text of ["null", '{"polluted":true}', "[]"]) {
    const row = readBothWays([["__proto__", oidOf("json")], ["a", INT4]])(bodyOf([text, "1"])) as object;
    assert.equal(Object.getPrototypeOf(row), Object.prototype);
    assert.ok(!("polluted" in row));
    assert.deepEqual(Object.entries(row), [["__proto__", JSON.parse(text)], ["a", 1]]);
  }
});

test("rows: of equal names the last wins, at the place of the first", () => {
  const read = readBothWays([["a", INT4], ["b", INT4], ["a", TEXT], ["__proto__", INT4], ["b", TEXT], [
    "__proto__",
    TEXT,
  ]]);
  const row = read(bodyOf(["1", "2", "three", "4", null, "six"]));
  assert.deepEqual(Object.entries(row as object), [["a", "three"], ["b", null], ["__proto__", "six"]]);
});

test("rows: integer-like names come first, as in any object", () => {
  const row = readBothWays([["b", INT4], ["10", INT4], ["2", INT4]])(bodyOf(["1", "2", "3"]));
  assert.deepEqual(Object.entries(row as object), [["2", 3], ["10", 2], ["b", 1]]);
});

test("rows: 1664 columns, the most that a server can send", () => {
  const columns = Array.from({ length: 1664 }, (_, i) => [`c${i}`, INT4] as const);
  const row = readBothWays(columns)(bodyOf(columns.map((_, i) => String(i)))) as Record<string, unknown>;
  assert.equal(Object.keys(row).length, 1664);
  assert.equal(row["c1663"], 1663);
});

test("rows: every row is a new one, and keeps nothing of the bytes", () => {
  for (const make of [readerOf, warmReaderOf]) {
    const read = make([["a", oidOf("bytea")]], { formats: [1] });
    const body = bodyOf([hex("0102")]);
    const first = read(body) as Record<string, Uint8Array>;
    body.fill(0xff, 6);
    const second = read(body) as Record<string, Uint8Array>;
    assert.notEqual(first, second);
    assert.deepEqual([first["a"], second["a"]], [Uint8Array.of(1, 2), Uint8Array.of(0xff, 0xff)]);
  }
});

test("rows: readers with the same columns and other choices do not share code", () => {
  const bigints = warmReaderOf([["n", oidOf("int8")]]);
  const numbers = warmReaderOf([["n", oidOf("int8")]], { choices: { int8: "number" } });
  assert.deepEqual([bigints(bodyOf(["7"])), numbers(bodyOf(["7"]))], [{ n: 7n }, { n: 7 }]);
});
