import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { toJson } from "../../src/api/to_json.ts";
import { UsageError } from "../../src/errors.ts";
import { codec } from "../support/values/codecs.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

test("toJson: bigints are numbers while those are exact, and strings beyond", () => {
  const largest = BigInt(Number.MAX_SAFE_INTEGER);
  for (const value of [0n, -1n, largest, -largest]) assert.equal(toJson([value]), `[${value}]`);
  for (const value of [largest + 1n, -largest - 1n, 2n ** 62n, -(2n ** 63n), 10n ** 300n]) {
    assert.equal(toJson([value]), `["${value}"]`);
  }
});

test("toJson: bytea is base64 with padding", () => {
  assert.equal(
    toJson({ a: new Uint8Array(), b: Uint8Array.of(0), c: Uint8Array.of(251, 255, 254) }),
    '{"a":"","b":"AA==","c":"+//+"}',
  );
  const part = new Uint8Array(Uint8Array.of(1, 2, 3, 4).buffer, 1, 2);
  assert.equal(toJson(part), JSON.stringify(Buffer.from([2, 3]).toString("base64")));
});

test("toJson: NaN and the infinities are strings", () => {
  assert.equal(toJson([NaN, Infinity, -Infinity, 1.5, -0]), '["NaN","Infinity","-Infinity",1.5,0]');
});

test("toJson: dates and times are ISO text", () => {
  const cases: readonly (readonly [name: string, text: string, json: string])[] = [
    ["date", "2000-01-01", '"2000-01-01"'],
    ["date", "0044-03-15 BC", '"-000043-03-15"'],
    ["time", "12:34:56.7", '"12:34:56.7"'],
    ["timestamp", "2000-01-01 12:00:00", '"2000-01-01T12:00:00"'],
    ["timestamptz", "2000-01-01 12:00:00+01", '"2000-01-01T11:00:00Z"'],
    ["date", "infinity", '"Infinity"'],
  ];
  for (const [name, text, json] of cases) assert.equal(toJson(codec(name).parse(text)), json);
  assert.equal(toJson(new Date(0)), '"1970-01-01T00:00:00.000Z"');
});

test("toJson: rows as objects and as arrays, nested values and NULL included", () => {
  const rows = [{ id: 1n, tags: ["a", null], data: { deep: [2n ** 60n] } }, { id: null, tags: [], data: [] }];
  assert.equal(
    toJson(rows),
    '[{"id":1,"tags":["a",null],"data":{"deep":["1152921504606846976"]}},{"id":null,"tags":[],"data":[]}]',
  );
  assert.equal(toJson([[1, "x", true]]), '[[1,"x",true]]');
  assert.equal(toJson([]), "[]");
  assert.equal(toJson(null), "null");
});

test("toJson: it gives text for every value, also for the first of no rows", () => {
  const none = new Array<number>().at(0);
  for (const value of [none, undefined, () => 1, Symbol("a"), { toJSON: () => undefined }]) {
    assert.equal(toJson(value), "null");
    assert.equal(toJson([value]), "[null]");
    assert.equal(toJson({ value }), "{}");
  }
});

test("toJson: bigints, bytea and indentation as the options say", () => {
  const value = { id: 1n, big: 2n ** 63n, data: Uint8Array.of(1, 171) };
  assert.equal(toJson(value, { int8: "string" }), '{"id":"1","big":"9223372036854775808","data":"Aas="}');
  assert.equal(toJson(value, { int8: "number" }), '{"id":1,"big":9223372036854775808,"data":"Aas="}');
  assert.equal(
    toJson(value, { int8: "safe", bytea: "hex" }),
    '{"id":1,"big":"9223372036854775808","data":"\\\\x01ab"}',
  );
  assert.equal(toJson([1n], { indent: 2 }), "[\n  1\n]");
  assert.equal(toJson([1n], { indent: "\t" }), "[\n\t1\n]");
  assert.equal(toJson([1n], { indent: undefined, int8: undefined }), "[1]");
});

test("toJson: an unknown option or choice is refused", () => {
  assert.match(refusal(UsageError, () => toJson(1, { space: 2 } as never)), /"space": there are indent, int8, bytea$/);
  for (const options of [2, null] as never[]) {
    assert.match(refusal(UsageError, () => toJson(1, options)), /^Cannot use the options: .* such as \{ indent: 2 \}$/);
  }
  assert.match(
    refusal(UsageError, () => toJson(1, { int8: "bigint" } as never)),
    /^Cannot set int8 to "bigint": it must be one of safe, string, number$/,
  );
  assert.match(refusal(UsageError, () => toJson(1, { int8: 1n } as never)), /^Cannot set int8 to 1: it must be one of/);
  assert.match(refusal(UsageError, () => toJson(1, { bytea: "toString" } as never)), /one of base64, hex$/);
});
