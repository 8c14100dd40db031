/**
 * Reads the fields of messages from bytes that come in pieces, and keeps only the part that is shown.
 *
 * Its methods are generators that yield when all bytes are used up, so a message may be split anywhere,
 * and only its line is kept, whatever the size of a row.
 */
import { allocate, type Bytes } from "../wire/bytes.ts";

/** Reads a part of a message. Yields to wait for bytes. */
export type Parser<T = void> = Generator<void, T, void>;

/** The reason why a message is malformed. */
export class Malformed extends Error {}

/** Reads messages and makes the line of the current one. */
export class MessageReader {
  /** The number of bytes of the current message that were not read yet. */
  left = 0;
  #line = "";
  #piece: Uint8Array = NOTHING;
  /** How many bytes of the piece were read. */
  #at = 0;
  /** The beginning of the text or value that is being read. */
  readonly #shown: Bytes = allocate(MAX_SHOWN);

  /** Continues with these bytes until they are used up. */
  feed(piece: Uint8Array, reading: Parser<never>): void {
    this.#piece = piece;
    this.#at = 0;
    reading.next();
    this.#piece = NOTHING;
  }

  /** Whether the line is so long that nothing is added to it. */
  get full(): boolean {
    return this.#line.length >= MAX_LINE;
  }

  /** Adds to the line. */
  append(text: string): void {
    this.#line += text;
  }

  /** Returns the line and starts a new one. */
  takeLine(): string {
    const line = this.#line;
    this.#line = "";
    return line;
  }

  *byte(): Parser<number> {
    this.#claim(1);
    while (this.#at === this.#piece.length) yield;
    return this.#piece[this.#at++]!;
  }

  *uint16(): Parser<number> {
    return (yield* this.byte()) << 8 | (yield* this.byte());
  }

  *int32(): Parser<number> {
    return (yield* this.uint16()) << 16 | (yield* this.uint16());
  }

  /** The text up to the next zero byte; shown in quotes. */
  *text(): Parser<string> {
    let length = 0;
    for (let ended = false; !ended;) {
      if (this.left === 0) throw new Malformed("a text does not end");
      while (this.#at === this.#piece.length) yield;
      const rest = this.#piece.subarray(this.#at, this.#at + this.left);
      const zero = rest.indexOf(0);
      ended = zero >= 0;
      const part = ended ? rest.subarray(0, zero) : rest;
      this.#keep(part, length);
      length += part.length;
      this.#skip(part.length + (ended ? 1 : 0));
    }
    const shown = Math.min(length, MAX_SHOWN);
    return `"${this.#shown.utf8Slice(0, shown)}"${omitted(length - shown)}`;
  }

  /** A value of `length` bytes, in quotes: ASCII as it is, other bytes by number. */
  *value(length: number): Parser<string> {
    if (length < 0) throw new Malformed(`a value has a length of ${length}`);
    if (length > this.left) throw new Malformed("it is cut short");
    for (let done = 0; done < length;) {
      while (this.#at === this.#piece.length) yield;
      const part = this.#piece.subarray(this.#at, this.#at + length - done);
      this.#keep(part, done);
      done += part.length;
      this.#skip(part.length);
    }
    const shown = Math.min(length, MAX_SHOWN);
    let text = "";
    for (let i = 0; i < shown; i++) text += printable(this.#shown[i]!);
    return `'${text}'${omitted(length - shown)}`;
  }

  /** Skips the rest of the message. */
  *skip(): Parser {
    while (this.left > 0) {
      while (this.#at === this.#piece.length) yield;
      this.#skip(Math.min(this.left, this.#piece.length - this.#at));
    }
  }

  #claim(count: number): void {
    if (this.left < count) throw new Malformed("it is cut short");
    this.left -= count;
  }

  #skip(count: number): void {
    this.#at += count;
    this.left -= count;
  }

  #keep(part: Uint8Array, at: number): void {
    if (at < MAX_SHOWN) this.#shown.set(part.subarray(0, MAX_SHOWN - at), at);
  }
}

/** A byte in libpq's notation. */
export function printable(byte: number): string {
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
}

/** The note about bytes that are not shown. */
export function omitted(count: number): string {
  return count === 0 ? "" : ` (${count} bytes left out)`;
}

/** The maximum number of bytes of a text or value that are shown. */
const MAX_SHOWN = 4096;
/** The number of characters from which on nothing is added to a line. */
const MAX_LINE = 0x1_0000;
const NOTHING: Uint8Array = new Uint8Array();
