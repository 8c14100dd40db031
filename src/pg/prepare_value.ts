/**
 * Makes the text or the bytes of a parameter's value, as pg does. The types of parameters are not asked for: the
 * server reads the text as whatever type the parameter has.
 */
import { Buffer } from "node:buffer";
import { types as kinds } from "node:util";
import { defaults } from "./defaults.ts";

/** What is sent for a value: nothing, a text, or bytes in the binary format. */
export type Prepared = null | string | Buffer;

/** What is sent for a value. Objects are sent as JSON, unless they have a method `toPostgres`. */
export function prepareValue(value: unknown): Prepared {
  return prepare(value, undefined);
}

/** What is sent for all values of a query. */
export function prepareValues(values: readonly unknown[]): Prepared[] {
  const prepared: Prepared[] = [];
  // Not by map, which skips the holes of an array.
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    prepared.push(typeof value === "string" ? value : prepare(value, undefined));
  }
  return prepared;
}

function prepare(value: unknown, seen: unknown[] | undefined): Prepared {
  if (value === null || value === undefined) return null;
  if (typeof value !== "object") return String(value);
  if (ArrayBuffer.isView(value)) return bufferOf(value);
  if (kinds.isDate(value)) return dateText(value as Date);
  if (Array.isArray(value)) return arrayText(value);
  // A method `toJSON` may give what has no JSON, and then there is no text.
  if (typeof (value as Convertible).toPostgres !== "function") return JSON.stringify(value) ?? null;
  if (seen?.includes(value)) {
    throw new Error(`circular reference detected while preparing "${value}" for query`);
  }
  return prepare((value as Convertible).toPostgres(prepareValue), [...seen ?? [], value]);
}

/** An object that says what is sent for it. */
interface Convertible {
  toPostgres(prepare: (value: unknown) => Prepared): unknown;
}

function bufferOf(view: ArrayBufferView): Buffer {
  return Buffer.isBuffer(view) ? view : Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}

/** The text of an array. Its elements are separated by commas, as in the arrays of all types but box. */
function arrayText(array: readonly unknown[]): string {
  const items: string[] = [];
  for (let i = 0; i < array.length; i++) {
    const item = array[i];
    if (item === null || item === undefined) items.push("NULL");
    else if (Array.isArray(item)) items.push(arrayText(item));
    else if (ArrayBuffer.isView(item)) items.push(`\\\\x${bufferOf(item).toString("hex")}`);
    else items.push(quoteElement(prepareValue(item) as string));
  }
  return `{${items.join(",")}}`;
}

function quoteElement(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/** A date in ISO 8601, in local time with its offset or in UTC. */
function dateText(date: Date): string {
  if (Number.isNaN(date.getTime())) warnOfInvalidDate();
  if (defaults.parseInputDatesAsUTC) return isoText(utcParts(date), 0);
  return isoText(localParts(date), -date.getTimezoneOffset());
}

/** Year, month, day, hour, minute, second and millisecond. */
type Parts = readonly [number, number, number, number, number, number, number];

function localParts(date: Date): Parts {
  return [
    ...[date.getFullYear(), date.getMonth() + 1, date.getDate()] as const,
    ...[date.getHours(), date.getMinutes(), date.getSeconds(), date.getMilliseconds()] as const,
  ];
}

function utcParts(date: Date): Parts {
  return [
    ...[date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()] as const,
    ...[date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds(), date.getUTCMilliseconds()] as const,
  ];
}

function isoText([year, month, day, hour, minute, second, millisecond]: Parts, offset: number): string {
  // There is no year 0: the year before 1 is 1 BC.
  const isBc = year < 1;
  const minutes = Math.abs(offset);
  return `${digits(isBc ? 1 - year : year, 4)}-${digits(month)}-${digits(day)}` +
    `T${digits(hour)}:${digits(minute)}:${digits(second)}.${digits(millisecond, 3)}` +
    `${offset < 0 ? "-" : "+"}${digits(Math.floor(minutes / 60))}:${digits(minutes % 60)}${isBc ? " BC" : ""}`;
}

function digits(value: number, count: number = 2): string {
  return String(value).padStart(count, "0");
}

let hasWarned = false;

/** As pg, which will refuse such dates. The server does so already. */
function warnOfInvalidDate(): void {
  if (hasWarned) return;
  hasWarned = true;
  process.emitWarning(
    "A parameter is an invalid Date, whose text PostgreSQL refuses. Give a valid Date, or null.",
    "DeprecationWarning",
    "PG_INVALID_DATE",
  );
}
