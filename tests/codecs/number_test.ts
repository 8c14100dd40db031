import assert from "node:assert/strict";
import { BadValue } from "../../src/codecs/codec.ts";
import { codec, decodeHex, encodeHex, refused, roundTrip } from "../support/values/codecs.ts";
import { Random } from "../support/suite/random.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

test("bool: both values come back, in one byte and as t and f", () => {
  const bool = codec("bool");
  roundTrip(bool, true);
  roundTrip(bool, false);
  assert.deepEqual([encodeHex(bool, true), encodeHex(bool, false)], ["01", "00"]);
  assert.deepEqual([bool.text(true), bool.text(false)], ["t", "f"]);
});

test("bool: only t and f are its text", () => {
  for (const text of ["", "true", "T", "0", "tt"]) refusal(BadValue, () => codec("bool").parse(text));
});

test("bool: what is only true-ish is refused", () => {
  for (const value of [0, 1, 1n, null, undefined, {}, [], Symbol("x")]) refused(codec("bool"), value);
});

test("integers: both ends of each type come back", () => {
  for (const [name, min, max] of ENDS) {
    for (const value of [min, min + 1, 0, 1, max - 1, max]) roundTrip(codec(name), value);
  }
});

test("integers: bigints and numbers are the same parameter", () => {
  for (const [name, min, max] of ENDS) {
    for (const value of [min, max]) {
      assert.equal(encodeHex(codec(name), BigInt(value)), encodeHex(codec(name), value));
      assert.equal(codec(name).text(BigInt(value)), String(value));
    }
  }
});

test("integers: one beyond either end is refused, and the message gives the ends", () => {
  for (const [name, min, max] of ENDS) {
    for (const value of [min - 1, max + 1]) {
      assert.equal(refused(codec(name), value), `the number is out of range: ${min} to ${max}`);
      assert.equal(refused(codec(name), BigInt(value)), `the bigint is out of range: ${min} to ${max}`);
    }
    assert.match(refused(codec(name), 2n ** 64n), /^the bigint is out of range/);
  }
});

test("integers: fractions, NaN and the infinities are refused", () => {
  for (const name of ["int2", "int4", "oid", "int8"]) {
    for (const value of [0.5, -1.5, NaN, Infinity, -Infinity]) {
      assert.match(refused(codec(name), value), /must be an integer/);
    }
  }
});

test("integers: a negative zero is zero", () => {
  for (const name of ["int2", "int4", "oid"]) {
    assert.equal(codec(name).text(-0), "0");
    assert.match(encodeHex(codec(name), -0)!, /^0+$/);
  }
  roundTrip(codec("int8"), -0, 0n);
});

test("integers: bytes are big-endian two's complement", () => {
  assert.equal(encodeHex(codec("int2"), -2), "fffe");
  assert.equal(encodeHex(codec("int4"), 0x0102_0304), "01020304");
  assert.equal(encodeHex(codec("oid"), 0xffff_fffe), "fffffffe");
  assert.equal(encodeHex(codec("int8"), -2), "fffffffffffffffe");
  assert.equal(decodeHex(codec("int2"), "8000"), -0x8000);
  assert.equal(decodeHex(codec("oid"), "80000000"), 0x8000_0000);
});

test("int8: bigints, both ends of the type included", () => {
  for (const value of [-(2n ** 63n), -(2n ** 53n) - 1n, -1n, 0n, 1n, 2n ** 53n + 1n, 2n ** 63n - 1n]) {
    roundTrip(codec("int8"), value);
  }
  for (const value of [-(2n ** 63n) - 1n, 2n ** 63n]) {
    assert.equal(refused(codec("int8"), value), "the bigint is out of range: -2^63 to 2^63-1");
  }
});

test("int8: numbers are taken while they are exact", () => {
  roundTrip(codec("int8"), Number.MAX_SAFE_INTEGER, 2n ** 53n - 1n);
  roundTrip(codec("int8"), Number.MIN_SAFE_INTEGER, 1n - 2n ** 53n);
  for (const value of [2 ** 53, -(2 ** 53), 2 ** 63]) assert.match(refused(codec("int8"), value), /give a bigint/);
});

test("int8 as number: the last exact numbers come back, the next are refused in both formats", () => {
  const int8 = codec("int8", { int8: "number" });
  for (const value of [Number.MIN_SAFE_INTEGER, -1, 0, Number.MAX_SAFE_INTEGER]) roundTrip(int8, value);
  for (const value of [2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)]) {
    const binary = BigInt.asUintN(64, value).toString(16).padStart(16, "0");
    assert.match(refusal(BadValue, () => decodeHex(int8, binary)), /choose int8 as bigint/);
    assert.match(refusal(BadValue, () => int8.parse(String(value))), /choose int8 as bigint/);
  }
});

test("int8 as number: bigints are parameters all the same", () => {
  assert.equal(encodeHex(codec("int8", { int8: "number" }), 2n ** 63n - 1n), "7fffffffffffffff");
});

test("floats: a negative zero, NaN, the infinities and the smallest and largest values come back", () => {
  const common = [0, 1.5, -1.5, NaN, Infinity, -Infinity];
  for (const value of [...common, -0, Number.MAX_VALUE, -Number.MAX_VALUE, Number.MIN_VALUE, 0.1, 1e21, 1e-7]) {
    roundTrip(codec("float8"), value);
  }
  const [largest, smallest] = [(2 - 2 ** -23) * 2 ** 127, 2 ** -149];
  for (const value of [...common, largest, -largest, smallest, 2 ** 70]) roundTrip(codec("float4"), value);
  assert.equal(encodeHex(codec("float4"), -0), "80000000");
});

test("floats: random bit patterns come back", () => {
  const random = new Random(4711);
  for (let i = 0; i < 800; i++) {
    const bytes = new DataView(random.bytes(8).buffer);
    roundTrip(codec("float8"), bytes.getFloat64(0));
    roundTrip(codec("float4"), bytes.getFloat32(0));
  }
});

test("float4: a value is the double of its single precision, in both formats", () => {
  const float4 = codec("float4");
  roundTrip(float4, 0.1, Math.fround(0.1));
  assert.equal(float4.parse("0.1"), Math.fround(0.1));
  assert.equal(decodeHex(float4, "3dcccccd"), Math.fround(0.1));
  assert.equal(float4.parse("3.4028235e+38"), decodeHex(float4, "7f7fffff"));
  assert.equal(float4.parse("1e-45"), decodeHex(float4, "00000001"));
});

test("float4: a finite number that would become infinite is refused", () => {
  for (const value of [3.5e38, -3.5e38, Number.MAX_VALUE, 10n ** 39n]) refused(codec("float4"), value);
});

test("float4: bigints are taken while they are exact, and numbers are rounded", () => {
  for (const value of [0n, 2n ** 24n, -(2n ** 24n) - 2n, 2n ** 127n]) roundTrip(codec("float4"), value, Number(value));
  for (const value of [2n ** 24n + 1n, -(2n ** 53n) + 1n]) {
    assert.equal(refused(codec("float4"), value), "the bigint has no exact single-precision value");
  }
  roundTrip(codec("float4"), 2 ** 24 + 1, 2 ** 24);
});

test("float8: bigints are taken while they are exact", () => {
  roundTrip(codec("float8"), 2n ** 60n, 2 ** 60);
  for (const value of [2n ** 53n + 1n, -(10n ** 300n)]) assert.match(refused(codec("float8"), value), /no exact/);
});

test("numbers: text that is no number is refused", () => {
  for (const name of ["int2", "int4", "oid", "float4", "float8"]) {
    for (const text of ["", "x", "1,5", "nan", "inf", "1 2"]) refusal(BadValue, () => codec(name).parse(text));
  }
});

const ENDS: readonly (readonly [name: string, min: number, max: number])[] = [
  ["int2", -0x8000, 0x7fff],
  ["int4", -0x8000_0000, 0x7fff_ffff],
  ["oid", 0, 0xffff_ffff],
];
