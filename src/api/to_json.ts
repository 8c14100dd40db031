/** Makes JSON text of rows. */
import { Buffer } from "node:buffer";
import { hexText } from "../codecs/bytes.ts";
import { checkChoice, checkOptions } from "../options/option_values.ts";

/** How {@linkcode toJson} writes values that JSON has no form for. */
export interface JsonOptions {
  /** How many spaces each level is indented by, or the text to indent it with, as of `JSON.stringify`. Default: none. */
  readonly indent?: number | string | undefined;
  /**
   * bigints: `"safe"` makes numbers of those that every reader of JSON reads exactly (up to 2^53-1) and strings of the
   * others; `"string"` makes strings of all, so that a field has one type; `"number"` makes numbers of all, which
   * `JSON.parse` rounds. Default: `"safe"`.
   */
  readonly int8?: "safe" | "string" | "number" | undefined;
  /** bytea: `"base64"`, or `"hex"` as PostgreSQL writes it (`\x616263`). Default: `"base64"`. */
  readonly bytea?: "base64" | "hex" | undefined;
}

/**
 * Makes JSON text of rows, or of any value of a result: bigints become numbers if those are exact,
 * otherwise strings; bytea becomes base64; dates and times their ISO text; NaN and the infinities
 * strings, as with PostgreSQL's `to_json`. `undefined`, such as the first of no rows, becomes `null`.
 *
 * @param options Other forms, and indentation.
 * @throws {UsageError} If there is no such option or choice.
 *
 * @example
 * ```ts
 * import { Conn, toJson } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await using conn = await Conn.connect("pg://");
 * const rows = await conn.query("select 1::int8 as id, 'abc'::bytea as data, '2000-01-01'::date as day");
 * assert.equal(toJson(rows), '[{"id":1,"data":"YWJj","day":"2000-01-01"}]');
 * assert.equal(toJson(rows[0], { int8: "string", bytea: "hex" }), '{"id":"1","data":"\\\\x616263","day":"2000-01-01"}');
 * assert.equal(toJson([9007199254740993n], { int8: "number" }), "[9007199254740993]");
 * ```
 */
export function toJson(value: unknown, options: JsonOptions = {}): string {
  checkOptions(options, ["indent", "int8", "bytea"], "{ indent: 2 }");
  const { indent, int8 = "safe", bytea = "base64" } = options;
  const bigint = BIGINTS[checkChoice("int8", int8, keysOf(BIGINTS))];
  const bytes = BYTES[checkChoice("bytea", bytea, keysOf(BYTES))];
  const text: string | undefined = JSON.stringify(value, (_key, member: unknown) => {
    switch (typeof member) {
      case "bigint":
        return bigint(member);
      case "number":
        return Number.isFinite(member) ? member : String(member);
      case "object":
        return member instanceof Uint8Array ? bytes(member) : member;
      default:
        return member;
    }
  }, indent);
  // As inside of arrays.
  return text ?? "null";
}

function keysOf<T extends object>(choices: T): (keyof T & string)[] {
  return Object.keys(choices) as (keyof T & string)[];
}

/** Not every version of TypeScript knows it. */
const EXACT = JSON as unknown as { rawJSON(text: string): unknown };

const BIGINTS = {
  safe: (value: bigint): unknown => Number.isSafeInteger(Number(value)) ? Number(value) : String(value),
  string: (value: bigint): unknown => String(value),
  number: (value: bigint): unknown => EXACT.rawJSON(String(value)),
};

const BYTES = {
  base64: (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64"),
  hex: hexText,
};
