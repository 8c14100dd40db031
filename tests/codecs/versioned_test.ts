import assert from "node:assert/strict";
import { array } from "../../src/codecs/array.ts";
import { BadValue } from "../../src/codecs/codec.ts";
import { versioned } from "../../src/codecs/versioned.ts";
import { decode, decodeHex, hex, readBoth, refused, sent } from "../support/values/codecs.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

/** Bodies and texts as PostgreSQL 14 and 18 send them. */
const VALUES: readonly (readonly [name: string, digits: string, text: string])[] = [
  ["jsonpath", "01 242e2261225b2a5d3f2840203e203129", '$."a"[*]?(@ > 1)'],
  ["ltree", "01", ""],
  ["ltree", "01 612e622e63", "a.b.c"],
  ["lquery", "01 612e2a7b312c327d2e62", "a.*{1,2}.b"],
  ["ltxtquery", "01 612026 20c3a9", "a & é"],
];

test("versioned types: their text from both formats", () => {
  for (const [name, digits, text] of VALUES) assert.equal(readBoth(versioned(name), hex(digits), text), text);
});

test("versioned types: a leading U+FEFF is kept", () => {
  assert.equal(decodeHex(versioned("jsonpath"), "01 efbbbf 24"), "\ufeff$");
});

test("versioned types: another version, or none, is refused", () => {
  for (const [name, digits] of VALUES) {
    for (const version of [0, 2, 0x24, 0xff]) {
      assert.equal(
        refusal(BadValue, () => decode(versioned(name), hex(digits).with(0, version))),
        `its format is not version 1 of ${name}`,
      );
    }
    refusal(BadValue, () => decodeHex(versioned(name), ""));
  }
});

test("versioned types: strings are sent as they are, in arrays too, and all else is refused", () => {
  const ltree = versioned("ltree");
  assert.equal(sent(ltree, "a.b"), "a.b");
  assert.equal(sent(array("ltree[]", ltree, 16514), ["a.b", null]), '{"a.b",NULL}');
  for (const value of [1, 1n, true, {}, ["a"], undefined]) {
    assert.match(refused(ltree, value), /was given where a string is needed$/);
  }
});
