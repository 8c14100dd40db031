import assert from "node:assert/strict";
import { array } from "../../src/codecs/array.ts";
import { bytea } from "../../src/codecs/bytes.ts";
import { BadValue, type Codec } from "../../src/codecs/codec.ts";
import { type Attribute, composite, record } from "../../src/codecs/composite.ts";
import { date } from "../../src/codecs/datetime.ts";
import { jsonb } from "../../src/codecs/json.ts";
import { int4 } from "../../src/codecs/number.ts";
import { Range, range } from "../../src/codecs/range.ts";
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
} from "../support/values/codecs.ts";
import { Random } from "../support/suite/random.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

const text = textual("text");

function attribute(name: string, oid: number, codec: Codec): Attribute {
  return { name, oid, codec };
}

const pair = composite("pair", [attribute("n", 23, int4), attribute("label", 25, text)]);
const single = composite("single", [attribute("x", 25, text)]);

test("composite: an object from both of the server's formats", () => {
  const cases: readonly (readonly [digits: string, text: string, value: object])[] = [
    ["00000002 00000017 00000004 00000007 00000019 00000003 612062", '(7,"a b")', { n: 7, label: "a b" }],
    ["00000002 00000017 ffffffff 00000019 00000000", '(,"")', { n: null, label: "" }],
    ["00000002 00000017 00000004 ffffffff 00000019 ffffffff", "(-1,)", { n: -1, label: null }],
  ];
  for (const [digits, text, value] of cases) {
    assert.deepEqual(readBoth(pair, hex(digits), text), value);
    assert.equal(encodeHex(pair, value), digits.replaceAll(" ", ""));
    assert.equal(pair.text(value), text);
  }
});

test("composite: attributes keep their order, whatever the order of the object given", () => {
  assert.deepEqual(Object.keys(pair.parse("(1,a)") as object), ["n", "label"]);
  assert.deepEqual(Object.keys(decode(pair, encode(pair, { label: "a", n: 1 })!) as object), ["n", "label"]);
  assert.equal(encodeHex(pair, { label: "a", n: 1 }), encodeHex(pair, { n: 1, label: "a" }));
  assert.equal(pair.text({ label: "a", n: 1 }), "(1,a)");
});

test("composite: one attribute, and none", () => {
  roundTrip(single, { x: null });
  roundTrip(single, { x: "" });
  assert.equal(single.text({ x: null }), "()");
  const none = composite("none", []);
  assert.deepEqual(readBoth(none, hex("00000000"), "()"), {});
  roundTrip(none, {});
});

test("composite: attributes named like what every object has are own properties", () => {
  const odd = composite("odd", ["__proto__", "constructor", "10", "toString"].map((name) => attribute(name, 25, text)));
  const value = JSON.parse('{"__proto__":"a","constructor":"b","10":"c","toString":null}');
  for (const read of [decode(odd, encode(odd, value)!), odd.parse(odd.text(value))] as object[]) {
    assert.deepEqual(read, value);
    assert.equal(Object.getOwnPropertyDescriptor(read, "__proto__")?.value, "a");
    assert.equal(Object.getPrototypeOf(read), Object.prototype);
  }
  assert.equal(refused(odd, { "10": "c" }), 'attribute "__proto__" is missing; NULL is null');
});

test("composite: text needs no escape from quotes, parentheses, commas, backslashes and white space", () => {
  for (const x of HOSTILE) {
    for (const label of HOSTILE) {
      roundTrip(composite("both", [attribute("x", 25, text), attribute("label", 25, text)]), { x, label });
    }
  }
  assert.equal(single.text({ x: 'a"\\b' }), '("a""\\\\b")');
});

test("composite: quotes are read doubled and behind a backslash", () => {
  assert.deepEqual(single.parse('("a""b\\"c\\\\d\\e")'), { x: 'a"b"c\\de' });
  assert.deepEqual(single.parse("(a [b] {c})"), { x: "a [b] {c}" });
});

test("composite: composites, arrays and ranges in each other come back", () => {
  const textrange = range("textrange", text);
  const pairs = array("pair[]", pair, 7001);
  const middle = composite("middle", [
    attribute("pair", 7000, pair),
    attribute("pairs", 7001, pairs),
    attribute("range", 7002, textrange),
    attribute("data", 17, bytea),
    attribute("json", 3802, jsonb("value")),
  ]);
  const outer = composite("outer", [
    attribute("middle", 7003, middle),
    attribute("list", 7004, array("_", middle, 7003)),
  ]);
  const middles = HOSTILE.map((label) => ({
    pair: { n: 1, label },
    pairs: [{ n: null, label }, null, { n: 2, label: null }],
    range: new Range(label, label, "[]"),
    data: Uint8Array.of(0x5c, 0x22, 0),
    json: { label: [label] },
  }));
  for (const value of middles) {
    roundTrip(middle, value);
    roundTrip(outer, { middle: value, list: [[value, null], [null, value]] });
    roundTrip(range("_", outer), new Range({ middle: value, list: null }, null));
  }
  roundTrip(array("outer[]", outer, 7005), middles.map((middle) => ({ middle, list: middles.slice(0, 2) })));
});

test("composite: where an attribute is sent as text, so is the whole", () => {
  assert.equal(sent(pair, { n: "0x7", label: "a,b" }), '(0x7,"a,b")');
  assert.equal(sent(pair, { n: 7, label: "a" }), "\\x0000000200000017000000040000000700000019000000" + "0161");
  const priced = composite("priced", [attribute("n", 23, int4), attribute("price", 790, opaque("money"))]);
  assert.equal(priced.binary, false);
  assert.equal(pair.binary, true);
  assert.equal(sent(priced, { n: 7, price: "$1,000.00" }), '(7,"$1,000.00")');
  assert.equal(sent(pair, "(1,a)"), "(1,a)");
});

test("composite: missing, unknown and wrong attributes are named", () => {
  assert.equal(refused(pair, { n: 1 }), 'attribute "label" is missing; NULL is null');
  assert.equal(refused(pair, {}), 'attribute "n" is missing; NULL is null');
  assert.equal(refused(pair, { n: 1, label: "a", lable: "b" }), '"lable" is no attribute of the type');
  assert.equal(
    refused(pair, { n: undefined, label: "a" }),
    'attribute "n": undefined was given where a number or a bigint is needed',
  );
  assert.equal(refused(pair, { n: 1, label: {} }), 'attribute "label": an object was given where a string is needed');
  assert.equal(
    refused(composite("outer", [attribute("inner", 7, pair)]), { inner: { n: 1.5, label: null } }),
    'attribute "inner": attribute "n": the number must be an integer',
  );
  assert.match(refused(pair, { n: 1, label: "a\0" }), /^attribute "label": the text contains a NUL/);
  refused(pair, Object.create({ n: 1, label: "a" }));
});

test("composite: what is no plain object is refused", () => {
  class Pair {
    n = 1;
    label = "a";
  }
  for (const value of [1, NaN, true, undefined, [1, "a"], new Date(0), new Map(), new Pair(), () => 1]) {
    assert.match(refused(pair, value), /was given where a plain object by attribute name is needed$/);
  }
  roundTrip(pair, Object.assign(Object.create(null), { n: 1, label: "a" }), { n: 1, label: "a" });
});

test("composite: another count, type or length is refused", () => {
  const reason = (digits: string): string => refusal(BadValue, () => decodeHex(pair, digits));
  const n = "00000017 00000004 00000001";
  assert.equal(reason("000000"), "it is shorter than a composite's header");
  assert.equal(reason("00000001 00000017 00000004 00000001"), "it has 1 attributes instead of 2");
  assert.equal(reason("ffffffff"), "it has -1 attributes instead of 2");
  assert.equal(reason(`00000002 ${n}`), 'attribute "label": it is cut short');
  assert.equal(reason(`00000002 ${n} 00000017 ffffffff`), 'attribute "label": it has type 23 instead of 25');
  assert.equal(reason(`00000002 ${n} 00000019 fffffffe`), 'attribute "label": its length is wrong');
  assert.equal(reason(`00000002 ${n} 00000019 00000002 61`), 'attribute "label": its length is wrong');
  assert.equal(reason(`00000002 ${n} 00000019 7fffffff 61`), 'attribute "label": its length is wrong');
  assert.equal(reason(`00000002 ${n} 00000019 ffffffff 61`), "1 bytes are left over");
  assert.equal(
    reason("00000002 00000017 00000003 000001 00000019 ffffffff"),
    'attribute "n": it has 3 bytes instead of 4',
  );
});

test("composite: an OID above 2^31 is the same in both directions", () => {
  const high = composite("high", [attribute("x", 0xffff_fff0, text)]);
  assert.equal(encodeHex(high, { x: "a" }), "00000001fffffff00000000161");
  roundTrip(high, { x: "a" });
});

test("composite: malformed text is refused, and the message has a place and no content", () => {
  for (
    const text of [
      "",
      "secret",
      "(",
      ")",
      "()",
      "(1)",
      "(1,secret",
      "(1,secret,)",
      "(1,secret)x",
      " (1,a)",
      "(1,a) ",
      '(1,"secret)',
      '(1,"secret\\',
      '(1,"a"x)',
      '(1,a"b")',
      "(1,a\\b)",
      "(1,(a)",
    ]
  ) {
    assert.match(
      refusal(BadValue, () => pair.parse(text)),
      /^it is not as PostgreSQL prints it \(at character \d+\)$/,
      text,
    );
  }
  assert.equal(refusal(BadValue, () => pair.parse("(secret,a)")), 'attribute "n": it is not a number');
});

test("composite: a body that is cut short, too long, or of other bytes gives a complaint or a value", () => {
  const dated = composite("dated", [attribute("day", 1082, date("temporal")), attribute("pair", 7000, pair)]);
  const body = encode(dated, { day: Temporal.PlainDate.from("2000-01-02"), pair: { n: 1, label: "abc" } })!;
  const random = new Random(23);
  for (let length = 0; length < body.length; length++) refusal(BadValue, () => decode(dated, body.slice(0, length)));
  for (let more = 1; more <= 9; more++) {
    refusal(BadValue, () => decode(dated, Uint8Array.of(...body, ...new Uint8Array(more).fill(0x2a))));
  }
  for (let i = 0; i < 5000; i++) {
    try {
      decode(dated, body.with(random.below(body.length), random.below(256)).with(random.below(body.length), 0xff));
    } catch (error) {
      assert.ok(error instanceof BadValue, String(error));
    }
  }
});

test("record: the texts of its fields, or null", () => {
  assert.equal(record.binary, false);
  assert.deepEqual(record.parse('(1,"b c",,"","(2,""x"")",a[1])'), ["1", "b c", null, "", '(2,"x")', "a[1]"]);
  assert.deepEqual(record.parse("()"), [null]);
  assert.deepEqual(record.parse("(,)"), [null, null]);
  assert.deepEqual(array("record[]", record, 2249).parse('{"(1,a)",NULL}'), [["1", "a"], null]);
  for (const text of ["", "(", "1", "(1", "(1,", "(1)x", "(1))", '("1)', "((1)"]) {
    assert.match(refusal(BadValue, () => record.parse(text)), /^it is not as PostgreSQL prints it/);
  }
});

test("record: neither a parameter nor binary", () => {
  for (const value of [{}, ["1"], 1, undefined]) {
    assert.match(refused(record, value), /cast its place to a composite type/);
  }
  assert.match(refusal(BadValue, () => decodeHex(record, "00000000")), /binary format/);
  assert.equal(sent(record, "(1)"), "(1)");
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
  "()",
  "[",
  "]",
  "{",
  "}",
  "NULL",
  "\n\t\v",
  "é🎉",
];
