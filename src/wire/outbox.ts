/**
 * The send buffer of a connection.
 *
 * Requests are encoded one after the other and sent in as few writes as the transport allows. Two
 * rules: bytes that {@linkcode Outbox.pending} has given to a write must not be overwritten until
 * {@linkcode Outbox.sent}, and a request that cannot be encoded is removed completely, so that the
 * server never gets half a message.
 */
import { EncodeError } from "../errors.ts";
import { allocate, type Bytes, utf8Length, viewOf } from "./bytes.ts";

/** A growing send buffer with methods for the protocol's primitive types. */
export class Outbox {
  #bytes: Bytes = allocate(INITIAL_CAPACITY);
  #view: DataView = viewOf(this.#bytes);
  /** The position of the first unsent byte. */
  #head = 0;
  /** The position behind the last byte written. */
  #tail = 0;
  /** The last view of pending bytes, from the beginning. */
  #pending: Uint8Array<ArrayBuffer> | undefined = undefined;
  #sentTotal = 0;
  /** The number of bytes given to a write that has not completed. */
  #inFlight = 0;
  #halfSent = false;

  /** The position of the next byte. Valid for {@linkcode rewind} and {@linkcode patch16} until bytes are sent. */
  get mark(): number {
    return this.#tail;
  }

  /** The number of bytes sent since the beginning. Bytes given to a write count as sent until it completes. */
  get sentTotal(): number {
    return this.#sentTotal + this.#inFlight;
  }

  /**
   * The number of bytes encoded since the beginning. No byte of a request that begins here has been
   * sent while {@linkcode sentTotal} is not larger.
   */
  get writtenTotal(): number {
    return this.#sentTotal + this.size;
  }

  /** Whether the last write sent only a part of its bytes, so that the next byte may be inside of a message. */
  get halfSent(): boolean {
    return this.#halfSent;
  }

  /** The number of unsent bytes. */
  get size(): number {
    return this.#tail - this.#head;
  }

  /** Removes all bytes written since `mark`. */
  rewind(mark: number): void {
    this.#tail = mark;
  }

  /** The bytes to send. They do not move until {@linkcode sent}. */
  pending(): Uint8Array<ArrayBuffer> {
    this.#inFlight = this.size;
    if (this.#head > 0) return this.#bytes.subarray(this.#head, this.#tail);
    // Requests of the same statement often have the same length, and making a view is expensive.
    if (this.#pending?.length !== this.#tail) this.#pending = this.#bytes.subarray(0, this.#tail);
    return this.#pending;
  }

  /** Notes that the transport has sent `count` of the pending bytes; 0 if it has failed. */
  sent(count: number): void {
    this.#halfSent = count < this.#inFlight && (this.#halfSent || count > 0);
    this.#inFlight = 0;
    this.#sentTotal += count;
    this.#head += count;
    if (this.#head === this.#tail) {
      this.#head = this.#tail = 0;
      if (this.#bytes.length > KEPT_CAPACITY) this.#adopt(allocate(USUAL_CAPACITY));
    } else if (this.#head > this.#bytes.length / 2) {
      this.#bytes.copyWithin(0, this.#head, this.#tail);
      this.#tail -= this.#head;
      this.#head = 0;
    }
  }

  /** Appends the bytes between two marks of another outbox. */
  copy(from: Outbox, start: number, end: number): void {
    this.#reserve(end - start);
    from.#bytes.copy(this.#bytes, this.#tail, start, end);
    this.#tail += end - start;
  }

  /**
   * Removes parts, which must be in order and must not have been given to a write. Their `position` is
   * as in {@linkcode Outbox.writtenTotal}.
   */
  remove(parts: readonly { readonly position: number; readonly length: number }[]): void {
    const origin = this.#head - this.#sentTotal;
    let to = origin + (parts[0]?.position ?? this.writtenTotal);
    for (const [i, { position, length }] of parts.entries()) {
      const from = origin + position + length;
      const end = origin + (parts[i + 1]?.position ?? this.writtenTotal);
      this.#bytes.copyWithin(to, from, end);
      to += end - from;
    }
    this.#tail = to;
  }

  /** Drops all unsent bytes, after the connection was lost. */
  clear(): void {
    this.#head = this.#tail = 0;
    this.#adopt(NO_BYTES);
  }

  /** Starts a message; its result is the argument of {@linkcode end}. */
  begin(code: number): number {
    this.#reserve(5);
    this.#bytes[this.#tail] = code;
    this.#tail += 5;
    return this.#tail - 4;
  }

  /** Starts a message without a code: a StartupMessage, or a request in its place. */
  beginUntyped(): number {
    this.#reserve(4);
    this.#tail += 4;
    return this.#tail - 4;
  }

  /** Ends the message by writing its length, which includes the length field itself. */
  end(start: number): void {
    this.#patchLength(start, this.#tail - start);
  }

  /**
   * Starts a value that is preceded by its length, as in Bind; its result is the argument of
   * {@linkcode endValue}.
   */
  beginValue(): number {
    return this.beginUntyped();
  }

  /** Ends a value by writing its length, which excludes the length field. */
  endValue(start: number): void {
    this.#patchLength(start, this.#tail - start - 4);
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#tail++] = value;
  }

  int16(value: number): void {
    this.#reserve(2);
    this.#bytes[this.#tail] = value >> 8;
    this.#bytes[this.#tail + 1] = value;
    this.#tail += 2;
  }

  int32(value: number): void {
    this.#reserve(4);
    this.#view.setInt32(this.#tail, value);
    this.#tail += 4;
  }

  int64(value: bigint): void {
    this.#reserve(8);
    this.#view.setBigInt64(this.#tail, value);
    this.#tail += 8;
  }

  float32(value: number): void {
    this.#reserve(4);
    this.#view.setFloat32(this.#tail, value);
    this.#tail += 4;
  }

  float64(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#tail, value);
    this.#tail += 8;
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#tail);
    this.#tail += value.length;
  }

  /** Writes text in UTF-8, without terminator or length. */
  text(value: string): void {
    const length = value.length;
    // Most texts are short and ASCII; for them, a call into the runtime costs more than a loop.
    if (length > LOOP_LIMIT) return this.#utf8(value);
    this.#reserve(length);
    const bytes = this.#bytes;
    const tail = this.#tail;
    for (let i = 0; i < length; i++) {
      const unit = value.charCodeAt(i);
      if (unit > 0x7f) return this.#utf8(value);
      bytes[tail + i] = unit;
    }
    this.#tail = tail + length;
  }

  /** Writes text in UTF-8, and a zero byte. */
  cstring(value: string): void {
    this.text(value);
    this.byte(0);
  }

  /** Overwrites two bytes at `mark`. */
  patch16(mark: number, value: number): void {
    this.#view.setInt16(mark, value);
  }

  #utf8(value: string): void {
    // Counting is another pass over the text, worthwhile only for long ones.
    this.#reserve(value.length < COUNT_FROM ? 3 * value.length : utf8Length(value));
    this.#tail += this.#bytes.utf8Write(value, this.#tail);
  }

  #patchLength(start: number, length: number): void {
    if (length > MAX_LENGTH) throw tooLong(length);
    this.#view.setInt32(start, length);
  }

  #reserve(count: number): void {
    if (this.#tail + count <= this.#bytes.length) return;
    if (count > MAX_LENGTH) throw tooLong(count);
    const capacity = Math.max(this.#bytes.length * 2, this.#tail + count, USUAL_CAPACITY);
    const grown = allocate(capacity);
    // A write may still read the old memory, and marks are offsets, so bytes are copied to the same positions.
    grown.set(this.#bytes.subarray(this.#head, this.#tail), this.#head);
    this.#adopt(grown);
  }

  #adopt(bytes: Bytes): void {
    this.#bytes = bytes;
    this.#pending = undefined;
    this.#view = viewOf(bytes);
  }
}

function tooLong(length: number): EncodeError {
  return new EncodeError(
    `Cannot send a message of ${length} bytes: PostgreSQL accepts at most 1 GiB in one; send large data in parts`,
  );
}

/** Holds what starts a session, and short statements. */
const INITIAL_CAPACITY = 0x800;
/** The memory of an outbox whose connection is lost. */
const NO_BYTES: Bytes = allocate(0);
/** Once the first one was too small. */
const USUAL_CAPACITY = 0x4000;
const KEPT_CAPACITY = 0x10_0000;
const LOOP_LIMIT = 40;
/** From this number of characters on, exactly the room that a text needs is reserved. */
const COUNT_FROM = 1000;
/** The maximum length that PostgreSQL accepts: one less than MaxAllocSize. */
const MAX_LENGTH = 0x3fff_fffe;
