import assert from "node:assert/strict";
import { BadValue } from "../../src/codecs/codec.ts";
import {
  civilOf,
  dateText,
  DAY,
  daysOf,
  EPOCH_DAYS,
  offsetOf,
  parseDate,
  parseTime,
  parseTimestamp,
  timestampText,
  timeText,
} from "../../src/codecs/calendar.ts";
import { Random } from "../support/suite/random.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

const EPOCH = Temporal.PlainDate.from("2000-01-01");
const [FIRST, LAST] = [daysUntil("-271821-04-19"), daysUntil("+275760-09-13")];

function daysUntil(date: string): number {
  return EPOCH.until(date, { largestUnit: "days" }).days;
}

test("calendar: days and dates agree with Temporal, on random days of its whole range", () => {
  const random = new Random(2000);
  for (let i = 0; i < 3000; i++) {
    const days = FIRST + random.below(LAST - FIRST + 1);
    const { year, month, day } = EPOCH.add({ days });
    assert.deepEqual(civilOf(days), { year, month, day });
    assert.equal(daysOf(year, month, day), days);
  }
});

test("calendar: days and dates agree with Temporal, on every day around ends of years and centuries", () => {
  for (
    const year of [-4713, -401, -400, -101, -100, -5, -4, -1, 0, 1, 4, 100, 400, 1600, 1900, 1999, 2000, 2024, 9999]
  ) {
    const first = EPOCH.until(new Temporal.PlainDate(year, 1, 1), { largestUnit: "days" }).days;
    for (let days = first - 1; days < first + 367; days++) {
      const { year, month, day } = EPOCH.add({ days });
      assert.deepEqual(civilOf(days), { year, month, day });
      assert.equal(daysOf(year, month, day), days);
    }
  }
});

test("calendar: the ends of PostgreSQL's dates", () => {
  assert.equal(dateText(-2_451_545), "4714-11-24 BC");
  assert.equal(parseDate("4714-11-24 BC"), -2_451_545);
  assert.equal(dateText(2_145_031_948), "5874897-12-31");
  assert.equal(parseDate("5874897-12-31"), 2_145_031_948);
  assert.equal(daysOf(1970, 1, 1), -EPOCH_DAYS);
});

test("calendar: there is no year 0, and years have four digits or more", () => {
  assert.equal(dateText(daysOf(0, 12, 31)), "0001-12-31 BC");
  assert.equal(dateText(daysOf(1, 1, 1)), "0001-01-01");
  assert.equal(dateText(daysOf(-43, 3, 15)), "0044-03-15 BC");
  assert.equal(dateText(daysOf(9999, 12, 31) + 1), "10000-01-01");
  assert.equal(parseDate("0001-01-01"), parseDate("0001-12-31 BC") + 1);
});

test("calendar: text of random dates reads back, far beyond Temporal's too", () => {
  const random = new Random(1582);
  for (let i = 0; i < 3000; i++) {
    const days = random.below(2_147_483_493) - 2_451_545;
    assert.equal(parseDate(dateText(days)), days);
  }
});

test("calendar: the text of a time has the fraction that it needs", () => {
  const cases: readonly (readonly [micros: number, text: string])[] = [
    [0, "00:00:00"],
    [1, "00:00:00.000001"],
    [100_000, "00:00:00.1"],
    [59_999_990, "00:00:59.99999"],
    [45_296_789_000, "12:34:56.789"],
    [DAY - 1, "23:59:59.999999"],
    [DAY, "24:00:00"],
  ];
  for (const [micros, text] of cases) {
    assert.equal(timeText(micros), text);
    assert.equal(parseTime(text), micros);
  }
  assert.equal(parseTime("00:00:00.10"), 100_000);
});

test("calendar: text of random timestamps reads back, with any offset", () => {
  const random = new Random(1884);
  for (let i = 0; i < 3000; i++) {
    const days = random.below(109_000_000) - 2_451_545;
    const micros = random.below(DAY);
    assert.deepEqual(parseTimestamp(timestampText(days, micros, "")), { days, micros });
    const offset = random.pick(["+00", "+14", "-12", "+05:45", "-03:30", "+00:19:32", "-00:44:30"]);
    const utc = (days * 86_400 - offsetOf(offset) / 1_000_000) + Math.floor(micros / 1_000_000);
    const parsed = parseTimestamp(timestampText(days, micros, offset));
    assert.equal(parsed.days * 86_400 + Math.floor(parsed.micros / 1_000_000), utc);
    assert.equal(parsed.micros % 1_000_000, micros % 1_000_000);
    assert.ok(parsed.micros >= 0 && parsed.micros < DAY);
  }
});

test("calendar: offsets are east of UTC, down to the second", () => {
  assert.equal(offsetOf("+02"), 7_200_000_000);
  assert.equal(offsetOf("-03:30"), -12_600_000_000);
  assert.equal(offsetOf("+00:19:32"), 1_172_000_000);
  assert.equal(offsetOf("-00:00:01"), -1_000_000);
  const noon = parseTimestamp("2000-01-01 12:00:00");
  assert.deepEqual(parseTimestamp("2000-01-01 14:00:00+02"), noon);
  assert.deepEqual(parseTimestamp("2000-01-01 08:30:00-03:30"), noon);
  assert.deepEqual(parseTimestamp("2000-01-02 00:30:00+12:30"), noon);
  assert.deepEqual(parseTimestamp("1999-12-31 23:00:00-13"), noon);
  assert.deepEqual(parseTimestamp("2000-01-01 24:00:00+12"), noon);
});

test("calendar: the era stands behind the time and the offset", () => {
  assert.equal(timestampText(daysOf(0, 1, 1), 1, ""), "0001-01-01 00:00:00.000001 BC");
  assert.equal(timestampText(daysOf(1, 1, 1), 0, ""), "0001-01-01 00:00:00");
  assert.equal(timestampText(daysOf(0, 1, 1), 0, "+00"), "0001-01-01 00:00:00+00 BC");
  assert.deepEqual(parseTimestamp("0001-12-31 23:30:00-00:30 BC"), { days: daysOf(1, 1, 1), micros: 0 });
});

test("calendar: other styles than ISO are refused", () => {
  const bad = [
    "",
    "2000",
    "01.02.2000",
    "2000-1-02",
    "200-01-02",
    "2000-01-02 AD",
    "2000-01-02BC",
    " 2000-01-02",
    "-2000-01-02",
  ];
  for (const text of bad) refusal(BadValue, () => parseDate(text));
  for (const text of ["", "12", "12:00", "1:00:00", "12:00:00.", "12:00:00.1234567", "12:00:00 PM", "12:00:00+00"]) {
    refusal(BadValue, () => parseTime(text));
    refusal(BadValue, () => parseTimestamp(`2000-01-01 ${text === "12:00:00+00" ? "12:00:00+0" : text}`));
  }
  for (
    const text of [
      "2000-01-01",
      "2000-01-01T00:00:00",
      "2000-01-01 00:00:00Z",
      "Sat Jan 01 00:00:00 2000",
      "2000-01-01 00:00:00 +00",
    ]
  ) {
    refusal(BadValue, () => parseTimestamp(text));
  }
});

test("calendar: dates and times that do not exist are refused", () => {
  for (
    const text of ["2000-00-01", "2000-13-01", "2000-01-00", "2000-01-32", "2001-02-29", "1900-02-29", "2000-04-31"]
  ) {
    assert.match(refusal(BadValue, () => parseDate(text)), /no such date/);
    assert.match(refusal(BadValue, () => parseTimestamp(`${text} 00:00:00`)), /no such date/);
  }
  for (const text of ["24:00:01", "23:60:00", "23:59:60", "24:00:00.000001", "99:00:00"]) {
    assert.match(refusal(BadValue, () => parseTime(text)), /no such time of day/);
    assert.match(refusal(BadValue, () => parseTimestamp(`2000-01-01 ${text}`)), /no such time of day/);
  }
  assert.equal(parseDate("2000-02-29"), daysOf(2000, 2, 29));
});
