/** Encodes and decodes values with codecs, without a server. */
import assert from "node:assert/strict";
import { DEFAULT_CHOICES, type TypeChoices } from "../../../src/options/choices.ts";
import { BadValue, type Codec, encodeValue, Format, textOf } from "../../../src/codecs/codec.ts";
import { BUILT_IN_TYPES } from "../../../src/codecs/oids.ts";
import { Range } from "../../../src/codecs/range.ts";
import { Registry } from "../../../src/codecs/registry.ts";
import { allocate, viewOf } from "../../../src/wire/bytes.ts";
import { Outbox } from "../../../src/wire/outbox.ts";
import { refusal } from "../suite/refusal.ts";

/** The codec of a built-in type by its name; `name[]` is its array type. */
export function codec(name: string, choices: Partial<TypeChoices> = {}): Codec {
  return new Registry({ ...DEFAULT_CHOICES, ...choices }).codec(oidOf(name));
}

/** OID of a built-in type by its name; `name[]` is its array type. */
export function oidOf(name: string): number {
  const [, oid, arrayOid] = BUILT_IN_TYPES.find(([type]) => type === name.replace("[]", ""))!;
  return name.endsWith("[]") ? arrayOid : oid;
}

/** The value in its binary format; undefined if the codec sends text. */
export function encode(codec: Codec, value: unknown): Uint8Array | undefined {
  const out = new Outbox();
  out.bytes(SURROUNDINGS);
  const binary = codec.encode(out, value);
  const bytes = new Uint8Array(out.pending().subarray(SURROUNDINGS.length));
  if (binary) return bytes;
  assert.equal(bytes.length, 0, "nothing is written when text is to be sent");
  return undefined;
}

/** The same as hexadecimal digits. */
export function encodeHex(codec: Codec, value: unknown): string | undefined {
  const bytes = encode(codec, value);
  return bytes && Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The value as in a Bind message: text, or hexadecimal digits behind `\x` if it is binary. */
export function sent(codec: Codec, value: unknown): string {
  const out = new Outbox();
  const format = encodeValue(codec, out, value);
  const bytes = out.pending();
  if (format === Format.Text) return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  return `\\x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** The value of these bytes, which are surrounded by others that the codec must not read. */
export function decode(codec: Codec, body: Uint8Array): unknown {
  const bytes = allocate(body.length + 2 * SURROUNDINGS.length);
  bytes.set(SURROUNDINGS);
  bytes.set(body, SURROUNDINGS.length);
  bytes.set(SURROUNDINGS, SURROUNDINGS.length + body.length);
  return codec.decode({ bytes, view: viewOf(bytes) }, SURROUNDINGS.length, SURROUNDINGS.length + body.length);
}

/** The value of bytes in hexadecimal digits, which may have spaces between them. */
export function decodeHex(codec: Codec, digits: string): unknown {
  return decode(codec, hex(digits));
}

/** The value of a body and a text, which must be the same; as {@linkcode shown}. */
export function readBoth(codec: Codec, body: Uint8Array, text: string): unknown {
  const value = shown(decode(codec, body));
  assert.deepEqual(shown(codec.parse(text)), value);
  return value;
}

/** A 64-bit integer as the server sends it. */
export function int64(value: bigint): Uint8Array<ArrayBuffer> {
  return hex(BigInt.asUintN(64, value).toString(16).padStart(16, "0"));
}

/** Bytes from hexadecimal digits, which may have spaces between them. */
export function hex(digits: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(digits.replaceAll(" ", "").match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

/** Checks that a value comes back the same through both formats: as `value`, unless `expected` is given. */
export function roundTrip(codec: Codec, value: unknown, expected: unknown = value): void {
  const binary = encode(codec, value);
  if (binary !== undefined) assert.deepEqual(shown(decode(codec, binary)), shown(expected), `${codec.name}, binary`);
  assert.deepEqual(shown(codec.parse(textOf(codec, value))), shown(expected), `${codec.name}, text`);
}

/** Why the codec refuses a value, in the same words for both formats. */
export function refused(codec: Codec, value: unknown): string {
  const message = refusal(BadValue, () => codec.text(value));
  const out = new Outbox();
  assert.equal(refusal(BadValue, () => encodeValue(codec, out, value)), message);
  return message;
}

/**
 * The value with Temporal's objects as text, also inside of others, since comparisons do not compare
 * their content.
 */
export function shown(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== "object" || value === null) return value;
  const type = Object.prototype.toString.call(value).slice("[object ".length, -1);
  if (type.startsWith("Temporal.")) return `${type.slice("Temporal.".length)} ${value}`;
  if (value instanceof Range) return { Range: Object.entries(value).map(([name, bound]) => [name, shown(bound)]) };
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shown(member)]));
}

const SURROUNDINGS = hex("81 5a 7f fe 01 a5 80");
