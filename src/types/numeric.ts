/**
 * numeric.
 *
 * Source: PostgreSQL manual, "Arbitrary Precision Numbers". The binary format is that of
 * `numeric_send`: count of base-10000 digits, weight of the first, sign, display scale, digits.
 */
import type { NumericChoice } from "../opts/choices.ts";
import type { Source } from "../wire/bytes.ts";
import { BadValue, type Codec, wrongKind } from "./codec.ts";
import { floatText } from "./number.ts";

/** numeric as string, or as what `choice` makes of it. */
export function numeric(choice: NumericChoice): Codec {
  const result = choice === "string" ? (text: string): unknown => text : choice;
  return {
    name: "numeric",
    binary: true,
    decode: (source, start, end) => result(decodeText(source, start, end)),
    parse: result,
    encode: () => false,
    text(value) {
      if (typeof value === "bigint") return String(value);
      if (typeof value === "number") return floatText(value);
      throw wrongKind(value, "a string, a number or a bigint");
    },
  };
}

function decodeText(source: Source, start: number, end: number): string {
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
      if (end !== digits || count !== 0) throw new BadValue("it has digits, and is no number");
      return sign === NAN ? "NaN" : sign === POSITIVE_INFINITY ? "Infinity" : "-Infinity";
    default:
      throw new BadValue(`0x${sign.toString(16)} is no sign of a numeric`);
  }
  if (end - digits !== 2 * count) throw new BadValue(`it has ${end - digits} bytes of digits instead of ${2 * count}`);

  let text = sign === NEGATIVE ? "-" : "";
  if (weight < 0) text += "0";
  for (let group = 0; group <= weight; group++) {
    const digit = group < count ? digitAt(view, digits + 2 * group) : 0;
    text += group === 0 ? digit : padded(digit);
  }
  if (scale === 0) return text;

  let fraction = "";
  for (let group = weight + 1; fraction.length < scale; group++) {
    const digit = group >= 0 && group < count ? digitAt(view, digits + 2 * group) : 0;
    fraction += padded(digit);
  }
  return `${text}.${fraction.slice(0, scale)}`;
}

function digitAt(view: DataView, at: number): number {
  const digit = view.getUint16(at);
  if (digit > 9999) throw new BadValue(`${digit} is no digit in base 10000`);
  return digit;
}

/** Four decimal digits. */
function padded(digit: number): string {
  return digit >= 1000 ? String(digit) : digit >= 100 ? `0${digit}` : digit >= 10 ? `00${digit}` : `000${digit}`;
}

const POSITIVE = 0x0000;
const NEGATIVE = 0x4000;
const NAN = 0xc000;
const POSITIVE_INFINITY = 0xd000;
const NEGATIVE_INFINITY = 0xf000;
