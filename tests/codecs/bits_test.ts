import assert from "node:assert/strict";
import { array } from "../../src/codecs/array.ts";
import { bit, varbit } from "../../src/codecs/bits.ts";
import { BadValue } from "../../src/codecs/codec.ts";
import { decode, decodeHex, encode, hex, oidOf, readBoth, refused, sent } from "../support/values/codecs.ts";
import { Random } from "../support/suite/random.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

const TYPES = [bit, varbit];

/** A bit string as the server sends it. */
function body(bits: string): Uint8Array {
  const bytes = bits.match(/.{1,8}/g) ?? [];
  const count = bits.length.toString(16).padStart(8, "0");
  return Uint8Array.of(...hex(count), ...bytes.map((byte) => Number.parseInt(byte.padEnd(8, "0"), 2)));
}

test("bit strings: zeros and ones, the first in the highest place of the first byte", () => {
  for (const codec of TYPES) {
    assert.equal(readBoth(codec, hex("00000003 a0"), "101"), "101");
    assert.equal(readBoth(codec, hex("0000000b b560"), "10110101011"), "10110101011");
    assert.equal(readBoth(codec, hex("00000008 00"), "00000000"), "00000000");
    assert.equal(readBoth(codec, hex("00000008 01"), "00000001"), "00000001");
    assert.equal(readBoth(codec, hex("00000009 ff80"), "111111111"), "111111111");
  }
});

test("bit strings: the empty one", () => {
  for (const codec of TYPES) assert.equal(readBoth(codec, hex("00000000"), ""), "");
});

test("bit strings: every length up to 300, and a long one", () => {
  const random = new Random(1560);
  for (const length of [...Array(301).keys(), 1_000_003]) {
    let bits = "";
    for (let i = 0; i < length; i++) bits += random.below(2);
    assert.equal(readBoth(varbit, body(bits), bits), bits);
  }
});

test("bit strings: what stands behind the last bit is not part of the value", () => {
  assert.equal(decodeHex(varbit, "00000003 bf"), "101");
  assert.equal(decodeHex(varbit, "00000009 ffff"), "111111111");
});

test("bit strings: a body cut short anywhere, or with bytes behind it, is refused", () => {
  for (const codec of TYPES) {
    for (const bits of ["", "1", "10101010", "101010101"]) {
      const whole = body(bits);
      for (let length = 0; length < whole.length; length++) {
        refusal(BadValue, () => decode(codec, whole.slice(0, length)));
      }
      refusal(BadValue, () => decode(codec, Uint8Array.of(...whole, 0)));
    }
  }
});

test("bit strings: a count that is not that of the bytes is refused at once", () => {
  const claims: readonly (readonly [digits: string, complaint: string])[] = [
    ["", "it is shorter than a bit string's header"],
    ["000000", "it is shorter than a bit string's header"],
    ["00000000 00", "it has 1 bytes instead of 0"],
    ["00000008", "it has 0 bytes instead of 1"],
    ["00000009 ff", "it has 1 bytes instead of 2"],
    ["00000008 ffff", "it has 2 bytes instead of 1"],
    ["1fffffe8 ff", "it has 1 bytes instead of 67108861"],
    ["1fffffe9 ff", "it has 536870889 bits, more than a string can have characters"],
    ["ffffffff ff", "it has 4294967295 bits, more than a string can have characters"],
  ];
  for (const codec of TYPES) {
    for (const [digits, complaint] of claims) {
      assert.equal(refusal(BadValue, () => decodeHex(codec, digits)), complaint);
    }
  }
});

test("bit strings: other text is refused, and the message has no content", () => {
  for (const codec of TYPES) {
    for (const text of ["secret", "012", "01 ", "01\n", "0x1", "B'1'"]) {
      assert.equal(refusal(BadValue, () => codec.parse(text)), `it is not the text of ${codec.name}`);
    }
  }
});

test("bit strings: strings are the only parameters, and are sent as they are", () => {
  for (const codec of TYPES) {
    assert.equal(sent(codec, "0101"), "0101");
    for (const value of [5, 5n, true, {}, [0, 1], new Uint8Array(1), undefined]) {
      assert.equal(encode(codec, value), undefined);
      assert.match(refused(codec, value), /was given where a string is needed$/);
    }
  }
});

test("bit strings: arrays come in both formats and are sent as text", () => {
  const varbits = array("varbit[]", varbit, oidOf("varbit"));
  const digits = "00000001 00000001 0000061a 00000003 00000001 00000005 00000003a0 ffffffff 00000004 00000000";
  assert.deepEqual(readBoth(varbits, hex(digits), '{101,NULL,""}'), ["101", null, ""]);
  assert.equal(sent(varbits, ["101", null, ""]), '{"101",NULL,""}');
});
