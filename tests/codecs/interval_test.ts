import assert from "node:assert/strict";
import { UsageError } from "../../src/errors.ts";
import { array } from "../../src/codecs/array.ts";
import { BadValue, textOf } from "../../src/codecs/codec.ts";
import { Interval, interval, type IntervalFields } from "../../src/codecs/interval.ts";
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

/** Months, days and microseconds, with their texts in the order of {@linkcode STYLES}. As PostgreSQL 18 prints them. */
type Printed = readonly [months: number, days: number, microseconds: bigint, texts: readonly string[]];

test("interval: the texts of all styles and the binary format give the same", () => {
  for (const [months, days, microseconds, texts] of PRINTED) {
    const value = new Interval({ months, days, microseconds });
    for (const text of texts) assert.deepEqual(readBoth(interval, encode(interval, value)!, text), value, text);
    assert.equal(String(value), texts.at(-1));
  }
});

test("interval: microseconds, days and months, in this order", () => {
  const digits = "00000000 0000000f ffffffff 0000000e";
  const value = new Interval({ months: 14, days: -1, microseconds: 15n });
  assert.deepEqual(decodeHex(interval, digits), value);
  assert.equal(encodeHex(interval, value), digits.replaceAll(" ", ""));
});

test("interval: values come back", () => {
  for (const [months, days, microseconds] of PRINTED) roundTrip(interval, new Interval({ months, days, microseconds }));
  const random = new Random(17);
  for (let i = 0; i < 1000; i++) {
    const value = decode(interval, random.bytes(16)) as Interval;
    roundTrip(interval, value);
    assert.deepEqual(Interval.from(String(value)), value);
  }
});

test("interval: a minus of -2^31 days that old servers print twice, or before ago", () => {
  const days = -(2 ** 31);
  for (const text of ["--2147483648 0:00:00", "+0-0 --2147483648 +0:00:00", "@ -2147483648 days ago"]) {
    assert.deepEqual(interval.parse(text), new Interval({ days }));
  }
  assert.deepEqual(interval.parse("@ 1 mon -2147483648 days ago"), new Interval({ months: -1, days }));
});

test("interval: infinities are numbers, and sent as text, which servers without them refuse", () => {
  for (
    const [text, value, digits] of [
      ["infinity", Infinity, "7fffffffffffffff 7fffffff 7fffffff"],
      ["-infinity", -Infinity, "8000000000000000 80000000 80000000"],
    ] as const
  ) {
    assert.equal(readBoth(interval, hex(digits), text), value);
    assert.equal(sent(interval, value), text);
    roundTrip(interval, value);
    roundTrip(array("interval[]", interval, 1186), [value, null, new Interval({ days: 1 })]);
  }
  // Only where all three fields are extreme.
  assert.ok(decodeHex(interval, "7fffffffffffffff 7fffffff 7ffffffe") instanceof Interval);
  assert.ok(decodeHex(interval, "7fffffffffffffff 80000000 7fffffff") instanceof Interval);
});

test("interval: a Duration is sent as its months, days and microseconds", () => {
  const cases: readonly (readonly [duration: string, fields: IntervalFields])[] = [
    ["PT0S", {}],
    ["P1Y2M", { months: 14 }],
    ["P2W3D", { days: 17 }],
    ["-P1Y1M1W1DT1H1M1.001001S", { months: -13, days: -8, microseconds: -3_661_001_001n }],
    ["PT100H", { microseconds: 360_000_000_000n }],
    ["PT0.000000499S", {}],
    ["PT0.0000005S", { microseconds: 1n }],
    ["-PT0.0000005S", { microseconds: -1n }],
    ["-PT0.000000499S", {}],
    ["PT9223372036854.775807S", { microseconds: 2n ** 63n - 1n }],
  ];
  for (const [text, fields] of cases) {
    const duration = Temporal.Duration.from(text);
    roundTrip(interval, duration, new Interval(fields));
    assert.deepEqual(Interval.from(duration), new Interval(fields));
    assert.equal(encodeHex(interval, duration), encodeHex(interval, new Interval(fields)));
  }
});

test("interval: a Duration out of range is refused", () => {
  const cases: readonly (readonly [duration: Temporal.DurationLike, reason: string])[] = [
    [{ years: 178_956_971 }, MONTHS],
    [{ years: -178_956_970, months: -9 }, MONTHS],
    [{ weeks: 306_783_378, days: 2 }, DAYS],
    [{ seconds: 9_223_372_036_854, microseconds: 775_808 }, MICROSECONDS],
    [{ seconds: 9_223_372_036_854, microseconds: 775_807, nanoseconds: 500 }, MICROSECONDS],
    [{ months: 2 ** 31 - 1, days: 2 ** 31 - 1, seconds: 9_223_372_036_854, microseconds: 775_807 }, INFINITY],
  ];
  for (const [fields, reason] of cases) {
    const duration = Temporal.Duration.from(fields);
    assert.equal(refused(interval, duration), reason);
    assert.equal(
      refusal(UsageError, () => Interval.from(duration)),
      `Cannot make an Interval of the Duration: ${reason}`,
    );
  }
});

test("interval: as a Duration it has the same text, if its fields agree in sign", () => {
  const month = 7;
  for (const sign of [1, -1]) {
    for (const days of [0, 3 * sign, 0x7fff_ffff * sign]) {
      for (const micros of [0n, 1n, 999n, 1001n, 59_999_999n, 3_600_000_000n, 2n ** 63n - 1n]) {
        const value = new Interval({ months: month * sign, days, microseconds: micros * BigInt(sign) });
        assert.deepEqual(Interval.from(value.toDuration()), value);
        assert.equal(value.toDuration().toString().replace("-", ""), String(value).replaceAll("-", ""));
      }
    }
  }
  assert.equal(new Interval().toDuration().toString(), "PT0S");
  for (const fields of [{ months: 1, days: -1 }, { days: 1, microseconds: -1n }, { months: -1, microseconds: 1n }]) {
    assert.equal(
      refusal(UsageError, () => new Interval(fields).toDuration()),
      "Cannot make a Temporal.Duration of the Interval: its fields differ in sign",
    );
  }
});

test("interval: the constructor refuses what is out of range, no integer or no field", () => {
  const cases: readonly (readonly [fields: unknown, message: string])[] = [
    [{ months: 2 ** 31 }, `Cannot make an Interval: ${MONTHS}`],
    [{ months: -(2 ** 31) - 1 }, `Cannot make an Interval: ${MONTHS}`],
    [{ months: 1.5 }, `Cannot make an Interval: ${MONTHS}`],
    [{ months: "1" }, `Cannot make an Interval: ${MONTHS}`],
    [{ days: NaN }, `Cannot make an Interval: ${DAYS}`],
    [{ days: 1n }, `Cannot make an Interval: ${DAYS}`],
    [{ microseconds: 1 }, `Cannot make an Interval: ${MICROSECONDS}`],
    [{ microseconds: 2n ** 63n }, `Cannot make an Interval: ${MICROSECONDS}`],
    [{ months: 2 ** 31 - 1, days: 2 ** 31 - 1, microseconds: 2n ** 63n - 1n }, `Cannot make an Interval: ${INFINITY}`],
    [{ months: -(2 ** 31), days: -(2 ** 31), microseconds: -(2n ** 63n) }, `Cannot make an Interval: ${INFINITY}`],
    [{ hours: 1 }, 'Cannot set "hours": an Interval has months, days and microseconds'],
    ["1 day", "Cannot make an Interval of a string: give its fields, or use Interval.from"],
    [Temporal.Duration.from("P1D"), "Cannot make an Interval of a Duration: give its fields, or use Interval.from"],
  ];
  for (const [fields, message] of cases) {
    assert.equal(refusal(UsageError, () => new Interval(fields as IntervalFields)), message);
  }
});

test("interval: equal fields are deeply equal, whichever zero was given", () => {
  assert.deepEqual(new Interval({ months: -0, days: -0 }), new Interval());
  assert.deepEqual(new Interval({ months: undefined }), new Interval());
  assert.deepEqual(interval.parse("@ 1 sec ago"), new Interval({ microseconds: -1_000_000n }));
  assert.notDeepEqual(new Interval({ months: 1 }), new Interval({ days: 30 }));
  assert.deepEqual({ ...new Interval({ days: 2 }) }, { months: 0, days: 2, microseconds: 0n });
  assert.equal(JSON.stringify([new Interval({ days: 2 })]), '["P2D"]');
});

test("interval: from an Interval or the text of any style", () => {
  const value = new Interval({ months: 14, days: 3 });
  assert.equal(Interval.from(value), value);
  assert.deepEqual(Interval.from("1 year 2 mons 3 days"), value);
  assert.equal(
    refusal(UsageError, () => Interval.from("secret")),
    "Cannot make an Interval of the text: it is not an interval in any of PostgreSQL's styles",
  );
  assert.match(refusal(UsageError, () => Interval.from("-infinity")), /: it is infinite; use ±Infinity$/);
  assert.match(refusal(UsageError, () => Interval.from("P2147483648M")), /: months must be an integer from/);
  assert.equal(
    refusal(UsageError, () => Interval.from(1 as unknown as string)),
    "Cannot make an Interval of a number: give a Temporal.Duration or a string",
  );
});

test("interval: numbers, NaN, plain objects and other times are refused", () => {
  for (
    const value of [0, NaN, 1n, true, {}, { days: 1 }, [], undefined, new Date(0), Temporal.PlainTime.from("12:00")]
  ) {
    assert.match(
      refused(interval, value),
      /was given where an Interval, a Temporal.Duration, ±Infinity or a string is needed$/,
    );
  }
  assert.equal(sent(interval, "1 fortnight"), "1 fortnight");
});

test("interval: a body of another length is refused", () => {
  assert.equal(refusal(BadValue, () => decodeHex(interval, "00".repeat(15))), "it has 15 bytes instead of 16");
  refusal(BadValue, () => decodeHex(interval, "00".repeat(17)));
  refusal(BadValue, () => decodeHex(interval, ""));
});

test("interval: malformed text is refused", () => {
  for (const text of MALFORMED) {
    assert.equal(
      refusal(BadValue, () => interval.parse(text)),
      "it is not an interval in any of PostgreSQL's styles",
      text,
    );
  }
  assert.equal(refusal(BadValue, () => interval.parse("2147483648 mons")), MONTHS);
  assert.equal(refusal(BadValue, () => interval.parse("2147483649 days")), DAYS);
  assert.equal(refusal(BadValue, () => interval.parse("2562047788:00:54.775808")), MICROSECONDS);
});

test("interval: text is no longer than it has to be", () => {
  assert.equal(textOf(interval, new Interval({ microseconds: -500_000n })), "PT-0.5S");
  assert.equal(textOf(interval, new Interval({ microseconds: 60_100_000n })), "PT1M0.1S");
  assert.equal(textOf(interval, new Interval({ months: -12, days: 1 })), "P-1Y1D");
});

const MONTHS = "months must be an integer from -2147483648 to 2147483647";
const DAYS = "days must be an integer from -2147483648 to 2147483647";
const MICROSECONDS = "microseconds must be a bigint from -2^63 to 2^63-1";
const INFINITY = "the extremes of all fields together are PostgreSQL's infinity; use ±Infinity";

/** In the order postgres, postgres_verbose, sql_standard, iso_8601. */
const PRINTED: readonly Printed[] = [
  [0, 0, 0n, ["00:00:00", "@ 0", "0", "PT0S"]],
  [1, 0, 0n, ["1 mon", "@ 1 mon", "0-1", "P1M"]],
  [14, 3, 14_706_789_000n, [
    "1 year 2 mons 3 days 04:05:06.789",
    "@ 1 year 2 mons 3 days 4 hours 5 mins 6.789 secs",
    "+1-2 +3 +4:05:06.789",
    "P1Y2M3DT4H5M6.789S",
  ]],
  [14, -3, 14_706_789_000n, [
    "1 year 2 mons -3 days +04:05:06.789",
    "@ 1 year 2 mons -3 days 4 hours 5 mins 6.789 secs",
    "+1-2 -3 +4:05:06.789",
    "P1Y2M-3DT4H5M6.789S",
  ]],
  [-14, 0, 0n, ["-1 years -2 mons", "@ 1 year 2 mons ago", "-1-2", "P-1Y-2M"]],
  [-14, -3, -14_706_789_000n, [
    "-1 years -2 mons -3 days -04:05:06.789",
    "@ 1 year 2 mons 3 days 4 hours 5 mins 6.789 secs ago",
    "-1-2 -3 -4:05:06.789",
    "P-1Y-2M-3DT-4H-5M-6.789S",
  ]],
  [0, 1, 0n, ["1 day", "@ 1 day", "1 0:00:00", "P1D"]],
  [0, -1, -500_000n, ["-1 days -00:00:00.5", "@ 1 day 0.5 secs ago", "-1 0:00:00.5", "P-1DT-0.5S"]],
  [0, 2, -1n, ["2 days -00:00:00.000001", "@ 2 days -0.000001 secs", "+0-0 +2 -0:00:00.000001", "P2DT-0.000001S"]],
  [-1, 1, 1n, [
    "-1 mons +1 day 00:00:00.000001",
    "@ 1 mon -1 days -0.000001 secs ago",
    "-0-1 +1 +0:00:00.000001",
    "P-1M1DT0.000001S",
  ]],
  [1, -1, 0n, ["1 mon -1 days", "@ 1 mon -1 days", "+0-1 -1 +0:00:00", "P1M-1D"]],
  [0, 0, 14_706_000_000n, ["04:05:06", "@ 4 hours 5 mins 6 secs", "4:05:06", "PT4H5M6S"]],
  [0, 0, -14_706_000_000n, ["-04:05:06", "@ 4 hours 5 mins 6 secs ago", "-4:05:06", "PT-4H-5M-6S"]],
  [0, 0, 1_000_000n, ["00:00:01", "@ 1 sec", "0:00:01", "PT1S"]],
  [0, 0, -1_000_000n, ["-00:00:01", "@ 1 sec ago", "-0:00:01", "PT-1S"]],
  [0, 0, 60_000_000n, ["00:01:00", "@ 1 min", "0:01:00", "PT1M"]],
  [0, 0, 100n, ["00:00:00.0001", "@ 0.0001 secs", "0:00:00.0001", "PT0.0001S"]],
  [-12, 0, 3_600_000_000n, ["-1 years +01:00:00", "@ 1 year -1 hours ago", "-1-0 +0 +1:00:00", "P-1YT1H"]],
  [11, 0, 0n, ["11 mons", "@ 11 mons", "0-11", "P11M"]],
  [2 ** 31 - 1, 0, 0n, ["178956970 years 7 mons", "@ 178956970 years 7 mons", "178956970-7", "P178956970Y7M"]],
  [-(2 ** 31), 0, 0n, ["-178956970 years -8 mons", "@ 178956970 years 8 mons ago", "-178956970-8", "P-178956970Y-8M"]],
  [0, 2 ** 31 - 1, 0n, ["2147483647 days", "@ 2147483647 days", "2147483647 0:00:00", "P2147483647D"]],
  [0, -(2 ** 31), 0n, ["-2147483648 days", "@ 2147483648 days ago", "-2147483648 0:00:00", "P-2147483648D"]],
  [0, 0, 2n ** 63n - 1n, [
    "2562047788:00:54.775807",
    "@ 2562047788 hours 54.775807 secs",
    "2562047788:00:54.775807",
    "PT2562047788H54.775807S",
  ]],
  [0, 0, -(2n ** 63n), [
    "-2562047788:00:54.775808",
    "@ 2562047788 hours 54.775808 secs ago",
    "-2562047788:00:54.775808",
    "PT-2562047788H-54.775808S",
  ]],
  [2 ** 31 - 1, -(2 ** 31), 2n ** 63n - 1n, [
    "178956970 years 7 mons -2147483648 days +2562047788:00:54.775807",
    "@ 178956970 years 7 mons -2147483648 days 2562047788 hours 54.775807 secs",
    "+178956970-7 -2147483648 +2562047788:00:54.775807",
    "P178956970Y7M-2147483648DT2562047788H54.775807S",
  ]],
  [-(2 ** 31), -(2 ** 31), 1n - 2n ** 63n, [
    "-178956970 years -8 mons -2147483648 days -2562047788:00:54.775807",
    "@ 178956970 years 8 mons 2147483648 days 2562047788 hours 54.775807 secs ago",
    "-178956970-8 -2147483648 -2562047788:00:54.775807",
    "P-178956970Y-8M-2147483648DT-2562047788H-54.775807S",
  ]],
  [0, 0, 360_000_000_000n, ["100:00:00", "@ 100 hours", "100:00:00", "PT100H"]],
];

const MALFORMED = [
  "",
  " ",
  "secret",
  "P",
  "PT",
  "P1",
  "P1DT",
  "PT1D",
  "P1D1Y",
  "P+1D",
  "P1.5D",
  "PT1.0000001S",
  "PT.5S",
  "-P1D",
  "P1D ",
  "@",
  "@ ago",
  "@ 1",
  "@ 1 day  ago",
  "@ 1 day ago ago",
  "@ 04:05:06",
  "@1 day",
  "1",
  "1 day ",
  " 1 day",
  "1  day",
  "1 day 2 mons",
  "1 day ago",
  "1 fortnight",
  "1 week",
  "day",
  "4:05",
  "4:5:06",
  "04:60:00",
  "04:00:60",
  "04:05:06.",
  "04:05:06.1234567",
  "04:05:06 ago",
  "--04:05:06",
  "1-2-3",
  "1-2 ",
  "1-2 3",
  "1-2 04:05:06",
  "+1-2 -3 4:05:06",
  "3 +4:05:06",
  "0 0",
  "Infinity",
  "+infinity",
  "infinity ",
  "99999999999 days",
  `${"9".repeat(400)} days`,
  `P${"9".repeat(400)}D`,
  `${"9".repeat(400)}:00:00`,
  "1 year\n",
  "१ day",
];
