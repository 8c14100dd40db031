/**
 * bit and varbit, as text of zeros and ones.
 *
 * Source: PostgreSQL manual, "Bit String Types"; the binary format is that of `bit_send` and
 * `varbit_send`: count of bits, then the bits, the first in the highest place of the first byte.
 */
import type { ByteSource } from "../wire/bytes.ts";
import { BadValue, type Codec, expectLength } from "./codec.ts";
import { printed } from "./text.ts";

/** bit: as many zeros and ones as its column says. */
export const bit: Codec = printed("bit", /^[01]*$/, decodeBits);

/** varbit: any number of zeros and ones, none included. */
export const varbit: Codec = printed("varbit", /^[01]*$/, decodeBits);

function decodeBits(source: ByteSource, start: number, end: number): string {
  const { bytes, view } = source;
  if (end - start < 4) throw new BadValue("it is shorter than a bit string's header");
  const count = view.getUint32(start);
  if (count > MAX_BITS) throw new BadValue(`it has ${count} bits, more than a string can have characters`);
  expectLength(start + 4, end, Math.ceil(count / 8));
  let text = "";
  for (let at = start + 4; at < end; at++) text += BITS[bytes[at]!]!;
  // What is in the last byte behind the bits is not looked at, as the server does not print it either:
  // shifts of old versions left ones there.
  return count % 8 === 0 ? text : text.slice(0, count);
}

/** The bits of each byte. */
const BITS: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(2).padStart(8, "0"));
/** Whole bytes of the shortest limit on strings that a runtime has: V8's, 2^29 - 24. */
const MAX_BITS = 2 ** 29 - 24;
