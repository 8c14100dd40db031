/** Single-precision numbers from their text. */

/**
 * The single nearest to a decimal number.
 *
 * Rounded to a double first, a number can come to lie halfway between two singles, where the next
 * rounding no longer sees on which side it was: 7.038531e-26, PostgreSQL's own text of a float4, does.
 */
export function parseSingle(text: string): number {
  const number = Number(text);
  const nearest = Math.fround(number);
  // As far from it on the other side, which is a single only if the two are equally near.
  const other = number + (number - nearest);
  if (other === nearest || Math.fround(other) !== other) return nearest;
  const difference = differenceOf(text, number.toExponential(100));
  if (difference === 0n) return nearest;
  return difference > 0n ? Math.max(nearest, other) : Math.min(nearest, other);
}

/** Something of the sign of `a` - `b`, decimal numbers both. */
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
