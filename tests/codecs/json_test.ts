import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { sql } from "../../src/api/sql.ts";
import { BadValue } from "../../src/codecs/codec.ts";
import { Json, Jsonb } from "../../src/codecs/json.ts";
import { JsonNumber } from "../../src/codecs/json_text.ts";
import { UsageError } from "../../src/errors.ts";
import { codec, decode, decodeHex, encode, refused, roundTrip, sent } from "../support/values/codecs.ts";
import { growsInProportion } from "../support/suite/growth.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

const NAMES = ["json", "jsonb"] as const;

/** The binary format of a JSON text. */
function body(name: (typeof NAMES)[number], text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  return name === "json" ? bytes : Uint8Array.of(1, ...bytes);
}

test("json: values come back in both formats", () => {
  for (const name of NAMES) {
    for (const value of VALUES) roundTrip(codec(name), value);
  }
});

test("jsonb: a version byte stands before the text", () => {
  assert.deepEqual(encode(codec("jsonb"), [1]), body("jsonb", "[1]"));
  for (const digits of ["", "02 5b5d", "00 5b5d", "5b5d"]) {
    assert.match(refusal(BadValue, () => decodeHex(codec("jsonb"), digits)), /version 1/);
  }
});

test("json: a member named __proto__ is a member", () => {
  for (const name of NAMES) {
    const value = decode(codec(name), body(name, '{"__proto__":1}'));
    assert.deepEqual(Object.entries(value as object), [["__proto__", 1]]);
  }
});

test("json as string: the text as it is", () => {
  for (const name of NAMES) {
    const chosen = codec(name, { json: "string" });
    for (const text of ["null", ' { "a" : 1.0 } ', "not JSON"]) {
      assert.equal(chosen.parse(text), text);
      assert.equal(decode(chosen, body(name, text)), text);
    }
  }
});

test("json as function: it gets the same text from both formats, and nothing else", () => {
  for (const name of NAMES) {
    const chosen = codec(name, { json: (...parts: unknown[]) => parts });
    assert.deepEqual(chosen.parse("[1.0]"), ["[1.0]"]);
    assert.deepEqual(decode(chosen, body(name, "[1.0]")), ["[1.0]"]);
  }
});

test("json: what the engine cannot read for another reason is not called no JSON", () => {
  const { parse } = JSON;
  const tooDeep = new RangeError("Maximum call stack size exceeded");
  JSON.parse = () => {
    throw tooDeep;
  };
  try {
    for (const name of NAMES) assert.throws(() => codec(name).parse("[]"), (error) => error === tooDeep);
  } finally {
    JSON.parse = parse;
  }
});

test("json: text that is no JSON is refused without quoting it", () => {
  for (const name of NAMES) {
    for (const text of ["", "secret", "{secret", "[1,]", "NaN"]) {
      assert.equal(refusal(BadValue, () => codec(name).parse(text)), "it is not JSON");
      assert.equal(refusal(BadValue, () => decode(codec(name), body(name, text))), "it is not JSON");
    }
  }
});

test("json: a string parameter is JSON text, and is sent as it is", () => {
  for (const name of NAMES) assert.equal(sent(codec(name), '{"a": 1}'), '{"a": 1}');
});

test("json[]: strings among values are JSON text, and leave the array binary", () => {
  for (const name of NAMES) {
    const bytes = encode(codec(`${name}[]`), ['{"a": 1}', 2])!;
    assert.deepEqual(decode(codec(`${name}[]`, { json: "string" }), bytes), ['{"a": 1}', "2"]);
  }
});

test("json: Json and Jsonb stringify whatever they hold, for both types", () => {
  for (const name of NAMES) {
    for (const wrap of [Json, Jsonb]) {
      for (const value of ["text", "", null, 1, true, [1, "2"], { a: null }]) {
        assert.deepEqual(encode(codec(name), wrap(value)), body(name, JSON.stringify(value)));
        assert.equal(codec(name).text(wrap(value)), JSON.stringify(value));
      }
    }
  }
});

test("json: toJSON of an object is heeded", () => {
  for (const name of NAMES) {
    roundTrip(codec(name), { at: new Date(0) }, { at: "1970-01-01T00:00:00.000Z" });
    roundTrip(codec(name), [{ toJSON: () => 7 }], [7]);
  }
});

test("json: what JSON would drop or change is refused with its path, at any depth", () => {
  class Private {
    #secret = "secret";
    get secret(): string {
      return this.#secret;
    }
  }
  const lost: unknown[] = [
    ...[1n, NaN, Infinity, -Infinity, undefined, () => "secret", Symbol("secret"), Object(1n), Object(Symbol())],
    ...[new Map([["secret", 1]]), new Set(["secret"]), new WeakMap(), new WeakSet(), /secret/, new Error("secret")],
    ...[
      Object.assign(new TypeError("secret"), { code: 1 }),
      Promise.resolve("secret"),
      { then: () => {} },
      new Date(NaN),
    ],
    ...[
      new Uint8Array(3),
      Buffer.from("secret"),
      new Float64Array(1),
      new DataView(new ArrayBuffer(1)),
      new ArrayBuffer(1),
    ],
    ...[sql`secret ${1}`, new Private(), new AbortController(), (function* () {})(), [][Symbol.iterator]()],
    ...[{ toJSON: () => undefined }, { toJSON: () => new Map() }, new Proxy(() => {}, {}), new Array(1)],
    ...[
      Json(new Set()),
      Json(undefined),
      new (class Thenable {
        a = 1;
        then(): void {}
      })(),
    ],
  ];
  for (const name of NAMES) {
    for (const part of lost) {
      const inside = Array.isArray(part) ? "\\[0\\]" : "(?:\\.then)?";
      const cases: [unknown, string][] = [
        [Json(part), "\\$"],
        [{ items: [0, { 'odd "key': null, at: part }] }, "\\$\\.items\\[1\\]\\.at"],
        [{ 'odd "key': [part] }, '\\$\\["odd \\\\"key"\\]\\[0\\]'],
      ];
      for (const [value, path] of cases) {
        const message = refused(codec(name), value);
        assert.match(message, new RegExp(`^${path}${inside} is .*, which JSON has no form for; give JSON text`));
        assert.doesNotMatch(message, /secret/);
      }
    }
  }
});

test("json: what is cyclic or nested too deeply is refused, and what stands twice is not", () => {
  const shared = { a: 1 };
  roundTrip(codec("json"), { x: shared, y: [shared, shared] });
  const cyclic: Record<string, unknown> = { a: [{}] };
  (cyclic.a as Record<string, unknown>[])[0]!.again = cyclic;
  assert.match(refused(codec("jsonb"), cyclic), /^\$\.a\[0\]\.again is a part of itself/);
  const array: unknown[] = [];
  array.push(array);
  assert.match(refused(codec("json"), array), /^\$\[0\] is a part of itself/);
  const nested = (depth: number): unknown => {
    let value: unknown = 1;
    for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value };
    return value;
  };
  assert.equal(codec("json").text(nested(6000)).length, 3000 * 8 + 1);
  for (const depth of [6001, 200_000]) {
    const message = refused(codec("json"), nested(depth));
    assert.match(message, /^it is nested more than 6000 levels deep: at \$/);
    assert.ok(message.length < 400);
  }
});

test("json: classes with fields or with toJSON, wrapped primitives and objects of no prototype are their JSON", () => {
  class Place {
    x = 1;
    y = null;
  }
  class Money {
    #cents = 150n;
    toJSON(key: string): unknown {
      return { key, cents: Number(this.#cents) };
    }
  }
  const bare = Object.assign(Object.create(null), { a: 1 });
  const values = [new Place(), [new Money()], { m: new Money() }, bare, Object(1), Object("a"), Object(false)];
  for (
    const value of [...values, new Date(0), Temporal.Instant.from("2000-01-01T00:00:00Z"), new URL("a:b"), { "": {} }]
  ) {
    assert.equal(codec("json").text(value), JSON.stringify(value));
  }
  assert.equal(
    codec("json").text({ a: Json(new Date(0)), b: Json(Json("x")) }),
    '{"a":"1970-01-01T00:00:00.000Z","b":"x"}',
  );
});

test("json: a NUL or a lone surrogate inside a value is escaped, not refused", () => {
  assert.equal(codec("json").text(["\0", "\ud800"]), '["\\u0000","\\ud800"]');
});

test("json[]: inner arrays are values, not dimensions", () => {
  for (const name of NAMES) {
    for (const value of [[[1, 2], [3]], [[]], [[], [[]]], [{ a: [1] }, null], []]) roundTrip(codec(`${name}[]`), value);
    roundTrip(codec(`${name}[]`), [Json(null), null, '"text"', Json("text")], [null, null, "text", "text"]);
  }
});

const VALUES = [
  null,
  true,
  false,
  0,
  -1.5,
  1e300,
  [],
  {},
  [[]],
  [null, "a", { b: [1, { c: '\u2028"\\\n🎉' }] }],
  { "": 0, "10": 1, "2": 2, a: null },
  { long: "x".repeat(100_000) },
];

test("json as lossless: numbers that a double cannot hold are bigints and JsonNumber", () => {
  const numbers: [string, unknown][] = [
    ["0", 0],
    ["-0", -0],
    ["1e2", 100],
    ["100e-2", 1],
    ["0.1", 0.1],
    ["0.10", 0.1],
    ["9007199254740991", 9007199254740991],
    ["9007199254740992", 9007199254740992],
    ["9007199254740993", 9007199254740993n],
    ["-9007199254740993", -9007199254740993n],
    ["123456789012345678901234567890", 123456789012345678901234567890n],
    ["100000000000000000000000", 1e23],
    ["0.12345678901234567890", new JsonNumber("0.12345678901234567890")],
    ["1.7976931348623157e308", Number.MAX_VALUE],
    ["1e400", new JsonNumber("1e400")],
    ["1e-400", new JsonNumber("1e-400")],
    ["0e5", 0],
    ["0.000000000000000000", 0],
  ];
  for (const name of NAMES) {
    const chosen = codec(name, { json: "lossless" });
    for (const [text, value] of numbers) {
      assert.deepEqual(chosen.parse(text), value, text);
      assert.deepEqual(decode(chosen, body(name, `{"a":[${text}, "${text}"]}`)), { a: [value, text] }, text);
    }
    assert.match(refusal(BadValue, () => chosen.parse("[12345678901234567890")), /it is not JSON/);
    const value = { a: [2n ** 70n, new JsonNumber("0.12345678901234567890")], b: { "1e5": "1e5" } };
    const text = '{"a":[1180591620717411303424,0.12345678901234567890],"b":{"1e5":"1e5"}}';
    assert.deepEqual(encode(chosen, value), body(name, text));
    assert.deepEqual(chosen.parse(text), value);
    assert.match(refusal(BadValue, () => encode(codec(name), value)), /bigint/);
  }
});

test("json as lossless: a number takes time in proportion to its length", () => {
  const chosen = codec("json", { json: "lossless" });
  growsInProportion(2000, (length) => {
    const text = `0.1${"0".repeat(length)}1`;
    return () => assert.deepEqual(chosen.parse(text), new JsonNumber(text));
  });
});

test("JsonNumber: its text is a number in JSON, which it stays in other JSON", () => {
  const number = new JsonNumber("-1.50e+3");
  assert.equal(String(number), "-1.50e+3");
  assert.equal(JSON.stringify([number]), "[-1.50e+3]");
  assert.deepEqual(encode(codec("json"), [number]), body("json", "[-1.50e+3]"));
  for (const text of ["", "1.", ".5", "01", "+1", "1 ", "NaN", '"1"', "1e"]) {
    assert.throws(() => new JsonNumber(text), UsageError);
  }
});
