/**
 * Reads DER, the encoding of certificates, strictly: what another reader would refuse must be refused here.
 *
 * Deno's TLS does not check that the server has the key of a certificate that it cannot parse, so this
 * reader may accept nothing that Deno's does not.
 *
 * Source: ITU-T X.690, chapters 8 and 10.
 */
import { Buffer } from "node:buffer";

/** What is wrong with the encoding. It never leaves this folder: whoever starts to read translates it. */
export class DerError extends Error {}

/** One encoded value. */
export interface DerValue {
  readonly tag: number;
  /** Without tag and length. */
  readonly content: Uint8Array;
  /** With tag and length. */
  readonly whole: Uint8Array;
}

/** Reads the values in `bytes` one after the other. */
export class DerReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Whether everything is read. */
  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Whether the next value has this tag. */
  isNext(tag: number): boolean {
    return this.#bytes[this.#at] === tag;
  }

  /** The next value, whatever its tag is. */
  next(): DerValue {
    const start = this.#at;
    const tag = this.#byte();
    if ((tag & 0x1f) === 0x1f) throw new DerError("a tag number is too large");
    const length = this.#length();
    const content = this.#bytes.subarray(this.#at, this.#at + length);
    if (content.length !== length) throw new DerError("a value is longer than what contains it");
    this.#at += length;
    return { tag, content, whole: this.#bytes.subarray(start, this.#at) };
  }

  /** The content of the next value, which must have this tag. */
  read(tag: number, what: string): Uint8Array {
    if (!this.isNext(tag)) throw new DerError(`the ${what} is missing, or of another type`);
    return this.next().content;
  }

  /** The content of the next value if it has this tag. */
  optional(tag: number): Uint8Array | undefined {
    return this.isNext(tag) ? this.next().content : undefined;
  }

  /** A reader of the next value, which must be a sequence. */
  sequence(what: string): DerReader {
    return new DerReader(this.read(Tag.sequence, what));
  }

  /** Must be called after the last value. */
  end(what: string): void {
    if (!this.done) throw new DerError(`there are bytes behind the ${what}`);
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new DerError("it ends too early");
    this.#at++;
    return byte;
  }

  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const size = first & 0x7f;
    if (size === 0 || size > 4) throw new DerError("a length is indefinite or too large");
    let length = 0;
    for (let i = 0; i < size; i++) length = length * 0x100 + this.#byte();
    if (length < (size === 1 ? 0x80 : 0x100 ** (size - 1))) throw new DerError("a length is not in its shortest form");
    return length;
  }
}

/** A reader of `bytes`, which must be one sequence and nothing else. */
export function onlySequence(bytes: Uint8Array, what: string): DerReader {
  const outer = new DerReader(bytes);
  const inner = outer.sequence(what);
  outer.end(what);
  return inner;
}

/** Checks the content of an INTEGER, and returns it. */
export function integerOf(content: Uint8Array, what: string): Uint8Array {
  const [first, second] = content;
  if (first === undefined) throw new DerError(`the ${what} is empty`);
  if (second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))) {
    throw new DerError(`the ${what} is not in its shortest form`);
  }
  return content;
}

/** Bytes as a number that is not negative. */
export function bigintOf(bytes: Uint8Array): bigint {
  return BigInt(`0x0${hex(bytes)}`);
}

/** The bytes of a number that is not negative, of this length. */
export function bytesOf(value: bigint, length: number): Uint8Array {
  return new Uint8Array(Buffer.from(value.toString(16).padStart(2 * length, "0"), "hex"));
}

/** A number from the content of an INTEGER; those above 2^31 count as 2^31. */
export function numberOf(content: Uint8Array, what: string): number {
  const [first] = integerOf(content, what);
  if (first! >= 0x80) throw new DerError(`the ${what} is negative`);
  if (content.length > 4) return 2 ** 31;
  return content.reduce((value, byte) => value * 0x100 + byte, 0);
}

/** An optional BOOLEAN whose default is false. */
export function optionalBoolean(reader: DerReader): boolean {
  const content = reader.optional(Tag.boolean);
  if (content === undefined) return false;
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) {
    throw new DerError("a BOOLEAN is neither true nor false");
  }
  return content[0] === 0xff;
}

/** The bytes of a BIT STRING that consists of whole bytes. */
export function wholeBytesOf(content: Uint8Array, what: string): Uint8Array {
  if (content[0] !== 0) throw new DerError(`the ${what} does not consist of whole bytes`);
  return content.subarray(1);
}

/** The first bytes of a BIT STRING that is a set of flags, padded with zeros: flag 0 is the highest bit. */
export function flagsOf(content: Uint8Array, what: string): number {
  const [unused, high = 0, low = 0] = content;
  const last = content.at(-1)!;
  if (unused === undefined || unused > 7 || (content.length === 1 && unused > 0)) {
    throw new DerError(`the ${what} is not a BIT STRING`);
  }
  if (content.length > 1 && (last & ((1 << unused) - 1)) !== 0) {
    throw new DerError(`the ${what} has bits that it must not use`);
  }
  return (high << 8) | low;
}

/** The object identifier in a content, in hexadecimal digits. */
export function objectIdentifierOf(content: Uint8Array): string {
  const bad = content.length === 0 || content.at(-1)! >= 0x80 ||
    content.some((byte, i) => byte === 0x80 && (i === 0 || content[i - 1]! < 0x80));
  if (bad) throw new DerError("an object identifier is malformed");
  return hex(content);
}

/** An object identifier as it is written: `2.5.29.17`. */
export function dotted(identifier: string): string {
  const numbers: bigint[] = [];
  let value = 0n;
  for (let i = 0; i < identifier.length && i < 128; i += 2) {
    const byte = parseInt(identifier.slice(i, i + 2), 16);
    value = (value << 7n) | BigInt(byte & 0x7f);
    if (byte < 0x80) {
      numbers.push(value);
      value = 0n;
    }
  }
  const [first = 0n, ...rest] = numbers;
  const root = first < 80n ? first / 40n : 2n;
  return [root, first - root * 40n, ...rest].join(".");
}

/** Unix milliseconds of a UTCTime or a GeneralizedTime. */
export function timeOf({ tag, content }: DerValue, what: string): number {
  const text = String.fromCharCode(...content.subarray(0, 20));
  const match = (tag === Tag.utcTime ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : GENERALIZED).exec(text);
  if ((tag !== Tag.utcTime && tag !== Tag.generalizedTime) || !match) {
    throw new DerError(`the ${what} is not a time in UTC`);
  }
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [number, ...number[]];
  const fullYear = tag === Tag.generalizedTime ? year : year + (year < 50 ? 2000 : 1900);
  const date = new Date(0);
  date.setUTCFullYear(fullYear, month! - 1, day!);
  date.setUTCHours(hour!, minute!, second!);
  const read = [
    date.getUTCMonth() + 1,
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
  ];
  if (![month, day, hour, minute, second].every((part, i) => part === read[i])) {
    throw new DerError(`the ${what} does not exist`);
  }
  return date.getTime();
}

/** Bytes as hexadecimal digits. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/** Whether both have the same bytes. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

/** The tags that certificates use. */
export const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  visibleString: 0x1a,
  universalString: 0x1c,
  bmpString: 0x1e,
} as const;

/** The tag of a value `[number]`; constructed if it contains values. */
export function contextTag(number: number, constructed: boolean = false): number {
  return 0x80 | (constructed ? 0x20 : 0) | number;
}

const GENERALIZED = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
