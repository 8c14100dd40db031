/**
 * Reads values as pg-types' parsers make them, without a detour through a string where the bytes say as much: of the
 * text format, and of the binary one, in which these types then travel.
 *
 * Only types whose binary format says the same as their text are here. A float4 has another shortest text than the
 * double that it becomes, and the text of an interval depends on a setting.
 *
 * Source: the source code of PostgreSQL, `src/backend/utils/adt`; documentation of pg-types and postgres-date.
 */
import { Buffer } from "node:buffer";
import { expectLength } from "../codecs/codec.ts";
import type { ByteSource } from "../wire/bytes.ts";

/** Makes a value of the bytes `[start, end)`. */
export type ReadValue = (source: ByteSource, start: number, end: number) => unknown;

/** How values of a type are read. */
export interface ValueReader {
  /** Reads the text format; undefined for the way of all types, by the type's parser. */
  readonly text?: ReadValue;
  /** Reads the binary format; undefined for a type that travels as text. */
  readonly binary?: ReadValue;
}

/** The types, by OID. */
export const VALUE_READERS: ReadonlyMap<number, ValueReader> = new Map<number, ValueReader>([
  [16, {
    text: ({ bytes }, start) => bytes[start] === LETTER_T,
    binary: sized(1, ({ bytes }, start) => bytes[start] !== 0),
  }],
  [17, { binary: readBytes }],
  [20, { text: readAscii }],
  [21, { text: readInteger, binary: sized(2, ({ view }, start) => view.getInt16(start)) }],
  [23, { text: readInteger, binary: sized(4, ({ view }, start) => view.getInt32(start)) }],
  [26, { text: readInteger, binary: sized(4, ({ view }, start) => view.getUint32(start)) }],
  [701, { text: readFloat, binary: sized(8, ({ view }, start) => view.getFloat64(start)) }],
  [700, { text: readFloat }],
  [1082, { binary: sized(4, readDate) }],
  [1114, { binary: sized(8, readTimestamp) }],
  [1184, { binary: sized(8, readTimestamptz) }],
]);

/** The reader of a type whose values have that many bytes; others are refused. */
function sized(length: number, read: ReadValue): ReadValue {
  return (source, start, end) => {
    expectLength(start, end, length);
    return read(source, start, end);
  };
}

/** The text itself. */
export function readText({ bytes }: ByteSource, start: number, end: number): string {
  return bytes.utf8Slice(start, end);
}

/** The bytes, with their own memory. */
export function readBytes({ bytes }: ByteSource, start: number, end: number): Buffer {
  return Buffer.from(bytes.subarray(start, end));
}

function readAscii({ bytes }: ByteSource, start: number, end: number): string {
  return bytes.latin1Slice(start, end);
}

function readFloat({ bytes }: ByteSource, start: number, end: number): number {
  return parseFloat(bytes.latin1Slice(start, end));
}

function readInteger({ bytes }: ByteSource, start: number, end: number): number {
  const isNegative = bytes[start] === MINUS;
  let value = 0;
  for (let at = isNegative ? start + 1 : start; at < end; at++) value = value * 10 + bytes[at]! - DIGIT_0;
  return isNegative ? -value : value;
}

/** Midnight in local time. */
function readDate({ view }: ByteSource, start: number): Date | number {
  const days = view.getInt32(start);
  if (days === INT4_MAX) return Infinity;
  if (days === INT4_MIN) return -Infinity;
  return localDate((days + EPOCH_DAYS) * MILLISECONDS_OF_DAY);
}

/** The same clock time in local time. */
function readTimestamp({ view }: ByteSource, start: number): Date | number {
  const milliseconds = millisecondsAt(view, start);
  return Number.isFinite(milliseconds) ? localDate(milliseconds) : milliseconds;
}

function readTimestamptz({ view }: ByteSource, start: number): Date | number {
  const milliseconds = millisecondsAt(view, start);
  return Number.isFinite(milliseconds) ? new Date(milliseconds) : milliseconds;
}

/** Milliseconds since 1970 of a number of microseconds since 2000; ±Infinity for what is infinite. */
function millisecondsAt(view: DataView, start: number): number {
  const high = view.getInt32(start);
  const low = view.getUint32(start + 4);
  if (high === INT4_MAX && low === UINT4_MAX) return Infinity;
  if (high === INT4_MIN && low === 0) return -Infinity;
  // Beyond a century, a double does not hold the intermediate results exactly.
  const seconds = Math.abs(high) < EXACT_HIGH
    ? Math.floor((high * TWO_32 + low) / 1e6)
    : Number(floorDivide(view.getBigInt64(start), 1_000_000n));
  const microseconds = Math.abs(high) < EXACT_HIGH
    ? high * TWO_32 + low - seconds * 1e6
    : Number(view.getBigInt64(start) - BigInt(seconds) * 1_000_000n);
  // This is how postgres-date rounds the fraction of its text.
  return seconds * 1000 + Math.trunc(1000 * (microseconds / 1e6)) + EPOCH_DAYS * MILLISECONDS_OF_DAY;
}

function floorDivide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  return value < 0n && quotient * divisor !== value ? quotient - 1n : quotient;
}

/** The date whose local parts are the UTC parts of that time. */
function localDate(milliseconds: number): Date {
  const utc = new Date(milliseconds);
  const year = utc.getUTCFullYear();
  const date = new Date(
    year,
    utc.getUTCMonth(),
    utc.getUTCDate(),
    utc.getUTCHours(),
    utc.getUTCMinutes(),
    utc.getUTCSeconds(),
    utc.getUTCMilliseconds(),
  );
  // The constructor takes these years as 1900 to 1999.
  if (year >= 0 && year < 100) date.setFullYear(year);
  return date;
}

const LETTER_T = 0x74;
const MINUS = 0x2d;
const DIGIT_0 = 0x30;
const INT4_MAX = 0x7fff_ffff;
const INT4_MIN = -0x8000_0000;
const UINT4_MAX = 0xffff_ffff;
const TWO_32 = 0x1_0000_0000;
/** With less in the upper half, the number of microseconds is well below 2^53. */
const EXACT_HIGH = 0x8_0000;
/** From 1970 to 2000. */
const EPOCH_DAYS = 10_957;
const MILLISECONDS_OF_DAY = 86_400_000;
