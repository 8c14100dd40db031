import assert from "node:assert/strict";
import { UsageError } from "../../src/errors.ts";
import { array } from "../../src/codecs/array.ts";
import { BadValue, type Codec } from "../../src/codecs/codec.ts";
import { date } from "../../src/codecs/datetime.ts";
import { jsonb } from "../../src/codecs/json.ts";
import { int4, int8 } from "../../src/codecs/number.ts";
import { numeric } from "../../src/codecs/numeric.ts";
import { multirange, Range, range, type RangeBounds } from "../../src/codecs/range.ts";
import { opaque, textual } from "../../src/codecs/text.ts";
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
  shown,
} from "../support/values/codecs.ts";
import { Random } from "../support/suite/random.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

const int4range = range("int4range", int4);
const textrange = range("textrange", textual("text"));
const daterange = range("daterange", date("temporal"));
const numrange = range("numrange", numeric("string"));
const int4multirange = multirange("int4multirange", int4range);
const textmultirange = multirange("textmultirange", textrange);

const ALL_BOUNDS: readonly RangeBounds[] = ["[)", "(]", "[]", "()"];

test("range: bounds in the server's formats, included or not", () => {
  const cases: readonly (readonly [digits: string, text: string, value: Range])[] = [
    ["02 00000004 00000001 00000004 00000005", "[1,5)", new Range(1, 5)],
    ["04 00000004 00000001 00000004 00000005", "(1,5]", new Range(1, 5, "(]")],
    ["06 00000004 00000001 00000004 00000005", "[1,5]", new Range(1, 5, "[]")],
    ["00 00000004 00000001 00000004 00000005", "(1,5)", new Range(1, 5, "()")],
    ["0c 00000004 ffffffff", "(,-1]", new Range(null, -1, "[]")],
    ["12 00000004 ffffffff", "[-1,)", new Range(-1, null)],
    ["18", "(,)", new Range(null, null, "[]")],
    ["01", "empty", Range.empty()],
  ];
  for (const [digits, text, value] of cases) {
    assert.deepEqual(readBoth(int4range, hex(digits), text), shown(value));
    assert.equal(encodeHex(int4range, value), digits.replaceAll(" ", ""));
    assert.equal(int4range.text(value), text);
    assert.equal(String(value), text);
  }
});

test("range: fields are those of the value, and an unbounded side is never included", () => {
  assert.deepEqual({ ...new Range(1, null, "[]") }, {
    lower: 1,
    upper: null,
    lowerInclusive: true,
    upperInclusive: false,
    empty: false,
  });
  assert.deepEqual(new Range(null, null, "[]"), new Range(null, null, "()"));
  assert.deepEqual({ ...Range.empty() }, { ...new Range(null, null), empty: true });
  assert.notDeepEqual(Range.empty(), new Range(null, null));
  assert.deepEqual(JSON.parse(JSON.stringify(new Range(1, 5, "(]"))), {
    lower: 1,
    upper: 5,
    lowerInclusive: false,
    upperInclusive: true,
    empty: false,
  });
});

test("range: other bounds and undefined are refused", () => {
  for (const [bounds, given] of [["[]]", '"[]]"'], ["", '""'], ["[", '"["'], [true, "a boolean"], [null, "null"]]) {
    assert.equal(
      refusal(UsageError, () => new Range(1, 2, bounds as RangeBounds)),
      `Cannot set bounds to ${given}: it must be "[)", "(]", "[]" or "()"`,
    );
  }
  assert.equal(
    refusal(UsageError, () => new Range(undefined, 2)),
    "Cannot set lower to undefined: null is unbounded",
  );
  assert.equal(
    refusal(UsageError, () => new Range<unknown>(1, undefined)),
    "Cannot set upper to undefined: null is unbounded",
  );
});

test("range: the infinities of dates are values, other than unbounded", () => {
  const infinite = new Range(-Infinity, Infinity, "[]");
  roundTrip(daterange, infinite);
  assert.equal(daterange.text(infinite), "[-infinity,infinity]");
  assert.equal(encodeHex(daterange, infinite), "060000000480000000000000047fffffff");
  roundTrip(daterange, new Range(null, Infinity));
  roundTrip(daterange, new Range(Temporal.PlainDate.from("2000-01-01"), null));
});

test("range: bounds need no escape from quotes, brackets, commas, backslashes and white space", () => {
  for (const lower of [...HOSTILE, null]) {
    for (const upper of [...HOSTILE, null]) {
      for (const bounds of ALL_BOUNDS) roundTrip(textrange, new Range(lower, upper, bounds));
    }
  }
  assert.equal(textrange.text(new Range("", 'a"\\b', "[]")), '["","a""\\\\b"]');
  assert.equal(String(new Range("a b", "c")), '["a b",c)');
});

test("range: quotes are read doubled and behind a backslash", () => {
  assert.deepEqual(textrange.parse('["a""b","\\"c\\d\\\\"]'), new Range('a"b', '"cd\\', "[]"));
  assert.deepEqual(textrange.parse('("",a b)'), new Range("", "a b", "()"));
});

test("range: where the subtype is sent as text, so is the range", () => {
  assert.equal(sent(numrange, new Range("1.50", "2")), "[1.50,2)");
  assert.equal(sent(daterange, new Range("today", null)), "[today,)");
  // The first bound was written already.
  assert.equal(
    sent(daterange, new Range<unknown>(Temporal.PlainDate.from("2000-01-01"), "tomorrow")),
    "[2000-01-01,tomorrow)",
  );
  assert.equal(sent(textrange, new Range("a", null)), "\\x120000000161");
  assert.equal(range("moneyrange", opaque("money")).binary, false);
  assert.equal(int4range.binary, true);
});

test("range: what is no Range is refused, and so is what is no value of the subtype", () => {
  for (const value of [1, [1, 5], {}, { lower: 1, upper: 2 }, undefined, NaN]) {
    assert.match(refused(int4range, value), /was given where a Range is needed$/);
  }
  assert.match(refused(int4range, new Range(1, 2 ** 31)), /^the number is out of range/);
  assert.match(refused(int4range, new Range<unknown>(1n, {})), /^an object was given/);
  assert.equal(sent(int4range, "[1,5)"), "[1,5)");
});

test("range: null of JSON is no bound, for it would be unbounded", () => {
  const jsonrange = range("jsonrange", jsonb("value"));
  roundTrip(jsonrange, new Range<unknown>({ a: ["b"] }, 7));
  assert.equal(
    refusal(BadValue, () => decodeHex(jsonrange, "12 00000005 016e756c6c")),
    "a bound is null, which a Range cannot have",
  );
  assert.equal(refusal(BadValue, () => jsonrange.parse("[null,)")), "a bound is null, which a Range cannot have");
});

test("range: flags that exclude each other or are unknown are refused", () => {
  const bounds = " 00000004 00000001 00000004 00000005";
  for (const digits of ["03", "05", "09", "19", "0a 00000004 00000001", "14 00000004 00000001", "1e"]) {
    assert.match(refusal(BadValue, () => decodeHex(int4range, digits)), /are no flags of a range$/);
  }
  for (const flags of ["20", "42", "80", "ff", "03", "07"]) {
    assert.equal(refusal(BadValue, () => decodeHex(int4range, flags + bounds)), `0x${flags} are no flags of a range`);
  }
});

test("range: lengths that are wrong are refused", () => {
  const reason = (digits: string): string => refusal(BadValue, () => decodeHex(int4range, digits));
  assert.equal(reason(""), "it is shorter than a range's flags");
  assert.equal(reason("02"), "it has fewer bounds than its flags say");
  assert.equal(reason("02 00000004 00000001"), "it has fewer bounds than its flags say");
  assert.equal(reason("12 ffffffff"), "a bound's length is wrong");
  assert.equal(reason("12 7fffffff 00000001"), "a bound's length is wrong");
  assert.equal(reason("12 00000003 000001"), "it has 3 bytes instead of 4");
  assert.equal(reason("12 00000004 00000001 00"), "1 bytes are left over");
  assert.equal(reason("01 00"), "1 bytes are left over");
  assert.equal(reason("18 00000004 00000001"), "8 bytes are left over");
});

test("range: malformed text is refused, and the message has a place and no content", () => {
  for (
    const text of [
      "",
      "secret",
      "EMPTY",
      "empty ",
      "[",
      "[secret",
      "[secret)",
      "[secret,",
      "[a,b,c)",
      "[a,b",
      "[a,b)x",
      "[a,b}",
      " [a,b)",
      '["secret,b)',
      '["secret\\',
      '["a"x,b)',
      'a"b"',
      '[a"b",c)',
      "[a\\b,c)",
      "[(a,c)",
      "[[a,c)",
      "[a],c)",
    ]
  ) {
    assert.match(
      refusal(BadValue, () => textrange.parse(text)),
      /^it is not as PostgreSQL prints it \(at character \d+\)$/,
      text,
    );
  }
  assert.equal(refusal(BadValue, () => int4range.parse("[secret,)")), "it is not a number");
});

test("range: ranges of ranges and of arrays, and arrays of ranges, come back", () => {
  const ranges = range("rangerange", textrange);
  const lists = range("listrange", array("text[]", textual("text"), 25));
  const inner = HOSTILE.map((text) => new Range(text, null));
  for (const value of inner) {
    roundTrip(ranges, new Range(value, Range.empty()));
    roundTrip(array("rangerange[]", ranges, 7), [new Range(value, null, "()"), null]);
  }
  roundTrip(lists, new Range(HOSTILE, [null, "", "NULL"], "[]"));
  roundTrip(array("textrange[]", textrange, 7), [inner, inner.toReversed()]);
});

test("multirange: arrays of ranges in the server's formats", () => {
  const cases: readonly (readonly [digits: string, text: string, value: Range[]])[] = [
    ["00000000", "{}", []],
    ["00000001 00000001 18", "{(,)}", [new Range(null, null)]],
    [
      "00000002 00000009 0800000004 00000003 00000011 02 00000004 00000005 00000004 00000007",
      "{(,3),[5,7)}",
      [new Range(null, 3), new Range(5, 7)],
    ],
  ];
  for (const [digits, text, value] of cases) {
    assert.deepEqual(readBoth(int4multirange, hex(digits), text), shown(value));
    assert.equal(encodeHex(int4multirange, value), digits.replaceAll(" ", ""));
    assert.equal(int4multirange.text(value), text);
  }
});

test("multirange: hostile bounds come back, and infinities, and what is sent as text", () => {
  roundTrip(textmultirange, HOSTILE.map((text, i) => new Range(text, HOSTILE[i + 1] ?? null, ALL_BOUNDS[i % 4]!)));
  roundTrip(multirange("datemultirange", daterange), [new Range(-Infinity, null)]);
  assert.equal(
    sent(multirange("nummultirange", numrange), [new Range<unknown>(1n, "2.0"), new Range("3", null)]),
    "{[1,2.0),[3,)}",
  );
  // The server drops empty ones, so that none comes back.
  assert.equal(sent(int4multirange, [Range.empty()]), "\\x000000010000000101");
  assert.equal(int4multirange.text([Range.empty(), new Range(1, 2)]), "{empty,[1,2)}");
});

test("multirange: in an array, an array of ranges is one value, and so is an empty one", () => {
  const arrays = array("int4multirange[]", int4multirange, 4451);
  roundTrip(arrays, [[new Range(1, 2), new Range(4, 5)], [], null, [new Range(null, null)]]);
  roundTrip(arrays, [[]]);
  roundTrip(arrays, []);
  roundTrip(arrays, [[[new Range(1, 2)], []], [[], [new Range(3, 4)]]]);
  assert.equal(int4multirange.isValue!([new Range(1, 2), [new Range(1, 2)]]), false);
});

test("multirange: what is no array of Ranges is refused", () => {
  for (const value of [1, {}, new Range(1, 2), undefined, new Set()]) {
    assert.match(refused(int4multirange, value), /was given where an array of Ranges is needed$/);
  }
  for (
    const [item, kind] of [[null, "null"], ["[1,2)", "a string"], [[new Range(1, 2)], "an array"], [1, "a number"]]
  ) {
    assert.equal(refused(int4multirange, [new Range(1, 2), item]), `${kind} was given where a Range is needed`);
  }
});

test("multirange: counts and lengths that are wrong are refused", () => {
  const reason = (digits: string): string => refusal(BadValue, () => decodeHex(int4multirange, digits));
  assert.equal(reason("000000"), "it is shorter than a multirange's header");
  assert.equal(reason("00000001"), "it has fewer ranges than its header says");
  assert.equal(reason("ffffffff 00000001 01"), "it has fewer ranges than its header says");
  assert.equal(reason("00000001 ffffffff"), "a range's length is wrong");
  assert.equal(reason("00000001 00000002 18"), "a range's length is wrong");
  assert.equal(reason("00000001 00000000"), "it is shorter than a range's flags");
  assert.equal(reason("00000000 18"), "1 bytes are left over");
});

test("multirange: malformed text is refused", () => {
  for (
    const text of [
      "",
      "{",
      "}",
      "{}}",
      "{ }",
      "{,}",
      "{[1,2)",
      "{[1,2),}",
      "{[1,2)}x",
      "{[1,2)[3,4)}",
      "{[1,2",
      "[1,2)",
    ]
  ) {
    refusal(BadValue, () => int4multirange.parse(text));
  }
  refusal(BadValue, () => textmultirange.parse('{["a,b)}'));
  refusal(BadValue, () => textmultirange.parse('{["a\\'));
});

test("range: a body that is cut short, too long, or of other bytes gives a complaint or a value", () => {
  const samples: readonly (readonly [codec: Codec, value: unknown])[] = [
    [range("int8range", int8("bigint")), new Range(1n, 5n)],
    [textrange, new Range("ab", "c", "(]")],
    [int4multirange, [new Range(null, 1), new Range(3, 4)]],
    [textmultirange, [new Range("a", "b")]],
  ];
  const random = new Random(22);
  for (const [codec, value] of samples) {
    const body = encode(codec, value)!;
    for (let length = 0; length < body.length; length++) refusal(BadValue, () => decode(codec, body.slice(0, length)));
    for (let more = 1; more <= 9; more++) {
      refusal(BadValue, () => decode(codec, Uint8Array.of(...body, ...new Uint8Array(more).fill(0x2a))));
    }
    for (let i = 0; i < 2000; i++) {
      const broken = body.with(random.below(body.length), random.below(256)).with(random.below(5), random.below(256));
      try {
        shown(decode(codec, broken));
      } catch (error) {
        assert.ok(error instanceof BadValue, `${codec.name}: ${error}`);
      }
    }
  }
});

const HOSTILE = [
  "",
  " ",
  "a",
  "a b",
  '"',
  '""',
  "\\",
  '\\"',
  ",",
  "(",
  ")",
  "[",
  "]",
  "[a,b)",
  "{",
  "}",
  "empty",
  "NULL",
  "\n\t\v",
  "é🎉",
  "'",
];
