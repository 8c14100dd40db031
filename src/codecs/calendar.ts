/**
 * The calendar arithmetic of dates and times: converts days and microseconds from and to fields and
 * text.
 *
 * PostgreSQL counts days and microseconds from 2000-01-01 in the proleptic Gregorian calendar. Years
 * are astronomical, as in Temporal: 0 is 1 BC.
 *
 * Source: PostgreSQL manual, "Date/Time Types"; the conversion between days and fields is the one
 * of shifted years that begin in March, so that the leap day comes last.
 */
import { BadValue } from "./codec.ts";

/** Microseconds of a day. */
export const DAY = 86_400_000_000;

/** Days from 1970-01-01, the epoch of JavaScript, to 2000-01-01, that of PostgreSQL. */
export const EPOCH_DAYS = 10_957;

/** A date by its fields. */
export interface CivilDate {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

/** A point on a calendar and clock without a zone: days since 2000-01-01 and microseconds into that day. */
export interface DayTime {
  readonly days: number;
  readonly micros: number;
}

/** Days since 2000-01-01 of a date. */
export function daysOf(year: number, month: number, day: number): number {
  const shifted = month > 2 ? year : year - 1;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 730_425;
}

/** The date of a number of days since 2000-01-01. */
export function civilOf(days: number): CivilDate {
  const shifted = days + 730_425;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  // The numbers below are not negative, and `| 0` is faster than Math.floor.
  const yearOfEra = ((dayOfEra - (dayOfEra / 1460 | 0) + (dayOfEra / 36_524 | 0) - (dayOfEra / 146_096 | 0)) / 365) | 0;
  const dayOfYear = dayOfEra - (365 * yearOfEra + (yearOfEra / 4 | 0) - (yearOfEra / 100 | 0));
  const shiftedMonth = ((5 * dayOfYear + 2) / 153) | 0;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - ((153 * shiftedMonth + 2) / 5 | 0) + 1,
  };
}

/** PostgreSQL's ISO text of a date: `2000-01-01`, `0044-03-15 BC`. */
export function dateText(days: number): string {
  const { year, month, day } = civilOf(days);
  return `${yearText(year)}-${two(month)}-${two(day)}${year > 0 ? "" : " BC"}`;
}

/** PostgreSQL's ISO text of a time of day: `12:34:56.7`. */
export function timeText(micros: number): string {
  const seconds = Math.floor(micros / 1_000_000);
  const fraction = micros % 1_000_000;
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return fraction === 0 ? clock : `${clock}.${String(fraction).padStart(6, "0").replace(/0+$/, "")}`;
}

/** PostgreSQL's ISO text of a timestamp; `zone` is "" or "+00". */
export function timestampText(days: number, micros: number, zone: string): string {
  const { year, month, day } = civilOf(days);
  const date = `${yearText(year)}-${two(month)}-${two(day)}`;
  return `${date} ${timeText(micros)}${zone}${year > 0 ? "" : " BC"}`;
}

/** Reads PostgreSQL's ISO text of a date. */
export function parseDate(text: string): number {
  const match = DATE.exec(text);
  if (!match) throw new BadValue(`it is not a date ${ISO}`);
  return checkedDate(yearOf(match[1]!, match[4]), Number(match[2]), Number(match[3]));
}

/** Reads PostgreSQL's ISO text of a time of day, as microseconds; 24:00:00 is one. */
export function parseTime(text: string): number {
  const match = TIME.exec(text);
  if (!match) throw new BadValue(`it is not a time ${ISO}`);
  return microsOf(match[1]!, match[2]!, match[3]!, match[4]);
}

/** Reads PostgreSQL's ISO text of a timestamp; with an offset, the result is in UTC. */
export function parseTimestamp(text: string): DayTime {
  const match = TIMESTAMP.exec(text);
  if (!match) throw new BadValue(`it is not a timestamp ${ISO}`);
  const [, year, month, day, hour, minute, second, fraction, offset, era] = match;
  const days = checkedDate(yearOf(year!, era), Number(month), Number(day));
  const micros = microsOf(hour!, minute!, second!, fraction) - (offset === undefined ? 0 : offsetOf(offset));
  return withinDay(days, micros);
}

/** A point whose microseconds are within the day; they may have been before or after it. */
export function withinDay(days: number, micros: number): DayTime {
  const shift = Math.floor(micros / DAY);
  return { days: days + shift, micros: micros - shift * DAY };
}

/** The offset east of UTC, in microseconds, of `+02`, `-03:30` or `+00:19:32`. */
export function offsetOf(text: string): number {
  const [hours, minutes = "0", seconds = "0"] = text.slice(1).split(":");
  const total = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1_000_000;
  return text.startsWith("-") ? -total : total;
}

function microsOf(hour: string, minute: string, second: string, fraction: string | undefined): number {
  const seconds = Number(hour) * 3600 + Number(minute) * 60 + Number(second);
  const micros = seconds * 1_000_000 + (fraction === undefined ? 0 : Number(fraction.padEnd(6, "0")));
  if (Number(minute) > 59 || Number(second) > 59 || micros > DAY) throw new BadValue("there is no such time of day");
  return micros;
}

/** Days since 2000-01-01 of a date. Throws if it does not exist. */
export function checkedDate(year: number, month: number, day: number): number {
  const days = daysOf(year, month, day);
  if (month < 1 || month > 12 || civilOf(days).day !== day) throw new BadValue("there is no such date");
  return days;
}

function yearOf(text: string, era: string | undefined): number {
  return era === undefined ? Number(text) : 1 - Number(text);
}

function yearText(year: number): string {
  return String(year > 0 ? year : 1 - year).padStart(4, "0");
}

/** A number with at least two digits. */
export function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

const DATE = /^(\d{4,})-(\d\d)-(\d\d)( BC)?$/;
const TIME = /^(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/;
const TIMESTAMP = /^(\d{4,})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?([+-]\d\d(?::\d\d(?::\d\d)?)?)?( BC)?$/;

/** Other styles write zones as abbreviations, which are ambiguous. */
const ISO = "in PostgreSQL's ISO format; with another DateStyle only exec can read dates, for it gets them in binary";
