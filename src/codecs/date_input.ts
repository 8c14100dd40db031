/**
 * Reads dates and times as people and programs write them: ISO 8601 and similar forms.
 *
 * Only forms that mean the same in every session are read: `01/02/2003` depends on DateStyle, `tomorrow`
 * on the clock, and a zone's abbreviation on a file of the server.
 *
 * Source: PostgreSQL manual, "Date/Time Input"; truncation and rounding are those of `timestamp_in` and
 * the like.
 */
import { checkedDate, DAY, type DayTime, withinDay } from "./calendar.ts";
import { BadValue, trimmed } from "./codec.ts";

/** Days since 2000-01-01 of a date. A time after it is ignored, as the server does. */
export function readDate(text: string): number {
  return read(text).days;
}

/** Microseconds since midnight of a time of day; an offset is ignored. */
export function readTime(text: string): number {
  const match = TIME.exec(trimmed(text));
  if (match === null) throw new BadValue("its text is not a time of ISO 8601, such as 03:04:05.678");
  if (match[5] !== undefined) offsetOf(match[5]);
  return microsOf(match[1]!, match[2]!, match[3], match[4]);
}

/** A timestamp without time zone; an offset is ignored. */
export function readTimestamp(text: string): DayTime {
  const { days, micros } = read(text);
  return withinDay(days, micros);
}

/** An instant, in UTC. An offset is required, since without one the zone is the session's. */
export function readInstant(text: string): DayTime {
  const { days, micros, offset } = read(text);
  if (offset === undefined) {
    throw new BadValue("its text has no offset from UTC; write Z or +02:00 behind the time, or give an instant");
  }
  return withinDay(days, micros - offset);
}

/** 1 or -1 for the text of an infinity, otherwise 0. */
export function readInfinity(text: string): number {
  const word = trimmed(text).toLowerCase();
  return word === "infinity" ? 1 : word === "-infinity" ? -1 : 0;
}

function read(text: string): { days: number; micros: number; offset: number | undefined } {
  const match = MOMENT.exec(trimmed(text));
  if (match === null) {
    throw new BadValue(
      "its text is not ISO 8601, such as 2024-01-02 or 2024-01-02T03:04:05Z, which COPY in binary needs",
    );
  }
  const [, year, month, day, hour, minute, second, fraction, offset, era] = match;
  if (Number(year) === 0) throw new BadValue("there is no year 0");
  const astronomical = era?.toUpperCase() === "BC" ? 1 - Number(year) : Number(year);
  const days = checkedDate(astronomical, Number(month), Number(day));
  return {
    days,
    micros: hour === undefined ? 0 : microsOf(hour, minute!, second, fraction),
    offset: offset === undefined ? undefined : offsetOf(offset),
  };
}

function microsOf(hour: string, minute: string, second = "0", fraction = "0"): number {
  const seconds = Number(hour) * 3600 + Number(minute) * 60 + Number(second);
  const micros = seconds * 1_000_000 + nearest(Number(`0.${fraction}`) * 1_000_000);
  if (Number(minute) > 59 || Number(second) > 59 || micros > DAY) throw new BadValue("there is no such time of day");
  return micros;
}

/** The nearest integer; of two, the even one. */
function nearest(number: number): number {
  const rounded = Math.round(number);
  return rounded - number === 0.5 && rounded % 2 === 1 ? rounded - 1 : rounded;
}

/** The offset east of UTC, in microseconds, of `Z`, `+02`, `+0230` or `-03:30:15`. */
function offsetOf(text: string): number {
  const [hours, minutes, seconds] = /^[zug]/i.test(text)
    ? [0, 0, 0]
    : [1, 3, 5].map((at) => Number(text.replaceAll(":", "").slice(at, at + 2)));
  if (hours! > 15 || minutes! > 59 || seconds! > 59) throw new BadValue("there is no such offset from UTC");
  const total = (hours! * 3600 + minutes! * 60 + seconds!) * 1_000_000;
  return text.startsWith("-") ? -total : total;
}

const CLOCK = String.raw`(\d\d?):(\d\d)(?::(\d\d)(?:\.(\d+))?)?`;
const OFFSET = String.raw` ?(Z|UTC|GMT|[+-]\d\d(?:\d\d|:\d\d(?::\d\d)?)?)`;
const TIME = new RegExp(`^${CLOCK}(?:${OFFSET})?$`, "i");
const MOMENT = new RegExp(
  String.raw`^(\d{4,7})-(\d\d?)-(\d\d?)(?:(?:T| +)${CLOCK}(?:${OFFSET})?)?(?: (BC|AD))?$`,
  "i",
);
