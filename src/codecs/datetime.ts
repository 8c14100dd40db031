/**
 * date, time, timestamp and timestamptz.
 *
 * Both formats are decoded to days and microseconds, and then to the type that the connection's options
 * choose, so that both formats give equal values.
 *
 * Source: PostgreSQL manual, "Date/Time Types". Binary formats: date is days since 2000-01-01, time
 * microseconds since midnight, the timestamps microseconds since 2000-01-01 00:00 (in UTC for
 * timestamptz); the extreme integers are the infinities.
 */
import type { DatesChoice } from "../options/choices.ts";
import type { ByteSource } from "../wire/bytes.ts";
import {
  civilOf,
  dateText,
  DAY,
  daysOf,
  EPOCH_DAYS,
  parseDate,
  parseTime,
  parseTimestamp,
  timestampText,
  timeText,
} from "./calendar.ts";
import { BadValue, type Codec, expectLength, wrongKind } from "./codec.ts";
import { readDate, readInfinity, readInstant, readTime, readTimestamp } from "./date_input.ts";
import { isMoment, isPlainDate, isPlainDateTime, isPlainTime } from "./temporal.ts";

/** date. */
export function date(choice: DatesChoice): Codec {
  const result = DATE_RESULT[choice];
  return {
    name: "date",
    binary: true,
    decode(source, start, end) {
      expectLength(start, end, 4);
      const days = source.view.getInt32(start);
      if (days === MIN_INT32) return infinite(choice, -1);
      if (days === MAX_INT32) return infinite(choice, 1);
      return result(checkedDays(days));
    },
    parse(text) {
      const sign = signOfInfinity(text);
      return sign === 0 ? result(checkedDays(parseDate(text))) : infinite(choice, sign);
    },
    encode(out, value) {
      out.int32(isInfinity(value) ? (value > 0 ? MAX_INT32 : MIN_INT32) : encodeDate(value));
      return true;
    },
    encodeText(out, text) {
      const sign = readInfinity(text);
      out.int32(sign === 0 ? daysOfText(text) : sign > 0 ? MAX_INT32 : MIN_INT32);
    },
    text: (value) => isInfinity(value) ? infinityText(value) : dateText(encodeDate(value)),
  };
}

/** time without time zone. */
export function time(choice: DatesChoice): Codec {
  const result = choice === "temporal" ? plainTime : timeText;
  return {
    name: "time",
    binary: true,
    decode(source, start, end) {
      expectLength(start, end, 8);
      const micros = source.view.getUint32(start) * 2 ** 32 + source.view.getUint32(start + 4);
      if (micros > DAY) throw new BadValue("it is later than 24:00:00");
      return result(micros);
    },
    parse: (text) => result(parseTime(text)),
    encode(out, value) {
      out.int64(BigInt(encodeTime(value)));
      return true;
    },
    encodeText: (out, text) => out.int64(BigInt(readTime(text))),
    text: (value) => timeText(encodeTime(value)),
  };
}

/** timestamp without time zone. */
export function timestamp(choice: DatesChoice): Codec {
  return moment("timestamp", choice, TIMESTAMP_RESULT[choice], "", encodeTimestamp);
}

/** timestamp with time zone: an instant. */
export function timestamptz(choice: DatesChoice): Codec {
  return moment("timestamptz", choice, TIMESTAMPTZ_RESULT[choice], "+00", encodeTimestamptz);
}

function moment(
  name: string,
  choice: DatesChoice,
  result: (days: number, micros: number) => unknown,
  zone: string,
  encode: (value: unknown) => bigint,
): Codec {
  return {
    name,
    binary: true,
    decode(source, start, end) {
      expectLength(start, end, 8);
      return decodeMoment(source, start, result, choice);
    },
    parse(text) {
      const sign = signOfInfinity(text);
      if (sign !== 0) return infinite(choice, sign);
      const { days, micros } = parseTimestamp(text);
      return result(checkedDays(days), micros);
    },
    encode(out, value) {
      out.int64(isInfinity(value) ? (value > 0 ? MAX_INT64 : MIN_INT64) : checkedMicros(encode(value), name));
      return true;
    },
    encodeText(out, text) {
      const sign = readInfinity(text);
      if (sign !== 0) return out.int64(sign > 0 ? MAX_INT64 : MIN_INT64);
      const { days, micros } = zone === "" ? readTimestamp(text) : readInstant(text);
      out.int64(checkedMicros(BigInt(days) * BIG_DAY + BigInt(micros), name));
    },
    text(value) {
      if (isInfinity(value)) return infinityText(value);
      const total = checkedMicros(encode(value), name);
      const days = floorDiv(total, BIG_DAY);
      return timestampText(Number(days), Number(total - days * BIG_DAY), zone);
    },
  };
}

function decodeMoment(
  source: ByteSource,
  start: number,
  result: (days: number, micros: number) => unknown,
  choice: DatesChoice,
): unknown {
  const high = source.view.getInt32(start);
  if (high > -EXACT_HIGH && high < EXACT_HIGH) {
    const total = high * 2 ** 32 + source.view.getUint32(start + 4);
    const days = Math.floor(total / DAY);
    return result(checkedDays(days), total - days * DAY);
  }
  const total = source.view.getBigInt64(start);
  if (total === MIN_INT64) return infinite(choice, -1);
  if (total === MAX_INT64) return infinite(choice, 1);
  const days = floorDiv(total, BIG_DAY);
  return result(checkedDays(Number(days)), Number(total - days * BIG_DAY));
}

// Results, by choice. Temporal's range is smaller than PostgreSQL's; values beyond it are decoded as text.

function plainDate(days: number): unknown {
  if (days > LAST_PLAIN_DATE) return dateText(days);
  const { year, month, day } = civilOf(days);
  return new Temporal.PlainDate(year, month, day);
}

function plainTime(micros: number): unknown {
  if (micros === DAY) return timeText(micros);
  const seconds = Math.floor(micros / 1_000_000);
  const fraction = micros % 1_000_000;
  return new Temporal.PlainTime(
    Math.floor(seconds / 3600),
    Math.floor(seconds / 60) % 60,
    seconds % 60,
    Math.floor(fraction / 1000),
    fraction % 1000,
  );
}

function plainDateTime(days: number, micros: number): unknown {
  if (days > LAST_PLAIN_DATE) return timestampText(days, micros, "");
  const { year, month, day } = civilOf(days);
  const seconds = Math.floor(micros / 1_000_000);
  const fraction = micros % 1_000_000;
  return new Temporal.PlainDateTime(
    year,
    month,
    day,
    Math.floor(seconds / 3600),
    Math.floor(seconds / 60) % 60,
    seconds % 60,
    Math.floor(fraction / 1000),
    fraction % 1000,
  );
}

function instant(days: number, micros: number): unknown {
  if (days > LAST_PLAIN_DATE || (days === LAST_PLAIN_DATE && micros > 0)) return timestampText(days, micros, "+00");
  if (micros % 1000 === 0) {
    return Temporal.Instant.fromEpochMilliseconds((days + EPOCH_DAYS) * 86_400_000 + micros / 1000);
  }
  const total = (days + EPOCH_DAYS) * DAY + micros;
  // A larger number is not exact.
  const epochMicros = Number.isSafeInteger(total)
    ? BigInt(total)
    : BigInt(days + EPOCH_DAYS) * BIG_DAY + BigInt(micros);
  return new Temporal.Instant(epochMicros * 1000n);
}

function jsDate(days: number, micros = 0): unknown {
  const date = new Date((days + EPOCH_DAYS) * 86_400_000 + Math.floor(micros / 1000));
  return Number.isNaN(date.getTime()) ? undefined : date;
}

const DATE_RESULT: Record<DatesChoice, (days: number) => unknown> = {
  temporal: plainDate,
  date: (days) => jsDate(days) ?? dateText(days),
  string: dateText,
};

const TIMESTAMP_RESULT: Record<DatesChoice, (days: number, micros: number) => unknown> = {
  temporal: plainDateTime,
  date: (days, micros) => jsDate(days, micros) ?? timestampText(days, micros, ""),
  string: (days, micros) => timestampText(days, micros, ""),
};

const TIMESTAMPTZ_RESULT: Record<DatesChoice, (days: number, micros: number) => unknown> = {
  temporal: instant,
  date: (days, micros) => jsDate(days, micros) ?? timestampText(days, micros, "+00"),
  string: (days, micros) => timestampText(days, micros, "+00"),
};

// Parameters.

function encodeDate(value: unknown): number {
  let days: number;
  if (isPlainDate(value)) {
    const iso = value.calendarId === "iso8601" ? value : value.withCalendar("iso8601");
    days = daysOf(iso.year, iso.month, iso.day);
  } else if (value instanceof Date) {
    days = Math.floor(epochMilliseconds(value) / 86_400_000) - EPOCH_DAYS;
  } else {
    throw wrongKind(value, "a Temporal.PlainDate, a Date (its UTC date), ±Infinity or a string");
  }
  return checkedDays(days);
}

function encodeTime(value: unknown): number {
  if (!isPlainTime(value)) throw wrongKind(value, "a Temporal.PlainTime or a string");
  return clockMicros(value);
}

function encodeTimestamp(value: unknown): bigint {
  if (isPlainDateTime(value)) {
    const iso = value.calendarId === "iso8601" ? value : value.withCalendar("iso8601");
    return BigInt(daysOf(iso.year, iso.month, iso.day)) * BIG_DAY + BigInt(clockMicros(iso));
  }
  if (value instanceof Date) return microsOfDate(value);
  if (isMoment(value)) {
    throw wrongKind(
      value,
      "a time without zone (a Temporal.PlainDateTime; for an instant: `toZonedDateTimeISO(zone).toPlainDateTime()`)",
    );
  }
  throw wrongKind(value, "a Temporal.PlainDateTime, a Date (its UTC fields), ±Infinity or a string");
}

function encodeTimestamptz(value: unknown): bigint {
  if (isMoment(value)) {
    return floorDiv(value.epochNanoseconds + 500n, 1000n) - EPOCH_MICROS;
  }
  if (value instanceof Date) return microsOfDate(value);
  if (isPlainDateTime(value)) {
    throw wrongKind(
      value,
      "an instant (a Temporal.Instant or Temporal.ZonedDateTime; from fields: `toZonedDateTime(zone)`)",
    );
  }
  throw wrongKind(value, "a Temporal.Instant, a Temporal.ZonedDateTime, a Date, ±Infinity or a string");
}

function microsOfDate(value: Date): bigint {
  return BigInt(epochMilliseconds(value)) * 1000n - EPOCH_MICROS;
}

function epochMilliseconds(value: Date): number {
  const milliseconds = value.getTime();
  if (Number.isNaN(milliseconds)) throw new BadValue("the Date is invalid");
  return milliseconds;
}

function clockMicros(clock: Temporal.PlainTime | Temporal.PlainDateTime): number {
  const seconds = clock.hour * 3600 + clock.minute * 60 + clock.second;
  const rounded = clock.nanosecond >= 500 ? 1 : 0;
  return seconds * 1_000_000 + clock.millisecond * 1000 + clock.microsecond + rounded;
}

function checkedDays(days: number): number {
  if (days < FIRST_DATE) throw new BadValue("the date is before PostgreSQL's first, 4714-11-24 BC");
  return days;
}

/** The days of a text. Beyond the last date they could not fit into 32 bits, or mean an infinity. */
function daysOfText(text: string): number {
  const days = checkedDays(readDate(text));
  if (days > LAST_DATE) throw new BadValue("the date is after PostgreSQL's last, 5874897-12-31");
  return days;
}

function checkedMicros(micros: bigint, name: string): bigint {
  if (micros < FIRST_MOMENT) throw new BadValue(`the time is before ${name}'s first, 4714-11-24 00:00:00 BC`);
  if (micros > LAST_MOMENT) throw new BadValue(`the time is after ${name}'s last, 294276-12-31 23:59:59.999999`);
  return micros;
}

// The infinities.

function infinite(choice: DatesChoice, sign: number): unknown {
  if (choice === "string") return sign > 0 ? "infinity" : "-infinity";
  return sign > 0 ? Infinity : -Infinity;
}

function isInfinity(value: unknown): value is number {
  return value === Infinity || value === -Infinity;
}

function infinityText(value: number): string {
  return value > 0 ? "infinity" : "-infinity";
}

function signOfInfinity(text: string): number {
  return text === "infinity" ? 1 : text === "-infinity" ? -1 : 0;
}

function floorDiv(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
}

const MIN_INT32 = -0x8000_0000;
const MAX_INT32 = 0x7fff_ffff;
const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;
const BIG_DAY = BigInt(DAY);
/** A double holds a 64-bit integer exactly if its upper half is below this. */
const EXACT_HIGH = 0x10_0000;
/** Microseconds from 1970 to 2000. */
const EPOCH_MICROS = BigInt(EPOCH_DAYS) * BIG_DAY;
/** Julian day 0. */
const FIRST_DATE = -2_451_545;
const FIRST_MOMENT = BigInt(FIRST_DATE) * BIG_DAY;
/** 5874897-12-31. */
const LAST_DATE = 2_145_031_948;
/** 294276-12-31 23:59:59.999999. */
const LAST_MOMENT = 9_223_371_331_199_999_999n;
/** 275760-09-13, where Temporal and Date end. */
const LAST_PLAIN_DATE = 100_000_000 - EPOCH_DAYS;
