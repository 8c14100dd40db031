/**
 * Makes the JSON text of values. Values that JSON cannot represent, or would silently drop or change,
 * are refused with their path.
 *
 * `JSON.stringify` makes `{}` of a Map, `null` of an invalid date, and omits undefined. It is also
 * recursive, so that a deep value is a RangeError.
 *
 * Source: ECMA-262, "JSON.stringify", for objects with `toJSON` and wrapped primitives.
 */
import { UsageError } from "../errors.ts";
import { printAs } from "../inspection.ts";
import { BadValue, kindOf } from "./codec.ts";
import { Instance } from "./instance.ts";

/**
 * A number in JSON that no JavaScript number is equal to, and that is no integer, as `json("lossless")` reads it: its
 * text. As a parameter, inside of JSON, and in the text that `JSON.stringify` and `toJson` make, it is that number.
 *
 * @example
 * ```ts
 * import { Conn, JsonNumber, Opts } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await using conn = await Conn.connect(new Opts("pg://").json("lossless"));
 * const value = await conn.execValue(`select '[0.1, 12345678901234567890, 0.12345678901234567890]'::jsonb`);
 * assert.deepEqual(value, [0.1, 12345678901234567890n, new JsonNumber("0.12345678901234567890")]);
 * assert.equal(await conn.execValue("select $1::jsonb->>2", [value]), "0.12345678901234567890");
 * ```
 */
export class JsonNumber {
  /** The number as it was written. */
  readonly text: string;

  /** A number of that text, which must be one in JSON. */
  constructor(text: string) {
    if (typeof text !== "string" || !NUMBER.test(text)) {
      throw new UsageError("Cannot make a JsonNumber: give the text of a number in JSON");
    }
    this.text = text;
  }

  /** The text. */
  toString(): string {
    return this.text;
  }

  /** For `JSON.stringify`: the number itself. */
  toJSON(): unknown {
    // Not every version of TypeScript knows it.
    return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(this.text);
  }

  static {
    printAs<JsonNumber>(this.prototype, ({ text }) => `JsonNumber ${text}`);
  }
}

/** The JSON text of a value; `bigints` says whether those are numbers, or refused. */
export function stringify(value: unknown, bigints: boolean = false): string {
  return new JsonWriter(bigints).write(value);
}

/** Writes one value. Not recursive: it keeps its own list of open containers. */
class JsonWriter {
  /** The containers that are being written, the outermost first. */
  readonly #open: Container[] = [];
  /** The same as a set, to find cycles. */
  readonly #ancestors = new Set<object>();
  /** JSON texts of members' names, since names repeat. */
  readonly #labels = new Map<string, string>();
  readonly #bigints: boolean;
  #text = "";

  constructor(bigints: boolean) {
    this.#bigints = bigints;
  }

  write(value: unknown): string {
    this.#value(value, "");
    for (let top = this.#open.at(-1); top !== undefined; top = this.#open.at(-1)) {
      const index = top.next++;
      if (index === top.count) {
        this.#text += top.keys === undefined ? "]" : "}";
        this.#open.pop();
        this.#ancestors.delete(top.value);
        continue;
      }
      if (index > 0) this.#text += ",";
      if (top.keys === undefined) {
        this.#value((top.value as unknown[])[index], index);
      } else {
        const key = top.keys[index]!;
        this.#text += this.#label(key);
        this.#value((top.value as Record<string, unknown>)[key], key);
      }
    }
    return this.#text;
  }

  /** The text of a member's name, to be written before its value. */
  #label(key: string): string {
    let label = this.#labels.get(key);
    if (label === undefined) {
      label = `${JSON.stringify(key)}:`;
      if (this.#labels.size < MAX_LABELS) this.#labels.set(key, label);
    }
    return label;
  }

  #value(value: unknown, key: string | number): void {
    switch (typeof value) {
      case "string":
        this.#text += JSON.stringify(value);
        return;
      case "number":
        if (!Number.isFinite(value)) throw this.#refused(String(value));
        this.#text += value;
        return;
      case "boolean":
        this.#text += value;
        return;
      case "bigint":
        if (!this.#bigints) throw this.#refused(kindOf(value));
        this.#text += value;
        return;
      case "object":
        if (value === null) this.#text += "null";
        else this.#object(value, key);
        return;
      default:
        throw this.#refused(kindOf(value));
    }
  }

  #object(value: object, key: string | number): void {
    let made = value;
    for (let i = 0; i < MAX_TO_JSON; i++) {
      if (made instanceof Instance) {
        this.#text += made.json;
        return;
      }
      if (made instanceof JsonNumber) {
        this.#text += made.text;
        return;
      }
      // Node would make an object with an array of numbers of a Buffer, and null of an invalid Date.
      if (ArrayBuffer.isView(made)) throw this.#refused(kindOf(made));
      if (made instanceof Date && Number.isNaN(made.getTime())) throw this.#refused("an invalid Date");
      const { toJSON } = made as { toJSON?: unknown };
      if (typeof toJSON !== "function") break;
      const next: unknown = toJSON.call(made, String(key));
      if (typeof next !== "object" || next === null) return this.#value(next, key);
      if (next === made) break;
      made = next;
    }
    this.#container(made);
  }

  #container(value: object): void {
    if (this.#ancestors.has(value)) {
      throw new BadValue(`${this.#path()} is a part of itself, which JSON has no form for`);
    }
    if (this.#open.length === MAX_DEPTH) {
      throw new BadValue(`it is nested more than ${MAX_DEPTH} levels deep: at ${this.#path()}`);
    }
    const keys = Array.isArray(value) ? undefined : this.#keysOf(value);
    if (keys === null) return;
    this.#text += keys === undefined ? "[" : "{";
    this.#ancestors.add(value);
    this.#open.push({ value, keys, count: keys?.length ?? (value as unknown[]).length, next: 0 });
  }

  /** The names of an object's members; null for a wrapped primitive, which is written instead. */
  #keysOf(value: object): readonly string[] | null {
    const prototype: unknown = Object.getPrototypeOf(value);
    const keys = Object.keys(value);
    if (prototype === Object.prototype || prototype === null) return keys;
    switch (Object.prototype.toString.call(value)) {
      case "[object Object]":
        // A plain object of another realm has that realm's Object prototype. An object of a class with private state
        // only would be written as `{}`.
        if (keys.length === 0 && Object.getPrototypeOf(prototype) !== null) break;
        if (typeof (value as { then?: unknown }).then === "function") break;
        return keys;
      case "[object String]":
      case "[object Number]":
      case "[object Boolean]":
        this.#value(value.valueOf(), "");
        return null;
    }
    throw this.#refused(kindOf(value));
  }

  #refused(kind: string): BadValue {
    return new BadValue(
      `${this.#path()} is ${kind}, which JSON has no form for; give JSON text (toJson makes some), an object with toJSON, or use a codec`,
    );
  }

  /** The path of the current value: `$.items[3].at`. */
  #path(): string {
    let path = "$";
    for (const { keys, next } of this.#open) {
      const key = keys?.[next - 1];
      path += key === undefined ? `[${next - 1}]` : NAME.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
      if (path.length > MAX_PATH) return `${path.slice(0, MAX_PATH)}…`;
    }
    return path;
  }
}

/** An array or an object that is being written. */
interface Container {
  readonly value: object;
  /** The members of an object; undefined for an array. */
  readonly keys: readonly string[] | undefined;
  readonly count: number;
  next: number;
}

/** Names that need no quotes in a path. */
const NAME = /^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u;
/** The maximum number of characters of a path; longer ones are truncated. */
const MAX_PATH = 200;
/** How many times toJSON may return an object with toJSON, as that of Json(date) does. */
const MAX_TO_JSON = 10;
/** The maximum number of names that are kept. */
const MAX_LABELS = 100;
/** The maximum depth of arrays and objects. A server with the default `max_stack_depth` accepts a few more. */
const MAX_DEPTH = 6000;
/** Source: RFC 8259, "Numbers". */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
