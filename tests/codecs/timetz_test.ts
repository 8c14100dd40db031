import assert from "node:assert/strict";
import { array } from "../../src/codecs/array.ts";
import { BadValue } from "../../src/codecs/codec.ts";
import { timetz } from "../../src/codecs/timetz.ts";
import { decode, decodeHex, int64, readBoth, refused, roundTrip, sent } from "../support/values/codecs.ts";
import { Random } from "../support/suite/random.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

/** The body of that many microseconds and of an offset in seconds west of UTC. */
function body(micros: number, west: number): Uint8Array {
  return Uint8Array.of(...int64(BigInt(micros)), ...int64(BigInt(west)).slice(4));
}

test("timetz: the server's text, from both formats", () => {
  const cases: readonly (readonly [micros: number, west: number, text: string])[] = [
    [0, 0, "00:00:00+00"],
    [45_296_789_000, -7200, "12:34:56.789+02"],
    [45_296_000_001, 7200, "12:34:56.000001-02"],
    [86_399_999_999, -12_600, "23:59:59.999999+03:30"],
    [86_400_000_000, 12_615, "24:00:00-03:30:15"],
    [0, -1, "00:00:00+00:00:01"],
    [0, 1, "00:00:00-00:00:01"],
    [0, 3605, "00:00:00-01:00:05"],
    [0, 60, "00:00:00-00:01"],
    [0, 57_599, "00:00:00-15:59:59"],
    [0, -57_599, "00:00:00+15:59:59"],
  ];
  for (const [micros, west, text] of cases) assert.equal(readBoth(timetz, body(micros, west), text), text);
});

test("timetz: any time and offset reads the same from its text", () => {
  const random = new Random(12);
  for (let i = 0; i < 1000; i++) {
    const text = decode(timetz, body(random.below(86_400) * 1_000_000 + random.below(1_000_000), random.below(57_600)));
    assert.equal(timetz.parse(text as string), text);
  }
});

test("timetz: text that says the same in more digits gives the shortest", () => {
  assert.equal(timetz.parse("12:00:00.500+02:00:00"), "12:00:00.5+02");
});

test("timetz: strings are sent as they are, alone and in arrays", () => {
  assert.equal(sent(timetz, "12:34 CET"), "12:34 CET");
  roundTrip(array("timetz[]", timetz, 1266), ["12:34:56+02", null, "24:00:00-03:30:15"]);
});

test("timetz: all that is no string is refused", () => {
  for (const value of [0, 1n, true, Infinity, {}, [], undefined, new Date(0), Temporal.PlainTime.from("12:00")]) {
    assert.match(refused(timetz, value), /was given where a string is needed$/);
  }
});

test("timetz: a body out of range or of another length is refused", () => {
  for (const digits of ["000000141dd76001", "ffffffffffffffff", "8000000000000000", "7fffffffffffffff"]) {
    assert.equal(refusal(BadValue, () => decodeHex(timetz, `${digits} 00000000`)), "it is later than 24:00:00");
  }
  for (const west of [57_600, -57_600, 2 ** 31 - 1, -(2 ** 31)]) {
    assert.match(refusal(BadValue, () => decode(timetz, body(0, west))), /16 hours or more from UTC/);
  }
  assert.equal(refusal(BadValue, () => decodeHex(timetz, "00".repeat(11))), "it has 11 bytes instead of 12");
  refusal(BadValue, () => decodeHex(timetz, "00".repeat(13)));
});

test("timetz: malformed text is refused", () => {
  for (
    const text of [
      "",
      "secret",
      "12:34:56",
      "12:34+02",
      "12:34:56 +02",
      "12:34:56+2",
      "12:34:56+02:3",
      "12:34:56+02:60",
      "12:34:56+02:00:60",
      "12:60:00+02",
      "12:00:60+02",
      "12:34:56.+02",
      "12:34:56.1234567+02",
      "12:34:56+02 ",
      "12:34:56+02\n",
      " 12:34:56+02",
      "12:34:56Z",
    ]
  ) {
    assert.match(refusal(BadValue, () => timetz.parse(text)), /^it is not a time with time zone/, text);
  }
  assert.equal(refusal(BadValue, () => timetz.parse("24:00:00.000001+00")), "there is no such time of day");
  assert.match(refusal(BadValue, () => timetz.parse("12:00:00-16")), /16 hours or more/);
});
