/**
 * bytea.
 *
 * Source: PostgreSQL manual, "Binary Data Types": both output formats, `hex` and `escape`.
 */
import { copyOf } from "../wire/bytes.ts";
import { BadValue, type Codec, wrongKind } from "./codec.ts";
import { HEX } from "./text.ts";

/** bytea as a Uint8Array with memory of its own. */
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

/** The bytes of any kind of binary data, undefined for what is none. */
export function bytesFrom(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) return new Uint8Array(value);
  return undefined;
}

/** The `hex` format. */
export function hexText(bytes: Uint8Array): string {
  let text = "\\x";
  for (const byte of bytes) text += HEX[byte]!;
  return text;
}

function parseHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^\\x[0-9a-f]*$/i.test(text)) throw new BadValue("it is not in bytea's hex format");
  const bytes = new Uint8Array(text.length / 2 - 1);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i + 2, 2 * i + 4), 16);
  return bytes;
}

function parseEscape(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    let byte = text.charCodeAt(i);
    if (byte === 0x5c) { // a backslash
      const octal = /^[0-3][0-7]{2}/.exec(text.slice(i + 1, i + 4))?.[0];
      if (octal !== undefined) {
        byte = Number.parseInt(octal, 8);
        i += 3;
      } else if (text[i + 1] === "\\") {
        i += 1;
      } else {
        throw new BadValue("it is not in bytea's escape format");
      }
    }
    bytes[length++] = byte;
  }
  return bytes.slice(0, length);
}
