/** Reads single-precision numbers from their text. */

/**
 * The single-precision number nearest to a decimal number.
 *
 * A number rounded to a double first can be halfway between two singles, so that the second rounding no
 * longer knows on which side it was. 7.038531e-26, PostgreSQL's own text of a float4, is such a number.
 */
export function parseSingle(text: string): number {
  const number = Number(text);
  const nearest = Math.fround(number);
  // The number as far away on the other side. It is a single only if the two are equally near.
  const other = number + (number - nearest);
  if (other === nearest || Math.fround(other) !== other) return nearest;
  const difference = differenceOf(text, number.toExponential(100));
  if (difference === 0n) return nearest;
  return difference > 0n ? Math.max(nearest, other) : Math.min(nearest, other);
}

/** A number with the sign of `a` - `b`, both decimal numbers. */
function differenceOf(a: string, b: string): bigint {
  const left = decimalOf(a);
  const right = decimalOf(b);
  const exponent = Math.min(left.exponent, right.exponent);
  return left.digits * 10n ** BigInt(left.exponent - exponent) -
    right.digits * 10n ** BigInt(right.exponent - exponent);
}

function decimalOf(text: string): { digits: bigint; exponent: number } {
  const [mantissa = "", exponent = "0"] = text.split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  return { digits: BigInt(whole + fraction), exponent: Number(exponent) - fraction.length };
}
