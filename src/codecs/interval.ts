/**
 * interval, and the class of its values.
 *
 * An interval is three numbers that cannot be added up: months differ in days, and days in hours. Each
 * has its own sign.
 *
 * Source: PostgreSQL manual, "Date/Time Types", sections "Interval Input" and "Interval Output". The
 * binary format is that of `interval_send`: microseconds, days, months; since PostgreSQL 17, the
 * extremes of all three are an infinity.
 */
import { UsageError } from "../errors.ts";
import { printAs } from "../inspection.ts";
import { BadValue, type Codec, expectLength, kindOf, wrongKind } from "./codec.ts";
import { isDuration } from "./temporal.ts";

/** The fields of an {@linkcode Interval}, for its constructor. Absent fields are 0. */
export interface IntervalFields {
  /** Months, 12 to a year: an integer from -2147483648 to 2147483647. */
  readonly months?: number | undefined;
  /** Days, 7 to a week: an integer from -2147483648 to 2147483647. */
  readonly days?: number | undefined;
  /** Microseconds, hours and minutes included: from -2^63 to 2^63-1. */
  readonly microseconds?: bigint | undefined;
}

/**
 * A `Temporal.Duration`, where the types of the runtime or of a polyfill declare one, and otherwise an object with
 * its fields.
 */
export type DurationValue = typeof globalThis extends { Temporal: { Duration: { from(item: string): infer D } } } ? D
  : {
    readonly years: number;
    readonly months: number;
    readonly weeks: number;
    readonly days: number;
    readonly hours: number;
    readonly minutes: number;
    readonly seconds: number;
    readonly milliseconds: number;
    readonly microseconds: number;
    readonly nanoseconds: number;
  };

/**
 * A value of PostgreSQL's interval: months, days and microseconds, which are separate because a month has no
 * fixed number of days, and a day no fixed number of hours. Two intervals are deeply equal if their fields
 * are: one month is not 30 days. It can be a parameter of type interval.
 *
 * The infinite intervals of PostgreSQL 17 and later are not an `Interval`, but ±Infinity.
 *
 * Source: PostgreSQL manual, "Date/Time Types".
 *
 * @example
 * ```ts
 * import { Conn, Interval } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await using conn = await Conn.connect("pg://");
 * const interval = await conn.execValue("select $1::interval * 2", [new Interval({ months: 7, days: -1 })]);
 * assert.deepEqual(interval, new Interval({ months: 14, days: -2 }));
 * assert.equal(String(interval), "P1Y2M-2D");
 * ```
 *
 * @example From and to Temporal
 * ```ts
 * import { Interval } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * const interval = Interval.from(Temporal.Duration.from({ weeks: 2, minutes: 90 }));
 * assert.deepEqual(interval, new Interval({ days: 14, microseconds: 5_400_000_000n }));
 * assert.equal(interval.toDuration().toString(), "P14DT1H30M");
 * ```
 */
export class Interval {
  /** Months, 12 to a year: an integer from -2147483648 to 2147483647. */
  readonly months: number;
  /** Days: an integer from -2147483648 to 2147483647. */
  readonly days: number;
  /** Microseconds, hours and minutes included: from -2^63 to 2^63-1. */
  readonly microseconds: bigint;

  /**
   * Makes an interval of these fields; absent ones are 0. Throws `UsageError` for an unknown field, one
   * that is not an integer or is out of range, for the extremes that are PostgreSQL's infinity, and if
   * `fields` is not a plain object.
   */
  constructor(fields: IntervalFields = {}) {
    if (kindOf(fields) !== "an object") {
      throw new UsageError(`Cannot make an Interval of ${kindOf(fields)}: give its fields, or use Interval.from`);
    }
    for (const name in fields) {
      if (name !== "months" && name !== "days" && name !== "microseconds") {
        throw new UsageError(`Cannot set ${JSON.stringify(name)}: an Interval has months, days and microseconds`);
      }
    }
    const { months = 0, days = 0, microseconds = 0n } = fields;
    const problem = problemOf(months, days, microseconds);
    if (problem !== undefined) throw new UsageError(`Cannot make an Interval: ${problem}`);
    // A negative zero becomes 0, since deep equality distinguishes them.
    this.months = months + 0;
    this.days = days + 0;
    this.microseconds = microseconds;
  }

  /**
   * Makes an interval of a `Temporal.Duration` (years become 12 months, weeks 7 days, and the time
   * microseconds, rounded to the nearest) or of a text in any of PostgreSQL's four output styles, such
   * as {@linkcode Interval.toString} gives. Throws `UsageError` for other values, and for values out of
   * range or infinite.
   */
  static from(value: Interval | DurationValue | string): Interval {
    if (value instanceof Interval) return value;
    if (isDuration(value)) {
      return ofDuration(value, (problem) => new UsageError(`Cannot make an Interval of the Duration: ${problem}`));
    }
    if (typeof value !== "string") {
      throw new UsageError(`Cannot make an Interval of ${kindOf(value)}: give a Temporal.Duration or a string`);
    }
    return ofUserText(value);
  }

  /**
   * The interval as a `Temporal.Duration` of years, months, days, hours, minutes, seconds and less.
   * Throws `UsageError` if the fields differ in sign, which a Duration does not allow.
   */
  toDuration(): DurationValue {
    const { months, days, microseconds } = this;
    const negative = months < 0 || days < 0 || microseconds < 0n;
    if (negative && (months > 0 || days > 0 || microseconds > 0n)) {
      throw new UsageError("Cannot make a Temporal.Duration of the Interval: its fields differ in sign");
    }
    if (!("Temporal" in globalThis)) {
      throw new UsageError("Cannot make a Temporal.Duration of the Interval: this runtime has no Temporal");
    }
    const { hours, minutes, seconds, fraction } = clockOf(microseconds);
    return new Temporal.Duration(
      Math.trunc(months / 12),
      months % 12,
      0,
      days,
      hours,
      minutes,
      seconds,
      Math.trunc(fraction / 1000),
      fraction % 1000,
    );
  }

  /** ISO 8601 with a sign for each number, as in PostgreSQL's style `iso_8601`: `P1Y2M-3DT4H5M6.789S`. */
  toString(): string {
    const { hours, minutes, seconds, fraction } = clockOf(this.microseconds);
    const date = part(Math.trunc(this.months / 12), "Y") + part(this.months % 12, "M") + part(this.days, "D");
    const time = part(hours, "H") + part(minutes, "M") + secondsPart(seconds, fraction);
    return date + time === "" ? "PT0S" : `P${date}${time === "" ? "" : `T${time}`}`;
  }

  /** The same as {@linkcode Interval.toString}. */
  toJSON(): string {
    return this.toString();
  }

  static {
    printAs<Interval>(this.prototype, (interval) => `Interval ${interval}`);
  }
}

/** interval as {@linkcode Interval}, or ±Infinity. */
export const interval: Codec = {
  name: "interval",
  binary: true,
  // Not every server has a binary format for an infinite interval.
  sendsText: true,
  decode(source, start, end) {
    expectLength(start, end, 16);
    const { view } = source;
    return valueOf(view.getInt32(start + 12), view.getInt32(start + 8), view.getBigInt64(start));
  },
  parse: parseInterval,
  encode(out, value) {
    // Servers before 17 would read an infinity's bytes as numbers; they refuse its text.
    if (isInfinity(value)) return false;
    const { months, days, microseconds } = intervalFrom(value);
    out.int64(microseconds);
    out.int32(days);
    out.int32(months);
    return true;
  },
  text(value) {
    if (isInfinity(value)) return value > 0 ? "infinity" : "-infinity";
    return intervalFrom(value).toString();
  },
};

function intervalFrom(value: unknown): Interval {
  if (value instanceof Interval) return value;
  if (isDuration(value)) return ofDuration(value, (problem) => new BadValue(problem));
  throw wrongKind(value, "an Interval, a Temporal.Duration, ±Infinity or a string");
}

function ofDuration(duration: Temporal.Duration, refused: (problem: string) => Error): Interval {
  const months = duration.years * 12 + duration.months;
  const days = duration.weeks * 7 + duration.days;
  const minutes = BigInt(duration.hours) * 60n + BigInt(duration.minutes);
  const milliseconds = (minutes * 60n + BigInt(duration.seconds)) * 1000n + BigInt(duration.milliseconds);
  const nanoseconds = (milliseconds * 1000n + BigInt(duration.microseconds)) * 1000n + BigInt(duration.nanoseconds);
  // Division drops the fraction, so adding half a microsecond rounds to the nearest.
  const microseconds = (nanoseconds + (nanoseconds < 0n ? -500n : 500n)) / 1000n;
  const problem = problemOf(months, days, microseconds);
  if (problem !== undefined) throw refused(problem);
  return new Interval({ months, days, microseconds });
}

function ofUserText(text: string): Interval {
  let value: Interval | number;
  try {
    value = parseInterval(text);
  } catch (error) {
    if (error instanceof BadValue) throw new UsageError(`Cannot make an Interval of the text: ${error.message}`);
    throw error;
  }
  if (typeof value !== "number") return value;
  throw new UsageError("Cannot make an Interval of the text: it is infinite; use ±Infinity");
}

/** Why these fields are not an Interval; undefined if they are. */
function problemOf(months: unknown, days: unknown, microseconds: unknown): string | undefined {
  if (!isInt32(months)) return "months must be an integer from -2147483648 to 2147483647";
  if (!isInt32(days)) return "days must be an integer from -2147483648 to 2147483647";
  if (typeof microseconds !== "bigint" || BigInt.asIntN(64, microseconds) !== microseconds) {
    return "microseconds must be a bigint from -2^63 to 2^63-1";
  }
  if (infinityOf(months, days, microseconds) === 0) return undefined;
  return "the extremes of all fields together are PostgreSQL's infinity; use ±Infinity";
}

function isInt32(value: unknown): value is number {
  return Number.isInteger(value) && value as number >= MIN_INT32 && value as number <= MAX_INT32;
}

/** 1 or -1 if these fields mean an infinity, otherwise 0. */
function infinityOf(months: number, days: number, microseconds: bigint): number {
  if (months === MAX_INT32 && days === MAX_INT32 && microseconds === MAX_INT64) return 1;
  if (months === MIN_INT32 && days === MIN_INT32 && microseconds === MIN_INT64) return -1;
  return 0;
}

function valueOf(months: number, days: number, microseconds: bigint): Interval | number {
  const sign = infinityOf(months, days, microseconds);
  return sign === 0 ? new Interval({ months, days, microseconds }) : sign * Infinity;
}

function isInfinity(value: unknown): value is number {
  return value === Infinity || value === -Infinity;
}

// Text out.

/** Microseconds as a clock shows them, each part with the sign of the whole. */
function clockOf(microseconds: bigint): { hours: number; minutes: number; seconds: number; fraction: number } {
  const seconds = Number(microseconds / 1_000_000n);
  const minutes = Math.trunc(seconds / 60);
  return {
    hours: Math.trunc(minutes / 60),
    minutes: minutes % 60,
    seconds: seconds % 60,
    fraction: Number(microseconds % 1_000_000n),
  };
}

function part(value: number, unit: string): string {
  return value === 0 ? "" : `${value}${unit}`;
}

function secondsPart(seconds: number, fraction: number): string {
  if (fraction === 0) return part(seconds, "S");
  const digits = String(Math.abs(fraction)).padStart(6, "0").replace(/0+$/, "");
  return `${seconds < 0 || fraction < 0 ? "-" : ""}${Math.abs(seconds)}.${digits}S`;
}

// Text in. The server's IntervalStyle need not be known: no text has different meanings in two styles.

/** Reads the text of an interval in any style. */
function parseInterval(text: string): Interval | number {
  if (text === "infinity") return Infinity;
  if (text === "-infinity") return -Infinity;
  if (text === "0" || text === "@ 0") return new Interval();
  const value = parseIso(text) ?? parseVerbose(text) ?? parsePostgres(text) ?? parseStandard(text);
  if (value === undefined) throw new BadValue("it is not an interval in any of PostgreSQL's styles");
  return value;
}

/** `iso_8601`: `P1Y2M-3DT4H5M6.789S`. */
function parseIso(text: string): Interval | number | undefined {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const [, years, months, days, hours, minutes, seconds, fraction] = match;
  return ofText(12 * int(years) + int(months), int(days), clockMicros(hours, minutes, seconds, fraction));
}

/** `postgres_verbose`: `@ 1 year 2 mons -3 days 4 hours 5 mins 6.789 secs ago`; the last word reverses all signs. */
function parseVerbose(text: string): Interval | number | undefined {
  const match = VERBOSE.exec(text);
  if (match === null) return undefined;
  const [, years, months, days, hours, minutes, seconds, fraction, ago] = match;
  const sign = ago === undefined ? 1 : -1;
  const micros = clockMicros(hours, minutes, seconds, fraction);
  return ofText(sign * (12 * int(years) + int(months)), sign * int(days), BigInt(sign) * micros);
}

/** `postgres`: `1 year 2 mons -3 days +04:05:06.789`. */
function parsePostgres(text: string): Interval | number | undefined {
  const match = POSTGRES.exec(` ${text}`);
  if (match === null) return undefined;
  const [, years, months, days, sign, hours, minutes, seconds, fraction] = match;
  const micros = clockMicros(hours, minutes, seconds, fraction);
  return ofText(12 * int(years) + int(months), int(days), sign === "-" ? -micros : micros);
}

/** `sql_standard`: `1-2`, `3 4:05:06`, and if signs differ `+1-2 -3 +4:05:06.789`. */
function parseStandard(text: string): Interval | number | undefined {
  const match = STANDARD.exec(text);
  if (match === null) return undefined;
  const [, yearSign, years, months, daySign, days, timeSign, hours, minutes, seconds, fraction] = match;
  // If all three fields are printed, the time has its own sign; otherwise it has the sign of the days.
  if (days !== undefined && (timeSign !== "") !== (years !== undefined)) return undefined;
  const micros = clockMicros(hours, minutes, seconds, fraction);
  return ofText(
    (yearSign === "-" ? -1 : 1) * (12 * int(years) + int(months)),
    (daySign === "-" ? -1 : 1) * int(days),
    (timeSign || daySign) === "-" ? -micros : micros,
  );
}

function ofText(months: number, days: number, micros: bigint): Interval | number {
  // Old servers, such as 14, print -2^31 with its sign where they print other numbers without.
  const wrapped = days === -MIN_INT32 ? MIN_INT32 : days;
  const problem = problemOf(months, wrapped, micros);
  if (problem !== undefined && infinityOf(months, wrapped, micros) === 0) throw new BadValue(problem);
  return valueOf(months, wrapped, micros);
}

/** Microseconds of the parts, each with its own sign; the fraction has the sign of the seconds. */
function clockMicros(hours?: string, minutes?: string, seconds?: string, fraction?: string): bigint {
  const total = BigInt(int(hours) * 3600 + int(minutes) * 60 + int(seconds)) * 1_000_000n;
  if (fraction === undefined) return total;
  const micros = BigInt(fraction.padEnd(6, "0"));
  return seconds!.startsWith("-") ? total - micros : total + micros;
}

function int(digits: string | undefined): number {
  return digits === undefined ? 0 : Number(digits);
}

const MIN_INT32 = -0x8000_0000;
const MAX_INT32 = 0x7fff_ffff;
const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;

// The largest number of each unit has ten digits.
const ISO =
  /^P(?=.)(?:(-?\d{1,10})Y)?(?:(-?\d{1,10})M)?(?:(-?\d{1,10})D)?(?:T(?=.)(?:(-?\d{1,10})H)?(?:(-?\d{1,10})M)?(?:(-?\d{1,10})(?:\.(\d{1,6}))?S)?)?$/;
const VERBOSE =
  /^@(?! ago)(?=.)(?: (-?\d{1,10}) years?)?(?: (-?\d{1,10}) mons?)?(?: (-?\d{1,10}) days?)?(?: (-?\d{1,10}) hours?)?(?: (-?\d{1,10}) mins?)?(?: (-?\d{1,10})(?:\.(\d{1,6}))? secs?)?( ago)?$/;
/** Matches the text with a space prepended, so that each part begins with one. */
const POSTGRES =
  /^(?: ([+-]?\d{1,10}) years?)?(?: ([+-]?\d{1,10}) mons?)?(?: ([+-]?\d{1,10}) days?)?(?: ([+-]?)(\d{1,10}):([0-5]\d):([0-5]\d)(?:\.(\d{1,6}))?)?$/;
const STANDARD =
  /^(?=.)(?:([+-]?)(\d{1,10})-(\d{1,2}))?(?:(?:^| )([+-]?)(-?\d{1,10}) ([+-]?)(\d{1,10}):([0-5]\d):([0-5]\d)(?:\.(\d{1,6}))?)?$/;
