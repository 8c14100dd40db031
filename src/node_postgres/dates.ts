/**
 * Dates as node-postgres has them: a `Date` for date, timestamp and timestamptz, the first two in the local time zone.
 *
 * Source: PostgreSQL manual, "Date/Time Types", output in the style ISO.
 */

/** The Date of a text of date, timestamp or timestamptz in the style ISO; ±Infinity for infinite ones. */
export function parseDate(text: string): Date | number {
  const isUsual = text.length >= USUAL_LENGTH && text.charCodeAt(4) === DASH && !text.endsWith("C") &&
    !text.startsWith("00");
  return isUsual ? parseUsual(text) : parseUnusual(text);
}

/** The text of a Date as a parameter: local fields, which timestamp and date take, and their offset for timestamptz. */
export function dateText(date: Date): string {
  const year = date.getFullYear();
  const day = `${digits(year < 1 ? 1 - year : year, 4)}-${digits(date.getMonth() + 1)}-${digits(date.getDate())}`;
  const time = `${digits(date.getHours())}:${digits(date.getMinutes())}:${digits(date.getSeconds())}`;
  const offset = offsetText(-date.getTimezoneOffset());
  return `${day}T${time}.${digits(date.getMilliseconds(), 3)}${offset}${year < 1 ? " BC" : ""}`;
}

/** Before there were time zones, offsets had seconds. */
function offsetText(minutes: number): string {
  const seconds = Math.round(Math.abs(minutes) * 60);
  const text = `${digits(Math.floor(seconds / 3600))}:${digits(Math.floor(seconds / 60) % 60)}`;
  return `${minutes < 0 ? "-" : "+"}${text}${seconds % 60 === 0 ? "" : `:${digits(seconds % 60)}`}`;
}

/** `2024-02-29 12:34:56`, with or without a fraction and an offset. */
function parseUsual(text: string): Date {
  const year = pairAt(text, 0) * 100 + pairAt(text, 2);
  const month = pairAt(text, 5) - 1;
  const day = pairAt(text, 8);
  const hour = pairAt(text, 11);
  const minute = pairAt(text, 14);
  const second = pairAt(text, 17);
  let at = USUAL_LENGTH;
  let milliseconds = 0;
  if (text.charCodeAt(at) === DOT) {
    for (let unit = 100; isDigit(text.charCodeAt(++at)); unit = Math.floor(unit / 10)) {
      milliseconds += (text.charCodeAt(at) - ZERO) * unit;
    }
  }
  if (at === text.length) return new Date(year, month, day, hour, minute, second, milliseconds);
  const offset = (pairAt(text, at + 1) * 60 + pairAt(text, at + 4)) * 60 + pairAt(text, at + 7);
  const time = Date.UTC(year, month, day, hour, minute, second, milliseconds);
  return new Date(text.charCodeAt(at) === DASH ? time + offset * 1000 : time - offset * 1000);
}

/** Dates without a time, those before the year 100 or after 9999, and infinite ones. */
function parseUnusual(text: string): Date | number {
  if (text === "infinity") return Infinity;
  if (text === "-infinity") return -Infinity;
  const fields = UNUSUAL.exec(text)?.groups;
  if (fields === undefined) throw new SyntaxError("Cannot read a date: it must be in the style ISO (DateStyle)");
  const { sign, bc } = fields;
  const [year, month, day] = [fields.year, fields.month, fields.day].map(Number);
  const [hour, minute, second] = [fields.hour, fields.minute, fields.second].map((part) => Number(part ?? 0));
  const [hours, minutes, seconds] = [fields.hours, fields.minutes, fields.seconds].map((part) => Number(part ?? 0));
  // The constructor takes years below 100 for those of the twentieth century.
  const date = new Date(2000, 0);
  if (sign === undefined) {
    date.setFullYear(bc === undefined ? year! : 1 - year!, month! - 1, day);
    date.setHours(hour!, minute, second, millisecondsOf(fields.fraction));
    return date;
  }
  date.setUTCFullYear(bc === undefined ? year! : 1 - year!, month! - 1, day);
  const offset = ((hours! * 60 + minutes!) * 60 + seconds!) * (sign === "-" ? -1 : 1);
  date.setUTCHours(hour!, minute, second! - offset, millisecondsOf(fields.fraction));
  return date;
}

function millisecondsOf(fraction: string = ""): number {
  return Number(fraction.slice(0, 3).padEnd(3, "0"));
}

/** The number that two digits mean; 0 behind the end. */
function pairAt(text: string, at: number): number {
  return at < text.length ? (text.charCodeAt(at) - ZERO) * 10 + text.charCodeAt(at + 1) - ZERO : 0;
}

function isDigit(code: number): boolean {
  return code >= ZERO && code < ZERO + 10;
}

function digits(number: number, length: number = 2): string {
  return String(number).padStart(length, "0");
}

const ZERO = 0x30;
const DASH = 0x2d;
const DOT = 0x2e;
const USUAL_LENGTH = "2024-02-29 12:34:56".length;
const UNUSUAL = new RegExp(
  String.raw`^(?<year>\d{4,})-(?<month>\d\d)-(?<day>\d\d)` +
    String.raw`(?: (?<hour>\d\d):(?<minute>\d\d):(?<second>\d\d)(?:\.(?<fraction>\d+))?)?` +
    String.raw`(?:(?<sign>[-+])(?<hours>\d\d)(?::(?<minutes>\d\d))?(?::(?<seconds>\d\d))?)?(?<bc> BC)?$`,
);
