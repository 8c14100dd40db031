import assert from "node:assert/strict";
import { array } from "../../src/codecs/array.ts";
import { BadValue } from "../../src/codecs/codec.ts";
import { hstore } from "../../src/codecs/hstore.ts";
import {
  decode,
  decodeHex,
  encode,
  encodeHex,
  hex,
  readBoth,
  refused,
  roundTrip,
  sent,
} from "../support/values/codecs.ts";
import { Random } from "../support/suite/random.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

/** The server's own of `b=>1, aa=>NULL, __proto__=>"x\"y\\z", 1=>""`. */
const BODY = hex(
  "00000004 00000001 31 00000000 00000001 62 00000001 31 00000002 6161 ffffffff" +
    "00000009 5f5f70726f746f5f5f 00000005 7822795c7a",
);
const TEXT = String.raw`"1"=>"", "b"=>"1", "aa"=>NULL, "__proto__"=>"x\"y\\z"`;

test("hstore: an object of strings and nulls from both formats", () => {
  const value = readBoth(hstore, BODY, TEXT) as Record<string, string | null>;
  assert.deepEqual(Object.entries(value), [["1", ""], ["b", "1"], ["aa", null], ["__proto__", 'x"y\\z']]);
  assert.deepEqual(readBoth(hstore, hex("00000000"), ""), {});
});

test("hstore: it is an ordinary object, whatever its keys are", () => {
  for (const value of [decode(hstore, BODY), hstore.parse(TEXT)]) {
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
    const property = { value: 'x"y\\z', writable: true, enumerable: true, configurable: true };
    assert.deepEqual(Object.getOwnPropertyDescriptor(value, "__proto__"), property);
  }
  roundTrip(hstore, { constructor: "a", toString: null, hasOwnProperty: "b" });
});

test("hstore: the order of keys is the server's", () => {
  const body = hex("00000003 00000001 7a ffffffff 00000002 6161 ffffffff 00000002 6262 ffffffff");
  assert.deepEqual(Object.keys(readBoth(hstore, body, '"z"=>NULL, "aa"=>NULL, "bb"=>NULL') as object), [
    "z",
    "aa",
    "bb",
  ]);
});

test("hstore: every text comes back", () => {
  for (const text of TEXTS) {
    roundTrip(hstore, { [text]: text });
    roundTrip(hstore, { [text]: null, other: text });
  }
  roundTrip(hstore, Object.fromEntries(TEXTS.map((text, i) => [text, i % 2 ? null : text])));
});

test("hstore: objects and Maps are sent alike, numbers, bigints and booleans as text", () => {
  const pairs: [string, unknown][] = [["a", 1.5], ["b", 7n], ["c", true], ["d", null], ["__proto__", "x"]];
  const expected = new Map(pairs.map(([key, value]) => [key, value === null ? null : String(value)]));
  for (const value of [new Map(pairs), Object.fromEntries(pairs), Object.assign(Object.create(null), { a: "1" })]) {
    const same = value instanceof Map || "b" in value ? Object.fromEntries(expected) : { a: "1" };
    roundTrip(hstore, value, same);
  }
  assert.equal(encodeHex(hstore, new Map([["a", 1]])), "000000010000000161" + "0000000131");
  assert.equal(hstore.text({ a: 1, b: null }), '"a"=>"1", "b"=>NULL');
  assert.equal(encodeHex(hstore, {}), "00000000");
  assert.equal(hstore.text(new Map()), "");
  assert.equal(sent(hstore, "a=>1"), "a=>1");
});

test("hstore: arrays of it", () => {
  const hstores = array("hstore[]", hstore, 16386);
  roundTrip(hstores, [{ 'a"b': "c,d" }, null, {}]);
  roundTrip(hstores, [[{ a: null }], [{ "{}": "\\" }]]);
  assert.equal(encode(hstores, [{ a: "1" }, "a=>1"]), undefined);
});

test("hstore: other objects, and other kinds of keys and values, are refused", () => {
  class Pairs {
    readonly a = "1";
  }
  for (const value of [[], [["a", "b"]], new Date(0), new Set(["a"]), new Pairs(), 1, true, undefined, () => 1]) {
    assert.match(refused(hstore, value), /was given where an object, a Map or a string is needed$/);
  }
  assert.equal(refused(hstore, new Map([[1, "a"]])), "a number was given where a string as a key is needed");
  for (
    const [item, kind] of [[undefined, "undefined"], [{}, "an object"], [["a"], "an array"], [Symbol("x"), "a symbol"]]
  ) {
    assert.equal(
      refused(hstore, { a: "1", b: item }),
      `${String(kind)} was given where a string or null as a key's value is needed`,
    );
  }
  for (const value of [{ a: "x\0" }, { "x\0": "a" }]) assert.match(refused(hstore, value), /^the text contains a NUL/);
  for (const value of [{ a: "\ud800" }, { "\udc00": null }]) assert.match(refused(hstore, value), /lone surrogate/);
});

test("hstore: a body cut short anywhere, or with bytes behind it, is refused", () => {
  for (let length = 0; length < BODY.length; length++) refusal(BadValue, () => decode(hstore, BODY.slice(0, length)));
  assert.equal(refusal(BadValue, () => decode(hstore, Uint8Array.of(...BODY, 0))), "1 bytes are left over");
  assert.equal(refusal(BadValue, () => decodeHex(hstore, "00000000 00000000")), "4 bytes are left over");
});

test("hstore: false counts and lengths, and a key that comes twice, are refused", () => {
  for (
    const [digits, message] of [
      ["ffffffff", "it claims -1 pairs"],
      ["7fffffff", "it is cut short"],
      ["00000001 00000002 61 ffffffff", "a key's length is wrong"],
      ["00000001 ffffffff 61 ffffffff", "a key's length is wrong"],
      ["00000001 7fffffff 61 ffffffff", "a key's length is wrong"],
      ["00000001 00000001 61 fffffffe", "a value's length is wrong"],
      ["00000001 00000001 61 00000001", "a value's length is wrong"],
      ["00000002 00000001 61 ffffffff 00000001 61 ffffffff", "it has a key twice"],
    ] as const
  ) {
    assert.equal(refusal(BadValue, () => decodeHex(hstore, digits)), message);
  }
  assert.equal(refusal(BadValue, () => hstore.parse('"a"=>"1", "a"=>"1"')), "it has a key twice");
});

test("hstore: text that the server does not print is refused", () => {
  for (
    const text of [
      "a=>1",
      '"a"',
      '"a"=>',
      '"a"=>null',
      '"a"=>NULLS',
      '"a"=>"1',
      '"a"=>"1\\',
      '"a" => "1"',
      '"a"=>"1","b"=>"2"',
      '"a"=>"1", ',
      '"a"=>"1" ',
      ' "a"=>"1"',
      " ",
    ]
  ) {
    assert.match(refusal(BadValue, () => hstore.parse(text)), /^it is not the text of an hstore \(at character \d+\)$/);
  }
});

test("hstore: any other byte anywhere gives a value or a complaint", () => {
  const random = new Random(12);
  for (let i = 0; i < 3000; i++) {
    const body = BODY.with(random.below(BODY.length), random.below(256));
    try {
      assert.equal(typeof decode(hstore, body), "object");
    } catch (error) {
      assert.ok(error instanceof BadValue, `${[...body]}: ${error}`);
    }
  }
});

const TEXTS = [
  "",
  " ",
  "NULL",
  "a",
  '"',
  "\\",
  '\\"',
  "a=>b",
  ", ",
  "'",
  "\ufeffmark",
  "\n",
  "é",
  "🎉",
  "x".repeat(1000),
];
