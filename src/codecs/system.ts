/**
 * The types of the system catalogs and of the server's internals: "char", tid, xid, cid, xid8, pg_lsn,
 * pg_snapshot, txid_snapshot, oidvector and int2vector.
 *
 * Source: PostgreSQL manual, "Character Types" ("char"), "Object Identifier Types", "pg_lsn Type" and
 * "Transaction ID and Snapshot Information Functions"; binary formats are those of `charsend`,
 * `tidsend`, `xid8send`, `pg_lsn_send`, `pg_snapshot_send`, `oidvectorsend` and so on.
 */
import type { ByteSource } from "../wire/bytes.ts";
import { BadValue, type Codec, expectLength, wrongKind } from "./codec.ts";
import { int2, integer, unsigned } from "./number.ts";
import { printed, STRINGS_ONLY } from "./text.ts";

/**
 * "char", a single byte: 0 is the empty string, ASCII the character, all else a backslash and three
 * octal digits, as PostgreSQL 15 and later print it.
 */
export const char: Codec = {
  name: "char",
  binary: true,
  decode(source, start, end) {
    expectLength(start, end, 1);
    const byte = source.bytes[start]!;
    if (byte === 0) return "";
    return byte < 0x80 ? String.fromCharCode(byte) : `\\${byte.toString(8)}`;
  },
  parse(text) {
    const ascii = text.length === 1 && text > "\0" && text < "\x80";
    if (text === "" || ascii || /^\\[23][0-7]{2}$/.test(text)) return text;
    // PostgreSQL 14 sends the byte itself, which is not text.
    throw new BadValue("it is neither an ASCII character nor the octal form of a byte");
  },
  ...STRINGS_ONLY,
};

/** tid, the location of a row version: `(block,item)`. */
export const tid: Codec = printed("tid", /^\(\d{1,10},\d{1,5}\)$/, (source, start, end) => {
  expectLength(start, end, 6);
  return `(${source.view.getUint32(start)},${source.view.getUint16(start + 4)})`;
});

/** xid as number. */
export const xid: Codec = unsigned("xid");

/** cid as number. */
export const cid: Codec = unsigned("cid");

/** xid8 as bigint, from 0 to 2^64-1. */
export const xid8: Codec = {
  name: "xid8",
  binary: true,
  decode(source, start, end) {
    expectLength(start, end, 8);
    return source.view.getBigUint64(start);
  },
  parse(text) {
    // With a leading 0, the server reads octal digits.
    if (!/^(?:0|[1-9]\d{0,19})$/.test(text)) throw new BadValue("it is not the text of xid8");
    return encodeXid8(BigInt(text));
  },
  encode(out, value) {
    out.int64(BigInt.asIntN(64, encodeXid8(value)));
    return true;
  },
  text: (value) => String(encodeXid8(value)),
};

/** pg_lsn, a place in the write-ahead log: `16/B374D848`. */
export const pgLsn: Codec = {
  name: "pg_lsn",
  binary: true,
  decode(source, start, end) {
    expectLength(start, end, 8);
    return lsnText(source.view.getUint32(start), source.view.getUint32(start + 4));
  },
  parse(text) {
    const match = /^([\dA-F]{1,8})\/([\dA-F]{1,8})$/.exec(text);
    if (!match) throw new BadValue("it is not the text of pg_lsn");
    // Formatted again, since a server may pad the halves with zeros.
    return lsnText(Number.parseInt(match[1]!, 16), Number.parseInt(match[2]!, 16));
  },
  ...STRINGS_ONLY,
};

/** pg_snapshot: `xmin:xmax:xip,xip`. */
export const pgSnapshot: Codec = snapshot("pg_snapshot");

/** txid_snapshot, the same under its old name. */
export const txidSnapshot: Codec = snapshot("txid_snapshot");

/** oidvector as an array of numbers. */
export const oidvector: Codec = vector("oidvector", unsigned("oid"), 26, 4, 0, 0xffff_ffff);

/** int2vector as an array of numbers. */
export const int2vector: Codec = vector("int2vector", int2, 21, 2, -0x8000, 0x7fff);

/**
 * A vector of the system catalogs. In binary it is an array of one dimension, whose lower bound is 0,
 * or another one if an array function made it; as text, its elements are separated by spaces. In an
 * array of vectors, an array that contains only numbers is one vector, so `[[]]` has one empty vector,
 * and `[]` none.
 */
function vector(
  name: string,
  element: Codec,
  elementOid: number,
  elementSize: number,
  min: number,
  max: number,
): Codec {
  const checked = (value: unknown): number[] => {
    if (!Array.isArray(value)) throw wrongKind(value, "an array of numbers");
    return Array.from(value, (item: unknown) => integer(item, min, max));
  };
  return {
    name,
    binary: true,
    isValue: (array) => array.every((item) => typeof item === "number" || typeof item === "bigint"),
    decode(source, start, end) {
      if (isEmptyArray(source, start, end)) return [];
      expectVector(source, start, end, elementOid, elementSize);
      const values: unknown[] = [];
      for (let at = start + VECTOR_HEADER; at < end; at += 4 + elementSize) {
        const length = source.view.getInt32(at);
        if (length !== elementSize) throw new BadValue("an element's length is wrong");
        values.push(element.decode(source, at + 4, at + 4 + elementSize));
      }
      return values;
    },
    parse(text) {
      if (text === "") return [];
      return text.split(" ").map((item) => {
        if (!/^(?:0|-?[1-9]\d{0,9})$/.test(item)) throw new BadValue(`it is not the text of ${name}`);
        return integer(Number(item), min, max);
      });
    },
    encode(out, value) {
      const values = checked(value);
      // The server refuses its own binary form of a vector without elements.
      if (values.length === 0) return false;
      for (const field of [1, 0, elementOid, values.length, 0]) out.int32(field);
      for (const value of values) {
        out.int32(elementSize);
        element.encode(out, value);
      }
      return true;
    },
    sendsText: true,
    text: (value) => checked(value).join(" "),
  };
}

/** Whether it is an array without dimensions, as a vector that array functions have emptied. */
function isEmptyArray({ view }: ByteSource, start: number, end: number): boolean {
  return end - start === VECTOR_HEADER - 8 && view.getInt32(start) === 0;
}

/** Throws if a vector's header does not match its elements' type, size and number. */
function expectVector({ view }: ByteSource, start: number, end: number, elementOid: number, elementSize: number): void {
  if (end - start < VECTOR_HEADER) throw new BadValue("it is shorter than a vector's header");
  const oid = view.getUint32(start + 8);
  if (view.getInt32(start) !== 1) throw new BadValue(`it claims ${view.getInt32(start)} dimensions`);
  if (view.getInt32(start + 4) !== 0) throw new BadValue("it claims to have NULLs");
  if (oid !== elementOid) throw new BadValue(`its elements have type ${oid} instead of ${elementOid}`);
  expectLength(start + VECTOR_HEADER, end, view.getUint32(start + 12) * (4 + elementSize));
}

function encodeXid8(value: unknown): bigint {
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new BadValue("the number must be an integer from 0 to 2^53-1, where numbers are exact; give a bigint");
    }
    return BigInt(value);
  }
  if (typeof value !== "bigint") throw wrongKind(value, "a bigint or a number");
  if (BigInt.asUintN(64, value) !== value) throw new BadValue("the bigint is out of range: 0 to 2^64-1");
  return value;
}

function lsnText(high: number, low: number): string {
  return `${high.toString(16)}/${low.toString(16)}`.toUpperCase();
}

function snapshot(name: string): Codec {
  // Without a group for each number, since engines fail on long repetitions of groups.
  return printed(name, /^\d{1,20}:\d{1,20}:(?!,|.*,,|.*,$)[\d,]*$/, decodeSnapshot);
}

function decodeSnapshot({ view }: ByteSource, start: number, end: number): string {
  if (end - start < SNAPSHOT_HEADER) throw new BadValue("it is shorter than a snapshot's header");
  expectLength(start + SNAPSHOT_HEADER, end, 8 * view.getUint32(start));
  let text = `${view.getBigUint64(start + 4)}:${view.getBigUint64(start + 12)}:`;
  for (let at = start + SNAPSHOT_HEADER; at < end; at += 8) {
    if (at > start + SNAPSHOT_HEADER) text += ",";
    text += view.getBigUint64(at);
  }
  return text;
}

/** Bytes before a vector's elements. */
const VECTOR_HEADER = 20;
/** Bytes before the transactions of a snapshot: their count, xmin and xmax. */
const SNAPSHOT_HEADER = 20;
