import assert from "node:assert/strict";
import { BadValue } from "../../src/codecs/codec.ts";
import { codec, decode, decodeHex, encode, refused, roundTrip, sent } from "../support/values/codecs.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

const TEXTUAL = ["text", "varchar", "bpchar", "name", "xml"];

test("text: every string comes back, a leading U+FEFF and the last code point included", () => {
  for (const name of TEXTUAL) {
    for (const text of TEXTS) {
      assert.equal(codec(name).parse(text), text);
      assert.equal(decode(codec(name), new TextEncoder().encode(text)), text);
      assert.equal(sent(codec(name), text), text);
    }
  }
});

test("text: numbers, bigints and booleans are sent as they read", () => {
  for (const [value, text] of [[1.5, "1.5"], [NaN, "NaN"], [-7n, "-7"], [true, "true"], [false, "false"]] as const) {
    for (const name of TEXTUAL) {
      roundTrip(codec(name), value, text);
      const binary = name === "xml" ? undefined : new TextEncoder().encode(text);
      assert.deepEqual(encode(codec(name), value), binary);
    }
    assert.equal(sent(codec("money"), value), text);
  }
});

test("xml: nothing is sent in binary, where the encoding that it declares would count", () => {
  for (const value of ["<a/>", 1, true]) {
    assert.equal(encode(codec("xml"), value), undefined);
    assert.equal(encode(codec("xml[]"), [value]), undefined);
  }
});

test("xml: the encoding that it declares is left out, since it is sent in UTF-8", () => {
  for (
    const [text, expected] of [
      [`<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>`, "<a>é</a>"],
      [`<?xml version='1.0' encoding = 'utf-16' ?>\n<a/>`, "\n<a/>"],
      [`<?xml version="1.1" encoding="x"?><a/>`, `<?xml version="1.1"?><a/>`],
      [
        `<?xml version="1.0" encoding="x" standalone="yes"?><a/>`,
        `<?xml version="1.0" standalone="yes"?><a/>`,
      ],
      [`<?xml version="1.0"?><a/>`, `<?xml version="1.0"?><a/>`],
      [`<a encoding="x"/>`, `<a encoding="x"/>`],
      [` <?xml version="1.0" encoding="x"?><a/>`, ` <?xml version="1.0" encoding="x"?><a/>`],
      [`<?xml-stylesheet version="1.0" encoding="x"?><a/>`, `<?xml-stylesheet version="1.0" encoding="x"?><a/>`],
    ] as const
  ) assert.equal(sent(codec("xml"), text), expected);
});

test("text: objects, arrays, symbols, functions and undefined are refused", () => {
  for (const name of [...TEXTUAL, "money"]) {
    for (const value of [{}, [], new Date(0), Symbol("x"), () => 1, undefined]) {
      assert.match(refused(codec(name), value), /was given where a string is needed/);
    }
  }
});

test("text: a NUL or a lone surrogate is refused, for any type", () => {
  for (const name of [...TEXTUAL, "uuid", "numeric", "int4", "json", "date", "bytea", "inet", "bool"]) {
    assert.match(refusal(BadValue, () => sent(codec(name), "secret\0")), /^the text contains a NUL/);
    for (const text of ["secret\ud800", "\udc00secret", "\udc00\ud800"]) {
      assert.match(refusal(BadValue, () => sent(codec(name), text)), /^the text contains a lone surrogate/);
    }
  }
});

test("text: a string is the text of any type", () => {
  for (
    const name of ["bool", "int2", "int8", "float8", "numeric", "uuid", "bytea", "date", "time", "int4[]", "point"]
  ) {
    assert.equal(sent(codec(name), "as it is"), "as it is");
  }
});

test("uuid: canonical text in lower case from binary, and the text itself from text", () => {
  const uuid = codec("uuid");
  const text = "00112233-4455-6677-8899-aabbccddeeff";
  assert.equal(decodeHex(uuid, text.replaceAll("-", "")), text);
  assert.equal(uuid.parse(text), text);
  assert.equal(sent(uuid, text.toUpperCase()), text.toUpperCase());
});

test("uuid: a body of another length, and all that is no string, is refused", () => {
  assert.equal(refusal(BadValue, () => decodeHex(codec("uuid"), "00".repeat(15))), "it has 15 bytes instead of 16");
  refusal(BadValue, () => decodeHex(codec("uuid"), "00".repeat(17)));
  for (const value of [1, 1n, true, {}, new Uint8Array(16), undefined]) refused(codec("uuid"), value);
});

test("unknown types: their text, never their binary format", () => {
  const money = codec("money");
  assert.equal(money.binary, false);
  assert.equal(money.parse("$1.00"), "$1.00");
  assert.equal(sent(money, "$1.00"), "$1.00");
  assert.match(refusal(BadValue, () => decodeHex(money, "00")), /binary format that pyro does not know/);
});

const TEXTS = [
  "",
  " ",
  "a",
  "\ufeffmark",
  "\u2028\r\n\t",
  "é",
  "漢字",
  "🎉",
  "\u{10ffff}",
  "x".repeat(39) + "é",
  "x".repeat(40),
  "x".repeat(41),
  "🎉".repeat(20_000),
];
