import assert from "node:assert/strict";
import type { DatesChoice } from "../../src/options/choices.ts";
import { BadValue } from "../../src/codecs/codec.ts";
import { codec, decodeHex, encodeHex, int64, readBoth, refused, roundTrip } from "../support/values/codecs.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

const date = codec("date");
const time = codec("time");

/** The value of that many days or microseconds and of that text. */
function both(name: "date" | "time", dates: DatesChoice, count: number, text: string): unknown {
  const body = int64(BigInt(count));
  return readBoth(codec(name, { dates }), name === "date" ? body.slice(4) : body, text);
}

test("date: every choice gives the same from both formats", () => {
  assert.equal(both("date", "temporal", 1, "2000-01-02"), "PlainDate 2000-01-02");
  assert.equal(both("date", "temporal", -1, "1999-12-31"), "PlainDate 1999-12-31");
  assert.deepEqual(both("date", "date", -1, "1999-12-31"), new Date("1999-12-31T00:00:00Z"));
  assert.equal(both("date", "string", -1, "1999-12-31"), "1999-12-31");
});

test("date: years before Christ", () => {
  assert.equal(both("date", "temporal", -730_120, "0001-12-31 BC"), "PlainDate 0000-12-31");
  assert.equal(both("date", "temporal", -2_451_545, "4714-11-24 BC"), "PlainDate -004713-11-24");
  assert.deepEqual(both("date", "date", -2_451_545, "4714-11-24 BC"), new Date("-004713-11-24T00:00:00Z"));
  assert.equal(both("date", "string", -2_451_545, "4714-11-24 BC"), "4714-11-24 BC");
});

test("date: infinities are numbers, or text where dates are text", () => {
  for (
    const [text, value, days] of [["infinity", Infinity, 0x7fff_ffff], ["-infinity", -Infinity, -0x8000_0000]] as const
  ) {
    assert.equal(both("date", "temporal", days, text), value);
    assert.equal(both("date", "date", days, text), value);
    assert.equal(both("date", "string", days, text), text);
    roundTrip(date, value);
    assert.equal(encodeHex(date, value), days > 0 ? "7fffffff" : "80000000");
    assert.equal(date.text(value), text);
  }
});

test("date: behind Temporal's last day, 275760-09-13, comes text", () => {
  assert.equal(both("date", "temporal", 99_989_043, "275760-09-13"), "PlainDate +275760-09-13");
  assert.equal(both("date", "temporal", 99_989_044, "275760-09-14"), "275760-09-14");
  assert.equal(both("date", "temporal", 2_145_031_948, "5874897-12-31"), "5874897-12-31");
  assert.deepEqual(both("date", "date", 99_989_043, "275760-09-13"), new Date(8.64e15));
  assert.equal(both("date", "date", 99_989_044, "275760-09-14"), "275760-09-14");
});

test("date: values come back", () => {
  for (const text of ["2000-01-01", "1999-02-28", "2024-02-29", "0000-02-29", "-004713-11-24", "+275760-09-13"]) {
    roundTrip(date, Temporal.PlainDate.from(text));
    const midnight = new Date(Temporal.PlainDate.from(text).toZonedDateTime("UTC").epochMilliseconds);
    roundTrip(codec("date", { dates: "date" }), midnight);
  }
});

test("date: of a Date the day in UTC is sent, also before the epochs", () => {
  roundTrip(date, new Date("1999-12-31T23:59:59.999Z"), Temporal.PlainDate.from("1999-12-31"));
  roundTrip(date, new Date("1969-12-31T23:59:59.999Z"), Temporal.PlainDate.from("1969-12-31"));
  roundTrip(date, new Date(0), Temporal.PlainDate.from("1970-01-01"));
});

test("date: dates of other calendars are the same day", () => {
  for (const calendar of ["gregory", "hebrew", "japanese", "buddhist"]) {
    const iso = Temporal.PlainDate.from("2000-02-29");
    roundTrip(date, iso.withCalendar(calendar), iso);
  }
});

test("date: the day before PostgreSQL's first is refused", () => {
  assert.match(refused(date, Temporal.PlainDate.from("-004713-11-23")), /4714-11-24 BC/);
  assert.match(refused(date, new Date("-004713-11-23T23:59:59Z")), /4714-11-24 BC/);
});

test("date: other kinds of times, an invalid Date, NaN and numbers are refused", () => {
  assert.equal(refused(date, new Date(NaN)), "the Date is invalid");
  assert.match(refused(date, Temporal.Instant.fromEpochMilliseconds(0)), /^an Instant was given/);
  assert.match(refused(date, Temporal.PlainDateTime.from("2000-01-01T00:00")), /^a PlainDateTime was given/);
  for (const value of [NaN, 0, 1n, true, {}, [], undefined]) refused(date, value);
});

test("time: every choice gives the same from both formats", () => {
  const micros = 45_296_789_013;
  assert.equal(both("time", "temporal", micros, "12:34:56.789013"), "PlainTime 12:34:56.789013");
  assert.equal(both("time", "date", micros, "12:34:56.789013"), "12:34:56.789013");
  assert.equal(both("time", "string", micros, "12:34:56.789013"), "12:34:56.789013");
  assert.equal(both("time", "temporal", 0, "00:00:00"), "PlainTime 00:00:00");
  assert.equal(both("time", "temporal", 86_399_999_999, "23:59:59.999999"), "PlainTime 23:59:59.999999");
});

test("time: 24:00:00, which Temporal has not, comes as text", () => {
  for (const choice of ["temporal", "date", "string"] as const) {
    assert.equal(both("time", choice, 86_400_000_000, "24:00:00"), "24:00:00");
  }
});

test("time: values come back, rounded to the nearest microsecond", () => {
  for (const text of ["00:00:00", "12:34:56.789012", "23:59:59.999999", "00:00:00.000001"]) {
    roundTrip(time, Temporal.PlainTime.from(text));
  }
  roundTrip(time, Temporal.PlainTime.from("01:02:03.000000499"), Temporal.PlainTime.from("01:02:03"));
  roundTrip(time, Temporal.PlainTime.from("01:02:03.0000005"), Temporal.PlainTime.from("01:02:03.000001"));
  roundTrip(time, Temporal.PlainTime.from("01:02:59.9999999"), Temporal.PlainTime.from("01:03:00"));
  roundTrip(time, Temporal.PlainTime.from("23:59:59.9999999"), "24:00:00");
});

test("time: a body beyond 24:00:00 is refused", () => {
  for (const digits of ["000000141dd76001", "ffffffffffffffff", "8000000000000000", "7fffffffffffffff"]) {
    assert.match(refusal(BadValue, () => decodeHex(time, digits)), /later than 24:00:00/);
  }
});

test("time: Dates, infinities and numbers are refused", () => {
  for (
    const value of [new Date(0), Infinity, -Infinity, 0, 1n, true, {}, Temporal.PlainDateTime.from("2000-01-01T00:00")]
  ) {
    assert.match(refused(time, value), /was given where a Temporal.PlainTime or a string is needed/);
  }
});
