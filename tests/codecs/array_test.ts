import assert from "node:assert/strict";
import { BadValue } from "../../src/codecs/codec.ts";
import { withTypedArrays } from "../../src/codecs/typed_array.ts";
import { codec, decode, decodeHex, encode, encodeHex, refused, roundTrip, sent } from "../support/values/codecs.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

const int4s = codec("int4[]");
const texts = codec("text[]");

test("arrays: values of every element type come back, with NULLs", () => {
  const instant = Temporal.Instant.from("1999-12-31T23:59:59.999999Z");
  const cases: readonly (readonly [name: string, values: unknown[]])[] = [
    ["bool[]", [true, null, false]],
    ["int2[]", [-0x8000, null, 0x7fff]],
    ["int4[]", [1, null, -1]],
    ["int8[]", [2n ** 63n - 1n, null, -(2n ** 63n)]],
    ["oid[]", [0xffff_ffff, null]],
    ["float4[]", [0.5, NaN, Infinity, null]],
    ["float8[]", [-0, 0.1, NaN, -Infinity, null]],
    ["text[]", ["a", null, ""]],
    ["varchar[]", ["a", null]],
    ["bytea[]", [Uint8Array.of(0x5c, 0x22, 0), null, new Uint8Array()]],
    ["date[]", [Temporal.PlainDate.from("-000043-03-15"), null, Infinity]],
    ["time[]", [Temporal.PlainTime.from("12:34:56.789"), null]],
    ["timestamp[]", [Temporal.PlainDateTime.from("2000-01-01T00:00:00.5"), null, -Infinity]],
    ["timestamptz[]", [instant, null]],
  ];
  for (const [name, values] of cases) {
    roundTrip(codec(name), values);
    roundTrip(codec(name), [values, values.toReversed()]);
    roundTrip(codec(name), [null]);
    roundTrip(codec(name), []);
  }
});

test("arrays: any number of dimensions up to six", () => {
  let nested: unknown = [1, null];
  for (let dimensions = 1; dimensions <= 6; dimensions++) {
    roundTrip(int4s, nested);
    nested = [nested, nested];
  }
  assert.match(refused(int4s, nested), /more than 6 dimensions/);
  roundTrip(int4s, [[[1], [2], [3]], [[4], [5], [6]]]);
});

test("arrays: dimensions, NULLs and the element type stand before the elements", () => {
  assert.equal(
    encodeHex(int4s, [7, null]),
    "00000001 00000001 00000017 00000002 00000001 00000004 00000007 ffffffff".replaceAll(" ", ""),
  );
  assert.equal(
    encodeHex(texts, [["a"], ["é"]]),
    ("00000002 00000000 00000019 00000002 00000001 00000001 00000001" + "00000001 61 00000002 c3a9").replaceAll(
      " ",
      "",
    ),
  );
});

test("arrays: an array without elements has no dimensions, however deep it is", () => {
  for (const value of [[], [[]], [[], []], [[[]], [[]]]]) {
    roundTrip(int4s, value, []);
    assert.equal(encodeHex(int4s, value), "000000000000000000000017");
    assert.equal(int4s.text(value), "{}");
  }
});

test("arrays: lower bounds are dropped", () => {
  const header = "00000001 00000000 00000017 00000002";
  for (const bound of ["00000000", "00000001", "fffffff0", "7ffffff0"]) {
    assert.deepEqual(decodeHex(int4s, `${header} ${bound} 00000004 00000001 00000004 00000002`), [1, 2]);
  }
});

test("arrays: text elements need no escape from quotes, braces, backslashes and the word NULL", () => {
  roundTrip(texts, HOSTILE);
  roundTrip(texts, [HOSTILE, HOSTILE.toReversed()]);
  for (const text of HOSTILE) roundTrip(texts, [text, null, text]);
});

test("arrays: strings for types that are not text make the whole array text", () => {
  assert.equal(encode(int4s, [1, "2"]), undefined);
  assert.equal(sent(int4s, [1, "2", null]), '{"1","2",NULL}');
  assert.equal(sent(codec("bool[]"), [["t"], [false]]), '{{"t"},{"f"}}');
  assert.equal(sent(codec("bytea[]"), [Uint8Array.of(1), 'a"'])!, '{"\\\\x01","a\\""}');
  assert.equal(sent(codec("numeric[]"), [1, "2.50", 3n]), '{"1","2.50","3"}');
  assert.equal(sent(codec("uuid[]"), ["a", null]), '{"a",NULL}');
  assert.equal(encodeHex(texts, ["a", 1])!.slice(-20), "00000001610000000131");
});

test("arrays: a string is the text of the whole array", () => {
  assert.equal(sent(int4s, "[2:3]={1,2}"), "[2:3]={1,2}");
});

test("arrays: arrays of different length or depth inside are refused", () => {
  for (const value of [[[1], [2, 3]], [[1], 2], [1, [2]], [[1], []], [[1], null], [[[1]], [2]], [[], [[]]]]) {
    assert.match(refused(int4s, value), /differ in length or depth/);
  }
});

test("arrays: an array inside itself is refused", () => {
  const endless: unknown[] = [];
  endless.push(endless);
  assert.match(refused(int4s, endless), /more than 6 dimensions/);
  const partly: unknown[] = [1];
  partly.push(partly);
  assert.match(refused(int4s, partly), /differ in length or depth/);
});

test("arrays: what an element's type refuses is refused with its words", () => {
  assert.match(refused(int4s, [1, 2 ** 31]), /^the number is out of range/);
  assert.match(refused(int4s, [1, undefined]), /^undefined was given where a number/);
  assert.match(refused(int4s, [[1], [{}]]), /^an object was given where a number/);
  assert.match(refusal(BadValue, () => sent(texts, ["a\0"])), /^the text contains a NUL/);
  assert.match(refusal(BadValue, () => sent(int4s, ["\ud800"])), /lone surrogate/);
});

test("arrays: what is no array is refused", () => {
  for (const value of [1, true, {}, new Set([1]), new Uint8Array(1), { length: 0 }, undefined]) {
    assert.match(refused(int4s, value), /was given where an array is needed$/);
  }
});

test("arrays: elements of another type are refused", () => {
  const bytes = encode(int4s, [1])!;
  assert.match(refusal(BadValue, () => decode(codec("oid[]"), bytes)), /type 23 instead of 26/);
  assert.match(refusal(BadValue, () => decode(codec("oid[]"), encode(int4s, [])!)), /type 23 instead of 26/);
});

test("arrays: elements of another type are refused for typed arrays too, whatever their size", () => {
  const typed = withTypedArrays(int4s, "int4", 23);
  assert.deepEqual(decode(typed, encode(int4s, [1, -2])!), new Int32Array([1, -2]));
  for (const type of ["oid[]", "float4[]"]) {
    assert.match(refusal(BadValue, () => decode(typed, encode(codec(type), [1])!)), /type \d+ instead of 23/);
  }
});

test("arrays: false counts are refused at once, whatever they claim", () => {
  const element = "00000004 00000001";
  const claims: readonly (readonly [digits: string, complaint: RegExp])[] = [
    ["", /shorter than an array's header/],
    ["00000000 00000000 000000", /shorter than an array's header/],
    ["00000007 00000000 00000017" + "00000001 00000001".repeat(7) + element, /7 dimensions/],
    ["ffffffff 00000000 00000017", /-1 dimensions/],
    ["00000000 00000000 00000017 00", /empty array/],
    ["00000001 00000000 00000017", /dimensions are cut short/],
    ["00000002 00000000 00000017 00000001 00000001 000000", /dimensions are cut short/],
    ["00000001 00000000 00000017 00000000 00000001", /dimension 1 has 0 elements/],
    ["00000001 00000000 00000017 ffffffff 00000001" + element, /dimension 1 has -1 elements/],
    ["00000001 00000000 00000017 00000002 00000001" + element, /fewer elements/],
    ["00000001 00000000 00000017 7fffffff 00000001" + element, /fewer elements/],
    ["00000006 00000000 00000017" + "7fffffff 00000001".repeat(6) + element, /fewer elements/],
    ["00000001 00000000 00000017 00000001 00000001" + element + element, /^8 bytes are left over/],
    ["00000001 00000000 00000017 00000001 00000001 fffffffe", /length is wrong/],
    ["00000001 00000000 00000017 00000001 00000001 7fffffff 00", /length is wrong/],
    ["00000001 00000000 00000017 00000001 00000001 00000005 00000001", /length is wrong/],
    ["00000001 00000000 00000017 00000001 00000001 00000003 000001", /3 bytes instead of 4/],
  ];
  for (const [digits, complaint] of claims) {
    assert.match(refusal(BadValue, () => decodeHex(int4s, digits)), complaint);
  }
});

test("arrays: 20000 elements come back", () => {
  const values = Array.from({ length: 20_000 }, (_, i) => i % 7 === 0 ? null : i);
  assert.deepEqual(decode(int4s, encode(int4s, values)!), values);
  assert.deepEqual(int4s.parse(int4s.text(values)), values);
});

const HOSTILE = [
  "",
  " ",
  "NULL",
  "null",
  '"',
  '""',
  "\\",
  '\\"',
  "\\\\",
  "{",
  "}",
  "{}",
  ",",
  ";",
  "a,b",
  "\n\t",
  "🎉",
  '{"a":[1]}',
  "é\u2028",
];
