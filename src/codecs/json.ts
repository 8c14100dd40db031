/**
 * json, jsonb and the wrappers that mark a parameter as a JSON value.
 *
 * Source: PostgreSQL manual, "JSON Types".
 */
import type { JsonChoice } from "../options/choices.ts";
import { BadValue, checkedText, type Codec } from "./codec.ts";
import { JsonNumber, stringify } from "./json_text.ts";

/** A value that is always sent as JSON; made by {@linkcode Json} and {@linkcode Jsonb}. */
export class JsonValue {
  /** The value that is stringified. */
  readonly value: unknown;

  /** Internal: `Json` and `Jsonb` make them. */
  constructor(value: unknown) {
    this.value = value;
  }

  /** Inside of other JSON, it is its value. */
  toJSON(): unknown {
    return this.value;
  }
}

/**
 * Marks a parameter as a value to be stringified. Without it, a string for json must be JSON text, and
 * `null` is SQL NULL.
 *
 * @example
 * ```ts
 * import { Conn, Json } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await using conn = await Conn.connect("pg://");
 * assert.equal(await conn.execValue("select json_typeof($1)", [Json("text")]), "string");
 * assert.equal(await conn.execValue("select json_typeof($1)", [Json(null)]), "null");
 * ```
 */
export function Json(value: unknown): JsonValue {
  return new JsonValue(value);
}

/**
 * The same as {@linkcode Json}; the name is for readers. The parameter's type decides whether it is
 * json or jsonb.
 */
export function Jsonb(value: unknown): JsonValue {
  return new JsonValue(value);
}

/** json, whose binary format is its text. */
export function json(choice: JsonChoice): Codec {
  const result = parser(choice);
  const text = (value: unknown): string => jsonText(value, choice === "lossless");
  return {
    name: "json",
    binary: true,
    isValue: () => true,
    takesStrings: true,
    decode: (source, start, end) => result(source.bytes.utf8Slice(start, end)),
    parse: result,
    encode(out, value) {
      out.text(text(value));
      return true;
    },
    text,
  };
}

/** jsonb, whose binary format is a version byte and its text. */
export function jsonb(choice: JsonChoice): Codec {
  const text = json(choice);
  return {
    ...text,
    name: "jsonb",
    decode(source, start, end) {
      if (start === end || source.bytes[start] !== 1) throw new BadValue("its format is not version 1 of jsonb");
      return text.parse(source.bytes.utf8Slice(start + 1, end));
    },
    encode(out, value) {
      out.byte(1);
      return text.encode(out, value);
    },
  };
}

/** The JSON text of a parameter: a string is JSON text already, other values are stringified. */
export function jsonText(value: unknown, bigints: boolean = false): string {
  if (typeof value === "string") return checkedText(value);
  return stringify(value instanceof JsonValue ? value.value : value, bigints);
}

function parser(choice: JsonChoice): (text: string) => unknown {
  if (choice === "string") return (text) => text;
  if (typeof choice === "function") return choice;
  const isLossless = choice === "lossless";
  return (text) => {
    try {
      return isLossless ? parseLossless(text) : JSON.parse(text);
    } catch (error) {
      if (error instanceof SyntaxError) throw new BadValue("it is not JSON");
      // The value is nested more deeply than the engine can parse, or too large.
      throw error;
    }
  };
}

/** Parses JSON. Numbers that a double cannot hold are bigints or {@linkcode JsonNumber}. */
function parseLossless(text: string): unknown {
  // Fifteen digits fit into a double, and the engine's own parsing is much faster.
  return LONG_NUMBER.test(text) ? JSON.parse(text, exactly) : JSON.parse(text);
}

function exactly(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== "number") return value;
  const source = context!.source!;
  if (decimal(String(value)) === decimal(source)) return value;
  return /^-?\d+$/.test(source) ? BigInt(source) : new JsonNumber(source);
}

/** A number's digits and exponent: equal texts are equal numbers. */
function decimal(text: string): string {
  const [, sign, whole = "", fraction = "", exponent = "0"] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ??
    [];
  const digits = (whole + fraction).replace(/^0+/, "");
  // A pattern would begin again at each zero of a long run.
  let end = digits.length;
  while (digits[end - 1] === "0") end--;
  if (end === 0) return "0";
  return `${sign}${digits.slice(0, end)}e${Number(exponent) - fraction.length + digits.length - end}`;
}

const LONG_NUMBER = /[\d.]{16}|\d[eE][+-]?\d/;
