/** Parameters as node-postgres sends them: texts, whatever the types of the parameters are. */
import { hexText } from "../codecs/bytes.ts";
import { Interval } from "../codecs/interval.ts";
import { JsonValue } from "../codecs/json.ts";
import { Range } from "../codecs/range.ts";
import { isDuration, isMoment, isPlainDate, isPlainDateTime, isPlainTime } from "../codecs/temporal.ts";
import { dateText } from "./dates.ts";

/**
 * The parameters of a call, as node-postgres would send them: numbers, bigints and booleans as their text, a Date with
 * its local fields, an array as PostgreSQL's text of one, other objects as JSON, and undefined as NULL. Bytes, and
 * values that only pyro knows, are as they were given.
 */
export function pgParameters(values: readonly unknown[]): readonly unknown[] {
  for (const value of values) {
    if (typeof value !== "string" && value !== null) return values.map((value) => parameterOf(value));
  }
  return values;
}

function parameterOf(value: unknown): unknown {
  if (typeof value === "string") return value;
  if (value === null || value === undefined) return null;
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return arrayText(value);
  if (value instanceof Date) return dateText(value);
  if (ArrayBuffer.isView(value)) return bytesOf(value);
  const { toPostgres } = value as { toPostgres?: unknown };
  if (typeof toPostgres === "function") return parameterOf(toPostgres.call(value, parameterOf));
  return isOwn(value) ? value : JSON.stringify(value) ?? null;
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return view instanceof Uint8Array ? view : new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function arrayText(array: readonly unknown[]): string {
  // Not by map, which skips the holes of an array.
  return `{${Array.from(array, elementText).join(",")}}`;
}

function elementText(element: unknown): string {
  if (Array.isArray(element)) return arrayText(element);
  const value = parameterOf(element);
  if (value === null) return "NULL";
  const text = value instanceof Uint8Array ? hexText(value) : String(value);
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** Whether it is a value that pyro encodes, and of which node-postgres would make JSON. */
function isOwn(value: object): boolean {
  return value instanceof Interval || value instanceof Range || value instanceof JsonValue || isMoment(value) ||
    isPlainDateTime(value) || isPlainDate(value) || isPlainTime(value) || isDuration(value);
}
