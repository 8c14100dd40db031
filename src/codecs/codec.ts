/**
 * Codecs: convert values of one PostgreSQL type to bytes and back.
 *
 * Codecs know nothing of connections, statements, columns or parameters. They throw a
 * {@linkcode BadValue} for values that they cannot convert; the caller adds the column or parameter.
 */
import type { ByteSource } from "../wire/bytes.ts";
import type { Outbox } from "../wire/outbox.ts";
import { originalOf } from "./instance.ts";

/** Format codes of the protocol. */
export const Format = { Text: 0, Binary: 1 } as const;

/** Converts values of one PostgreSQL type to and from both of its formats. */
export interface Codec {
  /** The type's name, as in `pg_type.typname`. */
  readonly name: string;
  /** Whether results are requested in binary. False for types without a binary output. */
  readonly binary: boolean;
  /** The value of the binary format in `[start, end)` of `source`. */
  decode(source: ByteSource, start: number, end: number): unknown;
  /** The value of the text format; the same as {@linkcode decode} gives for the same value. */
  parse(text: string): unknown;
  /**
   * Writes the binary format and returns true; or writes nothing and returns false, so that
   * {@linkcode text} is sent. Gets strings only if {@linkcode takesStrings} is set.
   */
  encode(out: Outbox, value: unknown): boolean;
  /** The text format of a parameter, which is not a string. */
  text(value: unknown): string;
  /** Whether the binary format of a string is that string, so that it need not be sent as text. */
  readonly takesStrings?: boolean;
  /**
   * Writes the binary format of a text, where the text format is not possible. Default:
   * {@linkcode encode} of the value that {@linkcode readText} gives.
   */
  encodeText?(out: Outbox, text: string): void;
  /**
   * The same for a type that is made of others, whose parts are written by {@linkcode encodeTextInside}. Their values
   * would not do: JSON's null would become NULL, and a long number lose digits.
   */
  encodeParts?(out: Outbox, text: string): void;
  /**
   * The value of a text in any form that the server reads the same way in every session, as people and
   * programs write it. Default: {@linkcode parse}.
   */
  readText?(text: string): unknown;
  /**
   * Whether some values have no binary encoding and must be sent as {@linkcode text}, as those of a
   * type whose values are strings.
   */
  readonly sendsText?: boolean;
  /**
   * Whether the server may have no binary input for the type. Types that contain it are then sent as
   * text too, even if they contain no value of it.
   */
  readonly textOnly?: boolean;
  /**
   * Whether a JavaScript array is one value of this type (as every array is for json), and not a
   * dimension of an array of values.
   */
  isValue?(array: readonly unknown[]): boolean;
  /** The text to send for a string. Default: the string itself. */
  rewrite?(text: string): string;
  /** The separator of elements in the text of an array of this type (`pg_type.typdelim`), "," by default. */
  readonly delimiter?: string;
}

/** The reason why a value cannot be encoded or decoded: "it is out of range". Must never contain the value. */
export class BadValue extends Error {}

/** Writes a parameter's value and returns its format. A string is taken as the text of a value of any type. */
export function encodeValue(codec: Codec, out: Outbox, value: unknown): number {
  if (typeof value !== "string" && codec.encode(out, value)) return Format.Binary;
  out.text(textOf(codec, value));
  return Format.Text;
}

/**
 * Writes the length and the binary format of a value inside of another. Returns false if it has no
 * binary format: the outer value must then be discarded and sent as text.
 */
export function encodeInside(codec: Codec, out: Outbox, value: unknown): boolean {
  const length = out.beginValue();
  if ((typeof value === "string" && !codec.takesStrings) || !codec.encode(out, value)) return false;
  out.endValue(length);
  return true;
}

/** Writes the length and the binary format of a text, where the text format is not possible. */
export function encodeTextInside(codec: Codec, out: Outbox, text: string): void {
  if (codec.encodeText !== undefined || codec.encodeParts !== undefined) {
    const length = out.beginValue();
    if (codec.encodeText !== undefined) codec.encodeText(out, text);
    else codec.encodeParts!(out, text);
    out.endValue(length);
    return;
  }
  const value = codec.takesStrings ? text : codec.readText?.(text) ?? codec.parse(text);
  if (!encodeInside(codec, out, value)) throw new BadValue("it has no binary form");
}

/** Whether some values of a type cannot be written in binary inside of others. */
export function mayBeText(codec: Codec): boolean {
  return codec.sendsText === true || codec.encodeText !== undefined;
}

/** The text of a parameter's value. */
export function textOf(codec: Codec, value: unknown): string {
  if (typeof value !== "string") return codec.text(value);
  const text = checkedText(value);
  return codec.rewrite === undefined ? text : codec.rewrite(text);
}

/** Throws if a binary value does not have its type's length. */
export function expectLength(start: number, end: number, length: number): void {
  if (end - start !== length) throw new BadValue(`it has ${end - start} bytes instead of ${length}`);
}

/** The kind of a value, in words that do not show the value: "a string", "an array", "a Date". */
export function kindOf(value: unknown): string {
  switch (typeof value) {
    case "undefined":
      return "undefined";
    case "object":
      try {
        return value === null ? "null" : kindOfObject(value);
      } catch {
        // A Proxy that is revoked, or a getter that throws.
        return "an object that cannot be examined";
      }
    default:
      return article(typeof value);
  }
}

function kindOfObject(value: object): string {
  if (Array.isArray(value)) return "an array";
  const name: unknown = (originalOf(value) as object).constructor?.name;
  return typeof name !== "string" || name === "Object" || name === "" ? "an object" : article(name);
}

/** The reason why a value could not be encoded. Anything that the user's code has thrown is the cause. */
export function encodeFailure(error: unknown, value: unknown): { reason: string; options: ErrorOptions } {
  if (error instanceof BadValue) {
    const isMissing = value === undefined && error.message.startsWith("undefined was given");
    return { reason: isMissing ? `${error.message}; NULL is null` : error.message, options: {} };
  }
  return { reason: `its codec failed on ${kindOf(value)}`, options: { cause: error } };
}

/** The error for a value of a kind that the codec does not accept. */
export function wrongKind(value: unknown, accepted: string): BadValue {
  return new BadValue(`${kindOf(value)} was given where ${accepted} is needed`);
}

/** Text that the server accepts: without NUL, which ends strings, and well-formed, so that nothing is replaced. */
export function checkedText(text: string): string {
  if (text.includes("\0")) throw new BadValue("the text contains a NUL character, which PostgreSQL cannot store");
  if (!text.isWellFormed()) throw new BadValue("the text contains a lone surrogate, which UTF-8 cannot express");
  return text;
}

/** The text without the white space around it that the server ignores: that of ASCII. */
export function trimmed(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (start < end && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}

function article(noun: string): string {
  return `${/^(?!uint|url)[aeiou]/i.test(noun) ? "an" : "a"} ${noun}`;
}
