/**
 * bytea.
 *
 * Source: PostgreSQL manual, "Binary Data Types": both output formats, `hex` and `escape`.
 */
import { bytesOfHex, copyOf, hexOf, isDetached } from "../wire/bytes.ts";
import { BadValue, type Codec, wrongKind } from "./codec.ts";

/** bytea as a Uint8Array with its own memory. */
export const bytea: Codec = {
  name: "bytea",
  binary: true,
  decode: (source, start, end) => copyOf(source.bytes, start, end),
  parse: (text) => text.startsWith("\\x") ? parseHex(text) : parseEscape(text),
  encode(out, value) {
    const bytes = bytesFrom(value);
    if (bytes === undefined) return false;
    out.bytes(bytes);
    return true;
  },
  text(value) {
    const bytes = bytesFrom(value);
    if (bytes === undefined) throw wrongKind(value, "a Uint8Array");
    return hexText(bytes);
  },
};

/** The bytes of any kind of binary data; undefined for other values. */
export function bytesFrom(value: unknown): Uint8Array | undefined {
  const isView = ArrayBuffer.isView(value);
  if (!isView && !(value instanceof ArrayBuffer) && !(value instanceof SharedArrayBuffer)) return undefined;
  if (isDetached(value)) throw new BadValue("its memory was transferred or taken away after it was made");
  if (value instanceof Uint8Array) return value;
  return isView ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : new Uint8Array(value);
}

/** The `hex` format. */
export function hexText(bytes: Uint8Array): string {
  return `\\x${hexOf(bytes)}`;
}

function parseHex(text: string): Uint8Array {
  const bytes = bytesOfHex(text.slice(2));
  if (bytes === undefined) throw new BadValue("it is not in bytea's hex format");
  return bytes;
}

function parseEscape(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    let byte = text.charCodeAt(i);
    if (byte === BACKSLASH) {
      if (text.charCodeAt(i + 1) === BACKSLASH) {
        i += 1;
      } else {
        byte = digitAt(text, i + 1) << 6 | digitAt(text, i + 2) << 3 | digitAt(text, i + 3);
        if (byte > 0xff) throw badEscape();
        i += 3;
      }
    } else if (byte > 0x7f) {
      // Only the encoding of the database would say which bytes it is; the server prints none.
      throw badEscape();
    }
    bytes[length++] = byte;
  }
  return bytes.slice(0, length);
}

/** The octal digit at a position. */
function digitAt(text: string, at: number): number {
  const digit = text.charCodeAt(at) - ZERO;
  if (digit >= 0 && digit <= 7) return digit;
  throw badEscape();
}

function badEscape(): BadValue {
  return new BadValue("it is not in bytea's escape format");
}

const BACKSLASH = 0x5c;
const ZERO = 0x30;
