import assert from "node:assert/strict";
import { BadValue, kindOf } from "../../src/codecs/codec.ts";
import { codec, sent } from "../support/values/codecs.ts";
import { test } from "../support/suite/test.ts";

/** Values that show this wherever they are turned into text. */
const MARKER = "31337";

class Marked {
  readonly secret = MARKER;

  toString(): string {
    return MARKER;
  }

  toJSON(): string {
    throw new BadValue("unfit");
  }
}

const MARKED: readonly unknown[] = [
  31337.31337,
  31337n * 10n ** 30n,
  Symbol(MARKER),
  Object.assign(() => MARKER, { secret: MARKER }),
  new Marked(),
  new Map([[MARKER, MARKER]]),
  [MARKER, { secret: MARKER }, new Marked()],
  [[31337], [31337, 31337]],
  { secret: MARKER, inner: { big: 31337n } },
  new Date("+031337-01-01"),
  Temporal.PlainDate.from("-031337-01-01"),
  Temporal.Instant.from("-031337-01-01T00:00:00Z"),
  Temporal.PlainDateTime.from("-031337-01-01T00:00:00"),
  Temporal.Duration.from({ seconds: 31337 }),
  `${MARKER}\0`,
  `${MARKER}\ud800`,
];

const NAMES = [
  ..."bool int2 int4 oid int8 float4 float8 numeric text varchar uuid bytea json jsonb date time".split(" "),
  ..."timestamp timestamptz inet bool[] int4[] int8[] float4[] numeric[] text[] bytea[] jsonb[] date[]".split(" "),
];

test("kinds: a complaint about a parameter never shows the value", () => {
  let complaints = 0;
  for (const name of NAMES) {
    for (const value of MARKED) {
      try {
        sent(codec(name), value);
      } catch (error) {
        assert.ok(error instanceof BadValue, `${name} of ${kindOf(value)}: ${error}`);
        assert.doesNotMatch(error.message, /31337/, `${name} of ${kindOf(value)}`);
        complaints += 1;
      }
    }
  }
  assert.ok(complaints > 250, `${complaints} of them are refused`);
});

test("kinds: null is never asked of a codec, undefined is refused by all", () => {
  for (const name of NAMES) {
    for (const value of [undefined, [undefined]]) {
      if (value !== undefined && !name.endsWith("[]")) continue;
      assert.throws(
        () => sent(codec(name), value),
        (error) => error instanceof BadValue && /undefined/.test(error.message),
      );
    }
  }
});

test("kinds: they are told by words", () => {
  const { proxy: revoked, revoke } = Proxy.revocable({}, {});
  revoke();
  const cases: readonly (readonly [value: unknown, kind: string])[] = [
    [null, "null"],
    [undefined, "undefined"],
    ["x", "a string"],
    [1, "a number"],
    [1n, "a bigint"],
    [true, "a boolean"],
    [Symbol("x"), "a symbol"],
    [() => 1, "a function"],
    [[], "an array"],
    [{}, "an object"],
    [Object.create(null), "an object"],
    [new Map(), "a Map"],
    [new Error("x"), "an Error"],
    [new (class {})(), "an object"],
    [new Marked(), "a Marked"],
    [Temporal.Instant.fromEpochMilliseconds(0), "an Instant"],
    [revoked, "an object that cannot be examined"],
  ];
  for (const [value, kind] of cases) assert.equal(kindOf(value), kind);
});
