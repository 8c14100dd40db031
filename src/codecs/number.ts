/**
 * bool, int2, int4, int8, oid, float4, float8.
 *
 * Source: PostgreSQL manual, "Numeric Types", "Boolean Type" and "Object Identifier Types"; binary
 * formats as in the server's send and receive functions.
 */
import type { Int8Choice } from "../options/choices.ts";
import { BadValue, type Codec, expectLength, trimmed, wrongKind } from "./codec.ts";
import { parseSingle } from "./single.ts";

/** bool as boolean. */
export const bool: Codec = {
  name: "bool",
  binary: true,
  decode(source, start, end) {
    expectLength(start, end, 1);
    return source.bytes[start] !== 0;
  },
  readText(text) {
    const word = trimmed(text).toLowerCase();
    if (TRUE.test(word)) return true;
    if (FALSE.test(word)) return false;
    throw new BadValue("its text is none of true, yes, on, 1, false, no, off and 0");
  },
  parse(text) {
    if (text === "t") return true;
    if (text === "f") return false;
    throw new BadValue("it is neither t nor f");
  },
  encode(out, value) {
    if (typeof value !== "boolean") return false;
    out.byte(value ? 1 : 0);
    return true;
  },
  text(value) {
    if (typeof value === "boolean") return value ? "t" : "f";
    throw wrongKind(value, "a boolean");
  },
};

/** int2 as number. */
export const int2: Codec = {
  name: "int2",
  binary: true,
  decode(source, start, end) {
    expectLength(start, end, 2);
    return source.view.getInt16(start);
  },
  parse: parseNumber,
  readText: readInteger,
  encode(out, value) {
    out.int16(integer(value, -0x8000, 0x7fff));
    return true;
  },
  text(value) {
    return String(integer(value, -0x8000, 0x7fff));
  },
};

/** int4 as number. */
export const int4: Codec = {
  name: "int4",
  binary: true,
  decode(source, start, end) {
    expectLength(start, end, 4);
    return source.view.getInt32(start);
  },
  parse: parseNumber,
  readText: readInteger,
  encode(out, value) {
    out.int32(integer(value, -0x8000_0000, 0x7fff_ffff));
    return true;
  },
  text(value) {
    return String(integer(value, -0x8000_0000, 0x7fff_ffff));
  },
};

/** oid and other unsigned types, as number. */
export function unsigned(name: string): Codec {
  return {
    name,
    binary: true,
    decode(source, start, end) {
      expectLength(start, end, 4);
      return source.view.getUint32(start);
    },
    parse: parseNumber,
    readText: readUnsigned,
    encode(out, value) {
      out.int32(integer(value, 0, 0xffff_ffff) | 0);
      return true;
    },
    text(value) {
      return String(integer(value, 0, 0xffff_ffff));
    },
  };
}

/** int8 as bigint, number or string, by `choice`. */
export function int8(choice: Int8Choice): Codec {
  const result = INT8_RESULTS[choice];
  return {
    name: "int8",
    binary: true,
    decode(source, start, end) {
      expectLength(start, end, 8);
      return result(source.view.getBigInt64(start));
    },
    parse(text) {
      if (!/^-?\d+$/.test(text)) throw notANumber();
      return result(BigInt(text));
    },
    readText: readInteger,
    encode(out, value) {
      out.int64(int64(value));
      return true;
    },
    text(value) {
      return String(int64(value));
    },
  };
}

/** float4 as the number with exactly its single-precision value. */
export const float4: Codec = {
  name: "float4",
  binary: true,
  decode(source, start, end) {
    expectLength(start, end, 4);
    return source.view.getFloat32(start);
  },
  parse: (text) => parseSingle(checkedNumber(text)),
  readText: (text) => readFloat(text, parseSingle),
  encode(out, value) {
    out.float32(single(value));
    return true;
  },
  text(value) {
    return floatText(single(value));
  },
};

/** float8 as number. */
export const float8: Codec = {
  name: "float8",
  binary: true,
  decode(source, start, end) {
    expectLength(start, end, 8);
    return source.view.getFloat64(start);
  },
  parse: parseNumber,
  readText: (text) => readFloat(text, Number),
  encode(out, value) {
    out.float64(double(value));
    return true;
  },
  text(value) {
    return floatText(double(value));
  },
};

/** A whole number from `min` to `max`, from a number or a bigint. */
export function integer(value: unknown, min: number, max: number): number {
  const number = typeof value === "bigint" ? Number(value) : value;
  if (typeof number !== "number") throw wrongKind(value, "a number or a bigint");
  if (!Number.isInteger(number)) throw new BadValue(`the number must be an integer`);
  if (number < min || number > max) throw new BadValue(`the ${typeof value} is out of range: ${min} to ${max}`);
  return number;
}

/** A 64-bit integer, from a bigint or a number that is exact. */
export function int64(value: unknown): bigint {
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) {
      throw new BadValue("the number must be an integer within ±(2^53-1), where numbers are exact; give a bigint");
    }
    return BigInt(value);
  }
  if (typeof value !== "bigint") throw wrongKind(value, "a bigint or a number");
  if (BigInt.asIntN(64, value) !== value) throw new BadValue("the bigint is out of range: -2^63 to 2^63-1");
  return value;
}

/** A number as PostgreSQL reads it, with the sign of a negative zero. */
export function floatText(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

/** The number of PostgreSQL's text; JavaScript spells "Infinity" and "NaN" alike. */
function parseNumber(text: string): number {
  return Number(checkedNumber(text));
}

/** Text of a number as PostgreSQL writes it. JavaScript would accept more forms. */
function checkedNumber(text: string): string {
  if (!/^-?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Infinity)$|^NaN$/.test(text)) throw notANumber();
  return text;
}

function notANumber(): BadValue {
  return new BadValue("it is not a number");
}

/** The integer of a text, as `int4in` reads it, without the forms that only newer servers accept. */
function readInteger(text: string): bigint {
  const digits = trimmed(text).replace(/^\+(?=\d)/, "");
  if (!/^-?\d+$/.test(digits)) throw new BadValue("its text is not an integer");
  return BigInt(digits);
}

/** The integer of a text of an unsigned type. `oidin`, as of PostgreSQL 16, and `xidin` take a leading 0 for octal. */
function readUnsigned(text: string): bigint {
  if (/^\+?0\d/.test(trimmed(text))) throw new BadValue("a leading 0 may mean octal digits to the server");
  return readInteger(text);
}

/** The number of a text, as `float8in` reads it. */
function readFloat(text: string, parse: (text: string) => number): number {
  const digits = trimmed(text).replace(/^\+(?=[\d.i])/i, "").toLowerCase();
  if (digits === "nan") return NaN;
  if (/^-?inf(?:inity)?$/.test(digits)) return digits.startsWith("-") ? -Infinity : Infinity;
  const match = /^-?(\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/.exec(digits);
  if (match === null) throw new BadValue("its text is not a number");
  const number = parse(digits);
  if (!Number.isFinite(number) || (number === 0 && /[1-9]/.test(match[1]!))) {
    throw new BadValue("the number is out of the type's range");
  }
  return number;
}

/** What an int8 becomes, by the choice. */
const INT8_RESULTS: Readonly<Record<Int8Choice, (value: bigint) => unknown>> = {
  bigint: (value) => value,
  number: exactNumber,
  string: String,
};

/** A number with the bigint's exact value. */
function exactNumber(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) {
    throw new BadValue("it is beyond ±(2^53-1), where numbers are not exact; choose int8 as bigint or string");
  }
  return number;
}

function double(value: unknown): number {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return exactInput(value);
  throw wrongKind(value, "a number");
}

function single(value: unknown): number {
  const exact = double(value);
  const rounded = Math.fround(exact);
  if (!Number.isFinite(rounded) && Number.isFinite(exact)) throw new BadValue("the number is out of float4's range");
  if (typeof value === "bigint" && rounded !== exact) throw notExact("single-precision");
  return rounded;
}

function exactInput(value: bigint): number {
  const number = Number(value);
  if (BigInt(number) !== value) throw notExact("floating-point");
  return number;
}

function notExact(kind: string): BadValue {
  return new BadValue(`the bigint has no exact ${kind} value`);
}

/** The words for true and false, and their abbreviations. Source: PostgreSQL manual, "Boolean Type". */
const TRUE = /^(?:t|tr|tru|true|y|ye|yes|on|1)$/;
const FALSE = /^(?:f|fa|fal|fals|false|n|no|of|off|0)$/;
