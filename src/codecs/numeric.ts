/**
 * numeric.
 *
 * Source: PostgreSQL manual, "Arbitrary Precision Numbers". The binary format is that of
 * `numeric_send`: count of base-10000 digits, weight of the first, sign, display scale, digits.
 */
import type { NumericChoice } from "../options/choices.ts";
import { allocate, type Bytes, type ByteSource } from "../wire/bytes.ts";
import type { Outbox } from "../wire/outbox.ts";
import { BadValue, type Codec, trimmed, wrongKind } from "./codec.ts";
import { floatText } from "./number.ts";

/** numeric as string, or as the result of the function `choice`. */
export function numeric(choice: NumericChoice): Codec {
  const result = choice === "string" ? (text: string): unknown => text : choice;
  return {
    name: "numeric",
    binary: true,
    decode: (source, start, end) => result(decodeText(source, start, end)),
    parse: result,
    encode: () => false,
    encodeText,
    text(value) {
      if (typeof value === "bigint") return String(value);
      if (typeof value === "number") return floatText(value);
      throw wrongKind(value, "a string, a number or a bigint");
    },
  };
}

/** Reads a text as `numeric_in` does: digits, a point, an exponent. */
function encodeText(out: Outbox, text: string): void {
  const special = SPECIAL.get(trimmed(text).toLowerCase());
  if (special !== undefined) return writeNumeric(out, [], 0, special, 0);
  const match = DECIMAL.exec(trimmed(text));
  if (match === null || (match[2] === "" && !match[3])) throw new BadValue("it is not the text of a number");
  const [, sign, whole, fraction = "", exponent = "0"] = match;
  const shift = Number(exponent);
  if (Math.abs(shift) > MAX_EXPONENT) throw new BadValue("its exponent is out of range");
  const scale = Math.max(fraction.length - shift, 0);
  const digits = whole! + fraction + "0".repeat(Math.max(shift - fraction.length, 0));
  const point = digits.length - scale;
  // Groups of four digits are counted from the point, in both directions.
  const before = "0".repeat(((-point % GROUP) + GROUP) % GROUP);
  const after = "0".repeat(((-scale % GROUP) + GROUP) % GROUP);
  const all = before + digits + after;
  const groups = Array.from({ length: all.length / GROUP }, (_, i) => Number(all.slice(GROUP * i, GROUP * (i + 1))));
  const first = groups.findIndex((group) => group !== 0);
  const last = groups.findLastIndex((group) => group !== 0);
  const weight = (point + before.length) / GROUP - 1 - Math.max(first, 0);
  if (first < 0) return writeNumeric(out, [], 0, POSITIVE, scale);
  writeNumeric(out, groups.slice(first, last + 1), weight, sign === "-" ? NEGATIVE : POSITIVE, scale);
}

function writeNumeric(out: Outbox, groups: readonly number[], weight: number, sign: number, scale: number): void {
  if (scale > MAX_SCALE || weight > MAX_WEIGHT) throw new BadValue("it has more digits than numeric can have");
  out.int16(groups.length);
  out.int16(weight);
  out.int16(sign);
  out.int16(scale);
  for (const group of groups) out.int16(group);
}

function decodeText(source: ByteSource, start: number, end: number): string {
  const { view } = source;
  if (end - start < 8) throw new BadValue("it is shorter than a numeric's header");
  const count = view.getUint16(start);
  const weight = view.getInt16(start + 2);
  const sign = view.getUint16(start + 4);
  const scale = view.getUint16(start + 6);
  const digits = start + 8;
  switch (sign) {
    case POSITIVE:
    case NEGATIVE:
      break;
    case NAN:
    case POSITIVE_INFINITY:
    case NEGATIVE_INFINITY:
      if (end !== digits || count !== 0) throw new BadValue("it is NaN or an infinity, but has digits");
      return sign === NAN ? "NaN" : sign === POSITIVE_INFINITY ? "Infinity" : "-Infinity";
    default:
      throw new BadValue(`0x${sign.toString(16)} is no sign of a numeric`);
  }
  if (end - digits !== 2 * count) throw new BadValue(`it has ${end - digits} bytes of digits instead of ${2 * count}`);

  const text = room(2 + 4 * (Math.max(weight, 0) + 1) + 1 + scale + 3);
  let at = 0;
  if (sign === NEGATIVE) text[at++] = MINUS;
  if (weight < 0) text[at++] = ZERO;
  for (let group = 0; group <= weight; group++) {
    const digit = group < count ? digitAt(view, digits + 2 * group) : 0;
    at = group === 0 ? writeFirst(text, at, digit) : writeGroup(text, at, digit);
  }
  if (scale === 0) return text.latin1Slice(0, at);

  text[at++] = POINT;
  const stop = at + scale;
  for (let group = weight + 1; at < stop; group++) {
    at = writeGroup(text, at, group >= 0 && group < count ? digitAt(view, digits + 2 * group) : 0);
  }
  return text.latin1Slice(0, stop);
}

/** Writes four decimal digits. */
function writeGroup(text: Bytes, at: number, digit: number): number {
  const high = digit / 100 | 0;
  const low = digit - high * 100;
  text[at] = ZERO + (high / 10 | 0);
  text[at + 1] = ZERO + high % 10;
  text[at + 2] = ZERO + (low / 10 | 0);
  text[at + 3] = ZERO + low % 10;
  return at + 4;
}

/** Writes a group without leading zeros. */
function writeFirst(text: Bytes, start: number, digit: number): number {
  let at = start;
  if (digit >= 1000) text[at++] = ZERO + (digit / 1000 | 0);
  if (digit >= 100) text[at++] = ZERO + (digit / 100 | 0) % 10;
  if (digit >= 10) text[at++] = ZERO + (digit / 10 | 0) % 10;
  text[at++] = ZERO + digit % 10;
  return at;
}

/** A buffer for a text: one string made at the end is faster, and smaller, than many joined. */
function room(length: number): Bytes {
  return length <= usual.length ? usual : allocate(length);
}

function digitAt(view: DataView, at: number): number {
  const digit = view.getUint16(at);
  if (digit > 9999) throw new BadValue(`${digit} is no digit in base 10000`);
  return digit;
}

const usual: Bytes = allocate(256);

const ZERO = 0x30;
const MINUS = 0x2d;
const POINT = 0x2e;

const POSITIVE = 0x0000;
const NEGATIVE = 0x4000;
const NAN = 0xc000;
const POSITIVE_INFINITY = 0xd000;
const NEGATIVE_INFINITY = 0xf000;

const DECIMAL = /^([-+]?)(\d*)(?:\.(\d*))?(?:[eE]([-+]?\d+))?$/;
const SPECIAL: ReadonlyMap<string, number> = new Map([
  ["nan", NAN],
  ["inf", POSITIVE_INFINITY],
  ["+inf", POSITIVE_INFINITY],
  ["infinity", POSITIVE_INFINITY],
  ["+infinity", POSITIVE_INFINITY],
  ["-inf", NEGATIVE_INFINITY],
  ["-infinity", NEGATIVE_INFINITY],
]);
/** The number of decimal digits in one digit of the format. */
const GROUP = 4;
/** The server's limits: digits after the point, and groups before it (131072 digits). */
const MAX_SCALE = 16383;
const MAX_WEIGHT = 32767;
const MAX_EXPONENT = 150_000;
