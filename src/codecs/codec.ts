/**
 * What a codec is: how values of one PostgreSQL type become bytes, and bytes values.
 *
 * Codecs know nothing of connections, statements, columns or parameters. What they cannot do they
 * say with a {@linkcode BadValue}; whoever called adds where the value stood.
 */
import type { ByteSource } from "../wire/bytes.ts";
import type { Outbox } from "../wire/outbox.ts";
import { originalOf } from "./instance.ts";

/** Format codes of the protocol. */
export const Format = { Text: 0, Binary: 1 } as const;

/** Values of one PostgreSQL type, to and from both of its formats. */
export interface Codec {
  /** The type's name, as in `pg_type.typname`. */
  readonly name: string;
  /** Whether results are asked for in binary. False for types without a binary output. */
  readonly binary: boolean;
  /** The value of the binary format in `[start, end)` of `source`. */
  decode(source: ByteSource, start: number, end: number): unknown;
  /** The value of the text format. Gives the same as {@linkcode decode} for the same value. */
  parse(text: string): unknown;
  /** Writes the binary format and returns true; or writes nothing and returns false: send {@linkcode text}. Sees strings only where {@linkcode takesStrings} is set. */
  encode(out: Outbox, value: unknown): boolean;
  /** The text format of any value, other than a string, that is accepted as a parameter. */
  text(value: unknown): string;
  /** Whether the binary format of a string is simply that string, so that it need not be sent as text. */
  readonly takesStrings?: boolean;
  /** Writes the binary format of a text, where nothing but the binary format will do; without it, {@linkcode readText} is asked for the value first. */
  encodeText?(out: Outbox, text: string): void;
  /** The value of a text as people and programs write it, in any form that the server reads without knowing its session; without it, {@linkcode parse} is asked. */
  readText?(text: string): unknown;
  /** Whether there are values that only {@linkcode text} can send, as of a type whose values are strings. */
  readonly sendsText?: boolean;
  /** Whether the server may have no binary input for the type, so that nothing that can hold its values is sent in binary either, even without one in it. */
  readonly textOnly?: boolean;
  /** Whether a JavaScript array is one value of this type, as any is for json, and not a dimension of an array of values. */
  isValue?(array: readonly unknown[]): boolean;
  /** What is sent of a string where it is not the string as it is. */
  rewrite?(text: string): string;
  /** What separates elements in the text of an array of this type (`pg_type.typdelim`), "," by default. */
  readonly delimiter?: string;
}

/** Why a value cannot be encoded or decoded: "it is out of range". Never contains the value itself. */
export class BadValue extends Error {}

/** Writes a parameter's value; in which format it was done. A string is taken for the text of any type. */
export function encodeValue(codec: Codec, out: Outbox, value: unknown): number {
  if (typeof value !== "string" && codec.encode(out, value)) return Format.Binary;
  out.text(textOf(codec, value));
  return Format.Text;
}

/**
 * Writes length and binary format of a value inside of another. False: there is none, and what it is
 * inside of has to be taken back and sent as text.
 */
export function encodeInside(codec: Codec, out: Outbox, value: unknown): boolean {
  const length = out.beginValue();
  if ((typeof value === "string" && !codec.takesStrings) || !codec.encode(out, value)) return false;
  out.endValue(length);
  return true;
}

/** Whether values of a type can be such that they cannot be written in binary inside of others. */
export function mayBeText(codec: Codec): boolean {
  return codec.sendsText === true || codec.encodeText !== undefined;
}

/** The text of a parameter's value. */
export function textOf(codec: Codec, value: unknown): string {
  if (typeof value !== "string") return codec.text(value);
  const text = checkedText(value);
  return codec.rewrite === undefined ? text : codec.rewrite(text);
}

/** Throws when a binary value has not the one length that its type has. */
export function expectLength(start: number, end: number, length: number): void {
  if (end - start !== length) throw new BadValue(`it has ${end - start} bytes instead of ${length}`);
}

/** What `value` is, in words that show nothing of its content: "a string", "an array", "a Date". */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  switch (typeof value) {
    case "undefined":
      return "undefined";
    case "object": {
      const name: unknown = (originalOf(value) as object).constructor?.name;
      return typeof name !== "string" || name === "Object" || name === "" ? "an object" : article(name);
    }
    default:
      return article(typeof value);
  }
}

/** Why a value could not be encoded; what code of the user's has thrown, which can be anything, is the cause. */
export function encodeFailure(error: unknown, value: unknown): { reason: string; options: ErrorOptions } {
  if (error instanceof BadValue) return { reason: error.message, options: {} };
  return { reason: `its codec failed on ${kindOf(value)}`, options: { cause: error } };
}

/** The complaint of a codec that has no use for this kind of value. */
export function wrongKind(value: unknown, accepted: string): BadValue {
  return new BadValue(`${kindOf(value)} was given where ${accepted} is needed`);
}

/** Text as the server accepts it: without NUL, which ends strings there, and well-formed, so that nothing is replaced. */
export function checkedText(text: string): string {
  if (text.includes("\0")) throw new BadValue("the text contains a NUL character, which PostgreSQL cannot store");
  if (!text.isWellFormed()) throw new BadValue("the text contains a lone surrogate, which UTF-8 cannot express");
  return text;
}

function article(noun: string): string {
  return `${/^(?!uint|url)[aeiou]/i.test(noun) ? "an" : "a"} ${noun}`;
}
