/** Messages as what stands between a client and a server sees them: framed by their lengths, and made. */
import { Backend } from "./codes.ts";
import { Outbox } from "./outbox.ts";

/** One message: its type, 0 for those without; where it begins and ends. */
export interface Framed {
  readonly code: number;
  readonly start: number;
  readonly end: number;
}

/** The message that begins at `start`; undefined if it is not whole. */
export function frameAt(bytes: Uint8Array, start: number, isTyped: boolean = true): Framed | undefined {
  const end = start + sizeAt(bytes, start, isTyped);
  return end > bytes.length ? undefined : { code: isTyped ? bytes[start]! : 0, start, end };
}

/** How many bytes the message that begins at `start` has; of its header, if that is not whole. */
export function sizeAt(bytes: Uint8Array, start: number, isTyped: boolean): number {
  const header = isTyped ? 5 : 4;
  if (bytes.length - start < header) return header;
  return Math.max(header, header - 4 + int32(bytes, start + header - 4));
}

/** The messages in bytes that contain whole ones. */
export function* framesOf(bytes: Uint8Array): Generator<Framed, void> {
  for (let frame = frameAt(bytes, 0); frame !== undefined; frame = frameAt(bytes, frame.end)) yield frame;
}

/** The texts that end with zero bytes, from `start` on. */
export function textsAt(bytes: Uint8Array, start: number, end: number, count: number): string[] {
  const texts: string[] = [];
  for (let at = start; texts.length < count && at < end;) {
    const zero = bytes.indexOf(0, at);
    const until = zero < 0 || zero > end ? end : zero;
    texts.push(decoder.decode(bytes.subarray(at, until)));
    at = until + 1;
  }
  return texts;
}

/** A whole message: its type, 0 for those without, and its bytes with the header. */
export interface WholeMessage {
  readonly code: number;
  readonly bytes: Uint8Array;
}

/** Cuts bytes that come in pieces into messages. */
export class MessageStream {
  /** Whether the next message has a type. Those before the startup message, and that one, have none. */
  isTyped: boolean;
  #pieces: Uint8Array[] = [];
  #size = 0;
  /** How many bytes there must be until it is worth to look for a message. */
  #needed = 0;

  constructor(isTyped: boolean) {
    this.isTyped = isTyped;
  }

  /** The first byte of the next message; undefined if there is none yet. */
  get first(): number | undefined {
    return this.#pieces.find(({ length }) => length > 0)?.[0];
  }

  /** Adds bytes. They are not copied. */
  add(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
    this.#size += bytes.length;
  }

  /** Takes the next message; undefined if it is not whole. */
  take(): WholeMessage | undefined {
    if (this.#size === 0 || this.#size < this.#needed) return undefined;
    const bytes = this.#pieces.length === 1 ? this.#pieces[0]! : concat(this.#pieces);
    const frame = frameAt(bytes, 0, this.isTyped);
    const start = frame?.end ?? 0;
    this.#size = bytes.length - start;
    this.#pieces = this.#size === 0 ? [] : [bytes.subarray(start)];
    this.#needed = frame === undefined ? sizeAt(bytes, 0, this.isTyped) : 0;
    return frame && { code: frame.code, bytes: bytes.subarray(0, frame.end) };
  }
}

export function int32(bytes: Uint8Array, at: number): number {
  return bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!;
}

/** The bytes of messages that `write` puts into an outbox. */
export function encoded(write: (out: Outbox) => void): Uint8Array<ArrayBuffer> {
  const out = new Outbox();
  write(out);
  return copyOf(out.pending());
}

/** An ErrorResponse that ends the session. */
export function fatalError(code: string, message: string): Uint8Array<ArrayBuffer> {
  return encoded((out) => {
    const start = out.begin(Backend.ErrorResponse);
    for (const field of ["SFATAL", "VFATAL", `C${code}`, `M${message}`]) out.cstring(field);
    out.byte(0);
    out.end(start);
  });
}

/** A copy; `slice` does not copy a Buffer. */
export function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const decoder = new TextDecoder();
