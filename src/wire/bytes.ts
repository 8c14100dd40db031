/**
 * Memory for bytes on their way in or out.
 *
 * This file is the only one that knows how the runtimes turn bytes into strings fast: `Buffer` has
 * native methods for a range of bytes that need no view of that range first.
 */
import { Buffer } from "node:buffer";

/** A Buffer, with the native string methods that Deno, Bun and Node all have and no typings list. */
export interface Bytes extends Uint8Array<ArrayBuffer> {
  /** The UTF-8 text in `[start, end)`; a leading U+FEFF is kept, as it is data. */
  utf8Slice(start: number, end: number): string;
  /** The text whose characters are the bytes in `[start, end)`; for bytes that are ASCII. */
  latin1Slice(start: number, end: number): string;
  /** Copies `[start, end)` into `target` at `at`. */
  copy(target: Uint8Array, at: number, start: number, end: number): number;
  /** Writes `text` in UTF-8 at `offset`; how many bytes that were. */
  utf8Write(text: string, offset: number): number;
}

/** Received bytes as codecs see them. Valid until the codec returns: whoever keeps them copies. */
export interface ByteSource {
  readonly bytes: Bytes;
  readonly view: DataView;
}

/** Zeroed memory of its own: never a piece of a pool that other values share. */
export function allocate(capacity: number): Bytes {
  return Buffer.from(new ArrayBuffer(capacity)) as Uint8Array as Bytes;
}

/** A copy of `[start, end)` with memory of its own, as a plain Uint8Array. */
export function copyOf(bytes: Bytes, start: number, end: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(end - start);
  // For a few bytes, making a view of them costs more than a loop.
  if (copy.length > SHORT) {
    copy.set(bytes.subarray(start, end));
  } else {
    for (let i = 0; i < copy.length; i++) copy[i] = bytes[start + i]!;
  }
  return copy;
}

/** A DataView of exactly these bytes. */
export function viewOf(bytes: Uint8Array<ArrayBuffer>): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** How many bytes `text` takes in UTF-8. */
export function utf8Length(text: string): number {
  return Buffer.byteLength(text, "utf8");
}

/** Two hexadecimal digits of each byte, in lower case. */
export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/** The bytes that hexadecimal digits stand for, with memory of their own; undefined if there is anything else. */
export function bytesOfHex(digits: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = new Uint8Array(digits.length >> 1);
  // Writing ends at the first pair that is no byte. Some characters beyond Latin-1 are taken for others.
  const written = Buffer.from(bytes.buffer).write(digits, "hex");
  return written === bytes.length && digits.length % 2 === 0 && !NO_HEX.test(digits) ? bytes : undefined;
}

const NO_HEX = /[^\da-f]/i;
/** Bytes that a loop copies faster. */
const SHORT = 64;

/**
 * Whether binary data has lost its memory: its buffer was transferred to somebody else, or made smaller
 * than what it is a view of. It looks empty then.
 */
export function isDetached(data: ArrayBufferLike | ArrayBufferView): boolean {
  if (!ArrayBuffer.isView(data)) return data instanceof ArrayBuffer && data.detached;
  try {
    // One throws for a DataView, the other for a typed array.
    if (data.byteLength === 0 && !(data instanceof DataView)) Uint8Array.prototype.values.call(data);
    return false;
  } catch {
    return true;
  }
}
