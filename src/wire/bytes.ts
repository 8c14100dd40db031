/**
 * Memory for received bytes and for bytes to be sent.
 *
 * Only this file knows how the runtimes convert bytes to strings fast: `Buffer` has native methods for
 * a range of bytes that need no view of that range first.
 */
import { Buffer } from "node:buffer";

/** A Buffer, with the native string methods that Deno, Bun and Node have, but their typings do not list. */
export interface Bytes extends Uint8Array<ArrayBuffer> {
  /** The UTF-8 text in `[start, end)`; a leading U+FEFF is kept, as it is data. */
  utf8Slice(start: number, end: number): string;
  /** The text whose characters are the bytes in `[start, end)`; for bytes that are ASCII. */
  latin1Slice(start: number, end: number): string;
  /** Copies `[start, end)` into `target` at `at`. */
  copy(target: Uint8Array, at: number, start: number, end: number): number;
  /** Writes `text` in UTF-8 at `offset`, and returns the number of bytes. */
  utf8Write(text: string, offset: number): number;
}

/** Received bytes, for codecs. They are valid until the codec returns; it must copy bytes that it keeps. */
export interface ByteSource {
  readonly bytes: Bytes;
  readonly view: DataView;
}

/** Allocates zeroed memory, never part of a pool that other values share. */
export function allocate(capacity: number): Bytes {
  const bytes = Buffer.from(new ArrayBuffer(capacity)) as Uint8Array as Bytes;
  if (NEEDS_LENGTH) bytes.utf8Write = writeWithLength;
  return bytes;
}

/** A copy of `[start, end)` with its own memory, as a plain Uint8Array. */
export function copyOf(bytes: Bytes, start: number, end: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(end - start);
  // For a few bytes, a view costs more than a loop.
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

/** The length of `text` in UTF-8, in bytes. */
export function utf8Length(text: string): number {
  return Buffer.byteLength(text, "utf8");
}

/** Two hexadecimal digits of each byte, in lower case. */
export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/** The bytes of hexadecimal digits, with their own memory; undefined if the text has other characters. */
export function bytesOfHex(digits: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = new Uint8Array(digits.length >> 1);
  // Writing ends at the first pair that is not a byte. It mistakes some characters beyond Latin-1 for digits.
  const written = Buffer.from(bytes.buffer).write(digits, "hex");
  return written === bytes.length && digits.length % 2 === 0 && !NO_HEX.test(digits) ? bytes : undefined;
}

const NO_HEX = /[^\da-f]/i;
/** Up to this number of bytes, a loop copies faster. */
const SHORT = 64;

/**
 * Whether binary data has lost its memory: its buffer was transferred, or made smaller than the view of
 * it. The data then looks empty.
 */
export function isDetached(data: ArrayBufferLike | ArrayBufferView): boolean {
  if (!ArrayBuffer.isView(data)) return data instanceof ArrayBuffer && data.detached;
  try {
    // This throws for a typed array, `byteLength` for a DataView.
    if (data.byteLength === 0 && !(data instanceof DataView)) Uint8Array.prototype.values.call(data);
    return false;
  } catch {
    return true;
  }
}

/** Whether `utf8Write` takes the whole length as the default of its third argument, as Cloudflare's workerd does. */
const NEEDS_LENGTH: boolean = needsLength();

function needsLength(): boolean {
  try {
    (Buffer.from(new ArrayBuffer(2)) as Uint8Array as Bytes).utf8Write("", 1);
    return false;
  } catch {
    return true;
  }
}

function writeWithLength(this: Bytes, text: string, offset: number): number {
  const write = Object.getPrototypeOf(this).utf8Write as (text: string, offset: number, length: number) => number;
  return write.call(this, text, offset, this.length - offset);
}
