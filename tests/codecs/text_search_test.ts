import assert from "node:assert/strict";
import { array } from "../../src/codecs/array.ts";
import { BadValue, type Codec } from "../../src/codecs/codec.ts";
import { tsquery, tsvector } from "../../src/codecs/text_search.ts";
import { decode, decodeHex, hex, readBoth, refused, sent } from "../support/values/codecs.ts";
import { Random } from "../support/suite/random.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

/** Bodies and texts as PostgreSQL 14 and 18 send them. */
const VECTORS: readonly (readonly [digits: string, text: string])[] = [
  ["00000000", ""],
  ["00000001 6100 0000", "'a'"],
  ["00000002 6100 0003 c001 8002 4003 6200 0001 3fff", "'a':1A,2B,3C 'b':16383"],
  ["00000001 62275c6300 0000", "'b''\\\\c'"],
  ["00000003 2000 0000 c3a900 0000 f09f8e8900 0001 0001", "' ' 'é' '🎉':1"],
];

const QUERIES: readonly (readonly [digits: string, text: string])[] = [
  ["00000000", ""],
  [`00000001 ${operand("a")}`, "'a'"],
  ["00000001 01 00 01 6100", "'a':*"],
  ["00000001 01 0f 00 6100", "'a':ABCD"],
  ["00000001 01 0a 01 6100", "'a':*AC"],
  ["00000001 01 05 01 6100", "'a':*BD"],
  ["00000001 01 00 00 275c c3a9 00", "'''\\\\é'"],
  [`00000003 0202 ${operand("b")} ${operand("a")}`, "'a' & 'b'"],
  [`00000003 0203 ${operand("b")} ${operand("a")}`, "'a' | 'b'"],
  [`00000003 0204 0001 ${operand("b")} ${operand("a")}`, "'a' <-> 'b'"],
  [`00000003 0204 0000 ${operand("b")} ${operand("a")}`, "'a' <0> 'b'"],
  [`00000003 0204 4000 ${operand("b")} ${operand("a")}`, "'a' <16384> 'b'"],
  [`00000003 0201 0201 ${operand("a")}`, "!!'a'"],
  [`00000004 0201 0203 ${operand("b")} ${operand("a")}`, "!( 'a' | 'b' )"],
  [`00000004 0203 0201 ${operand("b")} ${operand("a")}`, "'a' | !'b'"],
  [`00000005 0202 ${operand("c")} 0203 ${operand("b")} ${operand("a")}`, "( 'a' | 'b' ) & 'c'"],
  [`00000005 0203 ${operand("c")} 0202 ${operand("b")} ${operand("a")}`, "'a' & 'b' | 'c'"],
  [`00000005 0202 0202 ${operand("c")} ${operand("b")} ${operand("a")}`, "'a' & 'b' & 'c'"],
  [`00000005 0204 0001 ${operand("c")} 0204 0001 ${operand("b")} ${operand("a")}`, "'a' <-> 'b' <-> 'c'"],
  [`00000005 0204 0001 0204 0002 ${operand("c")} ${operand("b")} ${operand("a")}`, "'a' <-> ( 'b' <2> 'c' )"],
  [`00000005 0204 0001 0202 ${operand("c")} ${operand("b")} ${operand("a")}`, "'a' <-> ( 'b' & 'c' )"],
  [`00000005 0202 0204 0001 ${operand("c")} ${operand("b")} ${operand("a")}`, "'a' & 'b' <-> 'c'"],
  [`00000006 0204 0001 0201 0203 ${operand("b")} ${operand("a")} ${operand("c")}`, "'c' <-> !( 'a' | 'b' )"],
];

/** An operand without flags. */
function operand(letter: string): string {
  return `01 00 00 ${letter.charCodeAt(0).toString(16)} 00`;
}

test("tsvector: lexemes, positions and weights as the server prints them", () => {
  for (const [digits, text] of VECTORS) assert.equal(readBoth(tsvector, hex(digits), text), text);
});

test("tsquery: operators and parentheses as the server prints them", () => {
  for (const [digits, text] of QUERIES) assert.equal(readBoth(tsquery, hex(digits), text), text);
});

test("tsquery: any depth is read without recursion", () => {
  const depth = 50_000;
  const [count, one] = ["0000c351", "000186a1"];
  const nots = decode(tsquery, hex(`${count} ${"0201".repeat(depth)} ${operand("a")}`)) as string;
  assert.ok(nots === `${"!".repeat(depth)}'a'`);
  const left = `0202 ${operand("b")}`.repeat(depth);
  const chain = decode(tsquery, hex(`${one} ${left} ${operand("a")}`)) as string;
  assert.ok(chain === `'a'${" & 'b'".repeat(depth)}`);
  const phrases = decode(
    tsquery,
    hex(`${one} ${"02040001".repeat(depth)} ${operand("z")} ${operand("a").repeat(depth)}`),
  );
  assert.ok(phrases === `${"'a' <-> ( ".repeat(depth - 1)}'a' <-> 'z'${" )".repeat(depth - 1)}`);
});

test("text search: a body cut short anywhere, or with bytes behind it, is refused", () => {
  for (const [codec, digits] of samples()) {
    const body = hex(digits);
    for (let length = 0; length < body.length; length++) refusal(BadValue, () => decode(codec, body.slice(0, length)));
    for (const more of ["00", "0100006100", "61000000"]) {
      assert.match(
        refusal(BadValue, () => decode(codec, Uint8Array.of(...body, ...hex(more)))),
        /bytes are left over$/,
      );
    }
  }
});

test("text search: false counts and unknown codes are refused", () => {
  const cases: readonly (readonly [codec: Codec, digits: string, message: string])[] = [
    [tsvector, "7fffffff 6100 0000", "it is cut short"],
    [tsvector, "ffffffff", "it claims -1 items"],
    [tsvector, "00000001 6161616161", "it is cut short"],
    [tsvector, "00000001 6100 ffff 0001", "it is cut short"],
    [tsquery, "7fffffff 0201 0201", "it is cut short"],
    [tsquery, "80000000", "it claims -2147483648 items"],
    [tsquery, "00000001 0201", "an operator is without its operands"],
    [tsquery, `00000002 0202 ${operand("a")}`, "an operator is without its operands"],
    [tsquery, `00000002 ${operand("a")} ${operand("b")}`, "it goes on behind its last operand"],
    [tsquery, "00000001 03 00 00 6100", "3 is no kind of a tsquery's items"],
    [tsquery, `00000002 0200 ${operand("a")}`, "0 is no operator of a tsquery"],
    [tsquery, `00000002 0205 ${operand("a")}`, "5 is no operator of a tsquery"],
    [tsquery, `00000003 0204 ffff ${operand("b")} ${operand("a")}`, "the distance in a phrase is negative"],
    [tsquery, "00000001 01 10 00 6100", "an operand has flags that pyro does not know"],
    [tsquery, "00000001 01 00 02 6100", "an operand has flags that pyro does not know"],
  ];
  for (const [codec, digits, message] of cases) {
    assert.equal(refusal(BadValue, () => decodeHex(codec, digits)), message, digits);
  }
});

test("text search: any other byte anywhere gives text or a complaint", () => {
  const random = new Random(11);
  for (const [codec, digits] of samples()) {
    const body = hex(digits);
    for (let at = 0; at < body.length; at++) {
      for (const byte of [0, 1, 2, 0x27, 0x80, 0xff, random.below(256)]) attempt(codec, body.with(at, byte));
    }
    for (let i = 0; i < 200; i++) {
      attempt(codec, Uint8Array.of(0, 0, 0, random.below(4), ...random.bytes(random.below(30))));
    }
  }
});

test("text search: strings are sent as they are, in arrays too, and all else is refused", () => {
  for (const codec of [tsvector, tsquery]) {
    assert.equal(sent(codec, "a b"), "a b");
    assert.equal(sent(array(`${codec.name}[]`, codec, 3614), ["'a'", null]), `{"'a'",NULL}`);
    for (const value of [1, 1n, true, {}, ["a"], undefined]) {
      assert.match(refused(codec, value), /was given where a string is needed$/);
    }
  }
});

function samples(): (readonly [codec: Codec, digits: string])[] {
  return [
    ...VECTORS.map(([digits]) => [tsvector, digits] as const),
    ...QUERIES.map(([digits]) => [tsquery, digits] as const),
  ];
}

/** Decodes what may be wrong: text or a complaint, and nothing else. */
function attempt(codec: Codec, body: Uint8Array): void {
  try {
    assert.equal(typeof decode(codec, body), "string");
  } catch (error) {
    assert.ok(error instanceof BadValue, `${codec.name} of ${[...body]}: ${error}`);
  }
}
