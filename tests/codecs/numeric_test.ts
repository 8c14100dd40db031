import assert from "node:assert/strict";
import { BadValue } from "../../src/codecs/codec.ts";
import { codec, decode, decodeHex, refused, sent } from "../support/values/codecs.ts";
import { Random } from "../support/suite/random.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

const numeric = codec("numeric");

/** The bytes that the server sends for a decimal text. */
function bodyOf(text: string): Uint8Array {
  const [, minus, whole = "", fraction = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text)!;
  const padded = whole.padStart(Math.ceil(whole.length / 4) * 4, "0") +
    fraction.padEnd(Math.ceil(fraction.length / 4) * 4, "0");
  const digits = padded.match(/\d{4}/g)!.map(Number);
  let weight = Math.ceil(whole.length / 4) - 1;
  for (; digits[0] === 0; digits.shift()) weight -= 1;
  while (digits.at(-1) === 0) digits.pop();
  return body(digits.length === 0 ? 0 : weight, minus === "" ? 0 : 0x4000, fraction.length, digits);
}

function body(weight: number, sign: number, scale: number, digits: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(8 + 2 * digits.length));
  [digits.length, weight, sign, scale, ...digits].forEach((value, i) => view.setUint16(2 * i, value));
  return new Uint8Array(view.buffer);
}

test("numeric: what is between the groups of four digits comes out whole", () => {
  for (
    const text of [
      "0",
      "1",
      "-1",
      "9999",
      "10000",
      "10001",
      "100000000",
      "100000001",
      "12345678.87654321",
      "-12345.678",
      "10000.0001",
      "120000000000.5",
    ]
  ) {
    assert.equal(decode(numeric, bodyOf(text)), text);
  }
});

test("numeric: trailing zeros of the scale are kept", () => {
  for (const text of ["0.0", "0.00000", "1.50", "-1.5000000000", "100.00", "10000.0000", "0.10000000"]) {
    assert.equal(decode(numeric, bodyOf(text)), text);
  }
});

test("numeric: groups of zeros behind the point are not sent, and come out all the same", () => {
  for (const text of ["0.0001", "0.00001", "0.00000001", "-0.000000000001", `0.${"0".repeat(100)}1`]) {
    assert.equal(decode(numeric, bodyOf(text)), text);
  }
  assert.equal(decodeHex(numeric, "0001 fffe 0000 0005 03e8"), "0.00001");
});

test("numeric: the last group is cut at the scale", () => {
  assert.equal(decodeHex(numeric, "0002 0000 0000 0001 0001 1388"), "1.5");
  assert.equal(decodeHex(numeric, "0002 0000 0000 0003 0001 04d2"), "1.123");
});

test("numeric: groups of zeros before the point are not sent, and come out all the same", () => {
  assert.equal(decodeHex(numeric, "0001 0003 0000 0000 0005"), "5000000000000");
  assert.equal(decodeHex(numeric, "0000 0000 0000 0002"), "0.00");
});

test("numeric: 131072 digits before the point, 16383 behind it", () => {
  const whole = `9${"1234567890".repeat(13_107)}8`;
  const fraction = "0123456789".repeat(1638) + "012";
  assert.equal(whole.length, 131_072);
  assert.equal(fraction.length, 16_383);
  for (const text of [whole, `-${whole}.${fraction}`, `0.${fraction}`]) {
    assert.ok(decode(numeric, bodyOf(text)) === text, `${text.length} characters`);
  }
});

test("numeric: random decimals come out as they are written", () => {
  const random = new Random(1700);
  const digits = (count: number): string =>
    Array.from({ length: count }, () => random.pick("00123456789".split(""))).join("");
  for (let i = 0; i < 2000; i++) {
    const whole = digits(random.below(20)).replace(/^0+/, "") || "0";
    const scale = random.below(20);
    const text = `${whole}${scale === 0 ? "" : `.${digits(scale)}`}`;
    const signed = /[1-9]/.test(text) && random.below(2) === 1 ? `-${text}` : text;
    assert.equal(decode(numeric, bodyOf(signed)), signed);
  }
});

test("numeric: NaN and the infinities are text like all others", () => {
  assert.equal(decodeHex(numeric, "0000 0000 c000 0000"), "NaN");
  assert.equal(decodeHex(numeric, "0000 0000 d000 0020"), "Infinity");
  assert.equal(decodeHex(numeric, "0000 0000 f000 0020"), "-Infinity");
  for (const text of ["NaN", "Infinity", "-Infinity", "1.50"]) assert.equal(numeric.parse(text), text);
});

test("numeric: a function gets the same text from both formats, and nothing else", () => {
  const chosen = codec("numeric", { numeric: (...parts: unknown[]) => parts });
  for (const text of ["-12.3400", "0.000001", "100000000"]) {
    assert.deepEqual(decode(chosen, bodyOf(text)), [text]);
    assert.deepEqual(chosen.parse(text), [text]);
  }
  assert.deepEqual(decodeHex(chosen, "0000 0000 c000 0000"), ["NaN"]);
});

test("numeric: numbers and bigints are sent as their text", () => {
  assert.equal(sent(numeric, 10n ** 40n), `1${"0".repeat(40)}`);
  assert.equal(sent(numeric, -0.5), "-0.5");
  assert.equal(sent(numeric, 1e21), "1e+21");
  assert.equal(sent(numeric, NaN), "NaN");
  assert.equal(sent(numeric, -Infinity), "-Infinity");
  assert.equal(sent(numeric, "1.50"), "1.50");
  for (const value of [true, {}, [], undefined, new Date(0)]) refused(numeric, value);
});

test("numeric: a body that is no numeric is refused", () => {
  for (
    const digits of [
      "",
      "0000 0000 0000 00",
      "0001 0000 0000 0000",
      "0001 0000 0000 0000 00",
      "0000 0000 0000 0000 0001",
      "0001 0000 0001 0000 0001",
      "0001 0000 8000 0000 0001",
      "0001 0000 0000 0000 2710",
      "ffff 0000 0000 0000 0001",
    ]
  ) {
    refusal(BadValue, () => decodeHex(numeric, digits));
  }
  assert.equal(
    refusal(BadValue, () => decodeHex(numeric, "0002 0000 0000 0000 0001")),
    "it has 2 bytes of digits instead of 4",
  );
});
