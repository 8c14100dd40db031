import assert from "node:assert/strict";
import { BadValue } from "../../src/types/codec.ts";
import { Json, Jsonb } from "../../src/types/json.ts";
import { codec, decode, decodeHex, encode, refused, roundTrip, sent } from "../support/codecs.ts";
import { refusal } from "../support/refusal.ts";
import { test } from "../support/test.ts";

const NAMES = ["json", "jsonb"] as const;

/** The binary format of a JSON text. */
function body(name: (typeof NAMES)[number], text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  return name === "json" ? bytes : Uint8Array.of(1, ...bytes);
}

test("json: values come back in both formats", () => {
  for (const name of NAMES) {
    for (const value of VALUES) roundTrip(codec(name), value);
  }
});

test("jsonb: a version byte stands before the text", () => {
  assert.deepEqual(encode(codec("jsonb"), [1]), body("jsonb", "[1]"));
  for (const digits of ["", "02 5b5d", "00 5b5d", "5b5d"]) {
    assert.match(refusal(BadValue, () => decodeHex(codec("jsonb"), digits)), /version 1/);
  }
});

test("json: a member named __proto__ is a member", () => {
  for (const name of NAMES) {
    const value = decode(codec(name), body(name, '{"__proto__":1}'));
    assert.deepEqual(Object.entries(value as object), [["__proto__", 1]]);
  }
});

test("json as string: the text as it is", () => {
  for (const name of NAMES) {
    const chosen = codec(name, { json: "string" });
    for (const text of ["null", ' { "a" : 1.0 } ', "not JSON"]) {
      assert.equal(chosen.parse(text), text);
      assert.equal(decode(chosen, body(name, text)), text);
    }
  }
});

test("json as function: it gets the same text from both formats, and nothing else", () => {
  for (const name of NAMES) {
    const chosen = codec(name, { json: (...parts: unknown[]) => parts });
    assert.deepEqual(chosen.parse("[1.0]"), ["[1.0]"]);
    assert.deepEqual(decode(chosen, body(name, "[1.0]")), ["[1.0]"]);
  }
});

test("json: text that is no JSON is refused without quoting it", () => {
  for (const name of NAMES) {
    for (const text of ["", "secret", "{secret", "[1,]", "NaN"]) {
      assert.equal(refusal(BadValue, () => codec(name).parse(text)), "it is not JSON");
      assert.equal(refusal(BadValue, () => decode(codec(name), body(name, text))), "it is not JSON");
    }
  }
});

test("json: a string parameter is JSON text, and is sent as it is", () => {
  for (const name of NAMES) assert.equal(sent(codec(name), '{"a": 1}'), '{"a": 1}');
});

test("json[]: strings among values are JSON text, and leave the array binary", () => {
  for (const name of NAMES) {
    const bytes = encode(codec(`${name}[]`), ['{"a": 1}', 2])!;
    assert.deepEqual(decode(codec(`${name}[]`, { json: "string" }), bytes), ['{"a": 1}', "2"]);
  }
});

test("json: Json and Jsonb stringify whatever they hold, for both types", () => {
  for (const name of NAMES) {
    for (const wrap of [Json, Jsonb]) {
      for (const value of ["text", "", null, 1, true, [1, "2"], { a: null }]) {
        assert.deepEqual(encode(codec(name), wrap(value)), body(name, JSON.stringify(value)));
        assert.equal(codec(name).text(wrap(value)), JSON.stringify(value));
      }
    }
  }
});

test("json: toJSON of an object is heeded", () => {
  for (const name of NAMES) {
    roundTrip(codec(name), { at: new Date(0) }, { at: "1970-01-01T00:00:00.000Z" });
    roundTrip(codec(name), [{ toJSON: () => 7 }], [7]);
  }
});

test("json: bigint, NaN, an infinity, undefined, functions and symbols inside are refused at any depth", () => {
  for (const name of NAMES) {
    for (
      const part of [1n, NaN, Infinity, -Infinity, undefined, () => 1, Symbol("secret"), { toJSON: () => undefined }]
    ) {
      for (const value of [part, [part], { a: [{ b: part }] }, Json(part), Jsonb({ a: part })]) {
        const message = refused(codec(name), value);
        assert.match(message, /inside has no JSON form$/);
        assert.doesNotMatch(message, /secret/);
      }
    }
  }
});

test("json: a NUL or a lone surrogate inside a value is escaped, not refused", () => {
  assert.equal(codec("json").text(["\0", "\ud800"]), '["\\u0000","\\ud800"]');
});

test("json[]: inner arrays are values, not dimensions", () => {
  for (const name of NAMES) {
    for (const value of [[[1, 2], [3]], [[]], [[], [[]]], [{ a: [1] }, null], []]) roundTrip(codec(`${name}[]`), value);
    roundTrip(codec(`${name}[]`), [Json(null), null, '"text"', Json("text")], [null, null, "text", "text"]);
  }
});

const VALUES = [
  null,
  true,
  false,
  0,
  -1.5,
  1e300,
  [],
  {},
  [[]],
  [null, "a", { b: [1, { c: '\u2028"\\\n🎉' }] }],
  { "": 0, "10": 1, "2": 2, a: null },
  { long: "x".repeat(100_000) },
];
