/**
 * bit and varbit, as text of zeros and ones.
 *
 * Source: PostgreSQL manual, "Bit String Types"; the binary format is that of `bit_send` and
 * `varbit_send`: count of bits, then the bits, the first in the highest place of the first byte.
 */
import { lazy } from "../lazy.ts";
import type { ByteSource } from "../wire/bytes.ts";
import { BadValue, type Codec, expectLength } from "./codec.ts";
import { printed } from "./text.ts";

/** bit: as many zeros and ones as its column declares. */
export const bit: Codec = printed("bit", /^[01]*$/, decodeBits);

/** varbit: any number of zeros and ones, none included. */
export const varbit: Codec = printed("varbit", /^[01]*$/, decodeBits);

function decodeBits(source: ByteSource, start: number, end: number): string {
  const { bytes, view } = source;
  if (end - start < 4) throw new BadValue("it is shorter than a bit string's header");
  const count = view.getUint32(start);
  if (count > MAX_BITS) throw new BadValue(`it has ${count} bits, more than a string can have characters`);
  expectLength(start + 4, end, Math.ceil(count / 8));
  const digits = bitsOfBytes();
  let text = "";
  for (let at = start + 4; at < end; at++) text += digits[bytes[at]!]!;
  // The unused bits of the last byte are ignored, as the server ignores them when it prints: shifts of old versions
  // left ones there.
  return count % 8 === 0 ? text : text.slice(0, count);
}

/** The bits of each byte. */
const bitsOfBytes = lazy(() => Array.from({ length: 256 }, (_, byte) => byte.toString(2).padStart(8, "0")));
/** The smallest limit of a runtime on the length of strings, V8's: 2^29 - 24, which is a number of whole bytes. */
const MAX_BITS = 2 ** 29 - 24;
