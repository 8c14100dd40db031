import assert from "node:assert/strict";
import type { DatesChoice } from "../../src/options/choices.ts";
import { Outbox } from "../../src/wire/outbox.ts";
import { codec, encode, encodeHex, int64, readBoth, refused, roundTrip } from "../support/values/codecs.ts";
import { growsInProportion } from "../support/suite/growth.ts";
import { Random } from "../support/suite/random.ts";
import { test } from "../support/suite/test.ts";

const timestamp = codec("timestamp");
const timestamptz = codec("timestamptz");

/** The value of that many microseconds and of that text. */
function both(name: string, dates: DatesChoice, micros: bigint, text: string): unknown {
  return readBoth(codec(name, { dates }), int64(micros), text);
}

test("timestamp: every choice gives the same from both formats", () => {
  const text = "1999-12-31 23:59:59.999999";
  assert.equal(both("timestamp", "temporal", -1n, text), "PlainDateTime 1999-12-31T23:59:59.999999");
  assert.deepEqual(both("timestamp", "date", -1n, text), new Date("1999-12-31T23:59:59.999Z"));
  assert.equal(both("timestamp", "string", -1n, text), text);
  assert.equal(both("timestamp", "temporal", 0n, "2000-01-01 00:00:00"), "PlainDateTime 2000-01-01T00:00:00");
});

test("timestamptz: every choice gives the same from both formats, in UTC", () => {
  const text = "2000-01-01 02:29:59.999999+02:30";
  assert.equal(both("timestamptz", "temporal", -1n, text), "Instant 1999-12-31T23:59:59.999999Z");
  assert.deepEqual(both("timestamptz", "date", -1n, text), new Date("1999-12-31T23:59:59.999Z"));
  assert.equal(both("timestamptz", "string", -1n, text), "1999-12-31 23:59:59.999999+00");
});

test("timestamptz: offsets of old zones have seconds", () => {
  assert.equal(both("timestamptz", "temporal", 0n, "2000-01-01 00:19:32+00:19:32"), "Instant 2000-01-01T00:00:00Z");
  assert.equal(
    both("timestamptz", "temporal", 5n, "1999-12-31 23:15:30.000005-00:44:30"),
    "Instant 2000-01-01T00:00:00.000005Z",
  );
});

test("timestamps: before 1970 and 2000 a fraction still counts upwards", () => {
  assert.equal(
    both("timestamp", "temporal", -946_684_800_000_001n, "1969-12-31 23:59:59.999999"),
    "PlainDateTime 1969-12-31T23:59:59.999999",
  );
  assert.deepEqual(both("timestamptz", "date", -946_684_800_000_001n, "1969-12-31 23:59:59.999999+00"), new Date(-1));
});

test("timestamps: infinities are numbers, or text where dates are text", () => {
  for (const name of ["timestamp", "timestamptz"]) {
    for (
      const [micros, text, value] of [[2n ** 63n - 1n, "infinity", Infinity], [
        -(2n ** 63n),
        "-infinity",
        -Infinity,
      ]] as const
    ) {
      assert.equal(both(name, "temporal", micros, text), value);
      assert.equal(both(name, "date", micros, text), value);
      assert.equal(both(name, "string", micros, text), text);
      roundTrip(codec(name), value);
    }
  }
});

test("timestamps: the first moment comes back, and the one before it is refused", () => {
  assert.equal(both("timestamp", "temporal", FIRST, "4714-11-24 00:00:00 BC"), "PlainDateTime -004713-11-24T00:00:00");
  assert.equal(both("timestamptz", "temporal", FIRST, "4714-11-24 00:00:00+00 BC"), "Instant -004713-11-24T00:00:00Z");
  assert.equal(both("timestamptz", "string", FIRST, "4714-11-24 00:00:00+00 BC"), "4714-11-24 00:00:00+00 BC");
  roundTrip(timestamp, Temporal.PlainDateTime.from("-004713-11-24T00:00:00"));
  roundTrip(timestamptz, Temporal.Instant.from("-004713-11-24T00:00:00Z"));
  assert.match(
    refused(timestamp, Temporal.PlainDateTime.from("-004713-11-23T23:59:59.999999")),
    /before timestamp's first/,
  );
  assert.match(
    refused(timestamptz, Temporal.Instant.from("-004713-11-23T23:59:59.999999Z")),
    /before timestamptz's first/,
  );
  assert.match(refused(timestamptz, new Date("-004713-11-23T23:59:59Z")), /before/);
});

test("timestamptz: Instant ends at 275760-09-13 00:00, and text comes from then on", () => {
  const value = (micros: bigint, text: string): unknown => both("timestamptz", "temporal", micros, text);
  assert.equal(value(LAST_INSTANT - 1n, "275760-09-12 23:59:59.999999+00"), "Instant +275760-09-12T23:59:59.999999Z");
  assert.equal(value(LAST_INSTANT, "275760-09-13 00:00:00+00"), "Instant +275760-09-13T00:00:00Z");
  assert.equal(value(LAST_INSTANT + 1n, "275760-09-13 00:00:00.000001+00"), "275760-09-13 00:00:00.000001+00");
  assert.equal(value(LAST, "294276-12-31 23:59:59.999999+00"), "294276-12-31 23:59:59.999999+00");
  assert.deepEqual(both("timestamptz", "date", LAST_INSTANT, "275760-09-13 00:00:00+00"), new Date(8.64e15));
  assert.equal(both("timestamptz", "date", LAST, "294276-12-31 23:59:59.999999+00"), "294276-12-31 23:59:59.999999+00");
});

test("timestamp: PlainDateTime ends a day after Instant", () => {
  const value = (micros: bigint, text: string): unknown => both("timestamp", "temporal", micros, text);
  assert.equal(
    value(LAST_INSTANT + DAY - 1n, "275760-09-13 23:59:59.999999"),
    "PlainDateTime +275760-09-13T23:59:59.999999",
  );
  assert.equal(value(LAST_INSTANT + DAY, "275760-09-14 00:00:00"), "275760-09-14 00:00:00");
  assert.equal(value(LAST, "294276-12-31 23:59:59.999999"), "294276-12-31 23:59:59.999999");
});

test("timestamps: random values come back, to the microsecond", () => {
  const random = new Random(1999);
  for (let i = 0; i < 500; i++) {
    const micros = BigInt(random.below(102_000_000) - 2_451_545) * DAY + BigInt(random.below(86_400_000_000));
    if (micros > LAST_INSTANT) continue;
    const value = new Temporal.Instant(946_684_800_000_000_000n + micros * 1000n);
    assert.deepEqual(encode(timestamptz, value), int64(micros));
    roundTrip(timestamptz, value);
    assert.deepEqual(encode(timestamp, value.toZonedDateTimeISO("UTC").toPlainDateTime()), encode(timestamptz, value));
    roundTrip(timestamp, value.toZonedDateTimeISO("UTC").toPlainDateTime());
  }
});

test("timestamps: finer than a microsecond is rounded to the nearest, before the epochs too", () => {
  for (const [given, expected] of ROUNDED) {
    roundTrip(timestamp, Temporal.PlainDateTime.from(given), Temporal.PlainDateTime.from(expected));
    roundTrip(timestamptz, Temporal.Instant.from(`${given}Z`), Temporal.Instant.from(`${expected}Z`));
  }
});

test("timestamps: a Date is its UTC fields, or its instant", () => {
  const value = new Date("1969-12-31T23:59:59.999Z");
  roundTrip(timestamp, value, Temporal.PlainDateTime.from("1969-12-31T23:59:59.999"));
  roundTrip(timestamptz, value, Temporal.Instant.from("1969-12-31T23:59:59.999Z"));
  for (const name of ["timestamp", "timestamptz"]) {
    roundTrip(codec(name, { dates: "date" }), value);
    assert.equal(refused(codec(name), new Date(NaN)), "the Date is invalid");
  }
});

test("timestamptz: a ZonedDateTime is its instant", () => {
  const value = Temporal.ZonedDateTime.from("2024-07-01T12:00:00.123456+02:00[Europe/Berlin]");
  roundTrip(timestamptz, value, value.toInstant());
});

test("timestamp: fields of other calendars are the same moment", () => {
  const iso = Temporal.PlainDateTime.from("2000-02-29T12:34:56.789");
  for (const calendar of ["gregory", "hebrew", "japanese"]) roundTrip(timestamp, iso.withCalendar(calendar), iso);
});

test("timestamps: fields are no instant, and an instant has no fields; the message says how to convert", () => {
  const instant = Temporal.Instant.fromEpochMilliseconds(0);
  assert.match(refused(timestamp, instant), /^an Instant was given .*toPlainDateTime/);
  assert.match(refused(timestamp, instant.toZonedDateTimeISO("UTC")), /^a ZonedDateTime was given .*toPlainDateTime/);
  assert.match(
    refused(timestamptz, Temporal.PlainDateTime.from("2000-01-01T00:00")),
    /^a PlainDateTime was given .*toZonedDateTime/,
  );
});

test("timestamps: other kinds, numbers and NaN are refused", () => {
  for (const name of ["timestamp", "timestamptz"]) {
    for (const value of [0, NaN, 1n, true, {}, [], undefined, Temporal.PlainDate.from("2000-01-01")]) {
      assert.match(refused(codec(name), value), /was given where/);
    }
  }
});

test("timestamps: the text of a parameter is ISO, in UTC for timestamptz", () => {
  const instant = Temporal.Instant.from("-000043-03-15T12:00:00.5Z");
  assert.equal(timestamptz.text(instant), "0044-03-15 12:00:00.5+00 BC");
  assert.equal(timestamp.text(instant.toZonedDateTimeISO("UTC").toPlainDateTime()), "0044-03-15 12:00:00.5 BC");
  assert.equal(encodeHex(timestamp, Temporal.PlainDateTime.from("2000-01-01T00:00:01")), "00000000000f4240");
});

const DAY = 86_400_000_000n;
const FIRST = -211_813_488_000_000_000n;
const LAST = 9_223_371_331_199_999_999n;
const LAST_INSTANT = (100_000_000n - 10_957n) * DAY;
const ROUNDED: readonly (readonly [given: string, expected: string])[] = [
  ["2000-01-01T00:00:00.000000499", "2000-01-01T00:00:00"],
  ["2000-01-01T00:00:00.0000005", "2000-01-01T00:00:00.000001"],
  ["1999-12-31T23:59:59.999999499", "1999-12-31T23:59:59.999999"],
  ["1999-12-31T23:59:59.9999995", "2000-01-01T00:00:00"],
  ["1969-12-31T23:59:59.9999999", "1970-01-01T00:00:00"],
  ["1969-12-31T23:59:59.000000001", "1969-12-31T23:59:59"],
  ["0000-01-01T00:00:00.000000999", "0000-01-01T00:00:00.000001"],
];

test("timestamptz: to see that a text has no offset takes time in proportion to its length", () => {
  growsInProportion(5000, (length) => {
    const text = "0:00 ".repeat(length);
    return () => assert.throws(() => timestamptz.encodeText!(new Outbox(), text));
  });
});
