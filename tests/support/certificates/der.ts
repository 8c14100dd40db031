/** Writes DER, the encoding of certificates; also wrong DER, for what must be refused. */
import { Buffer } from "node:buffer";

/** A value with a tag and a content. */
export function der(tag: number, ...content: Uint8Array[]): Buffer {
  const all = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag]), lengthOf(all.length), all]);
}

/** SEQUENCE. */
export function sequence(...parts: Uint8Array[]): Buffer {
  return der(0x30, ...parts);
}

/** SET. */
export function set(...parts: Uint8Array[]): Buffer {
  return der(0x31, ...parts);
}

/** A value `[number]` that contains values. */
export function explicit(number: number, ...parts: Uint8Array[]): Buffer {
  return der(0xa0 | number, ...parts);
}

/** A value `[number]` that is of another type in fact. */
export function implicit(number: number, content: Uint8Array): Buffer {
  return der(0x80 | number, content);
}

/** INTEGER, not negative. */
export function integer(value: number | bigint): Buffer {
  const digits = value.toString(16);
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, "hex");
  return der(0x02, bytes[0]! >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);
}

/** BOOLEAN. */
export function boolean(value: boolean): Buffer {
  return der(0x01, Buffer.from([value ? 0xff : 0]));
}

/** OBJECT IDENTIFIER, as it is written: `2.5.29.17`. */
export function objectIdentifier(text: string): Buffer {
  const [first, second, ...rest] = text.split(".").map(BigInt);
  const bytes = [first! * 40n + second!, ...rest].flatMap((number) => {
    const septets = [Number(number & 0x7fn)];
    for (let left = number >> 7n; left > 0n; left >>= 7n) septets.unshift(Number(left & 0x7fn) | 0x80);
    return septets;
  });
  return der(0x06, Buffer.from(bytes));
}

/** BIT STRING of whole bytes. */
export function bitString(content: Uint8Array): Buffer {
  return der(0x03, Buffer.from([0]), content);
}

/** BIT STRING that is a set of flags, given their numbers. */
export function flags(...numbers: number[]): Buffer {
  if (numbers.length === 0) return der(0x03, Buffer.from([0]));
  const last = Math.max(...numbers);
  const bytes = Buffer.alloc(Math.floor(last / 8) + 1);
  for (const number of numbers) bytes[number >> 3]! |= 0x80 >> (number & 7);
  return der(0x03, Buffer.from([7 - (last & 7)]), bytes);
}

/** OCTET STRING. */
export function octetString(content: Uint8Array): Buffer {
  return der(0x04, content);
}

/** A string of a type, such as 0x0c, UTF8String. */
export function text(tag: number, value: string): Buffer {
  return der(tag, Buffer.from(value, tag === 0x0c ? "utf8" : "latin1"));
}

/** UTCTime until 2049, then GeneralizedTime. */
export function time(at: number): Buffer {
  const digits = new Date(at).toISOString().replace(/[-:T]|\.\d+/g, "");
  return digits < "2050" ? der(0x17, Buffer.from(digits.slice(2))) : der(0x18, Buffer.from(digits));
}

/** The values inside of a value. */
export function partsOf(value: Uint8Array): Buffer[] {
  const parts: Buffer[] = [];
  for (let rest = Buffer.from(contentOf(value)); rest.length > 0;) {
    const size = rest.length - Buffer.from(contentOf(rest, true)).length;
    parts.push(rest.subarray(0, size));
    rest = rest.subarray(size);
  }
  return parts;
}

/** NULL. */
export const NULL: Buffer = der(0x05);

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const digits = length.toString(16);
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, "hex");
  return Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes]);
}

/** The content of a value, or what is behind it. */
function contentOf(value: Uint8Array, behind: boolean = false): Uint8Array {
  const first = value[1]!;
  const extra = first < 0x80 ? 0 : first & 0x7f;
  const length = extra === 0 ? first : value.subarray(2, 2 + extra).reduce((sum, byte) => sum * 256 + byte, 0);
  const start = 2 + extra;
  return behind ? value.subarray(start + length) : value.subarray(start, start + length);
}
