/**
 * The receive buffer of a connection: frames bytes into messages.
 *
 * Only this file frames messages, and only it removes those that may come at any time (notices,
 * notifications, parameter changes) and those that concern the session (errors, transaction status), so
 * that no reply reader can lose them.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", sections "Overview" and "Asynchronous
 * Operations".
 */
import { ConnectionError, ProtocolError } from "../errors.ts";
import { allocate, type Bytes, type ByteSource, copyOf, viewOf } from "./bytes.ts";
import { Backend, backendName, LONG_MESSAGES } from "./codes.ts";

/** Handles messages that belong to no request. Must read the body and must not keep its bytes. */
export type AsynchronousMessage = (inbox: Inbox) => void;

/** Received bytes, framed into messages; the current message's body is `[pos, limit)` of `bytes`. */
export class Inbox implements ByteSource {
  bytes: Bytes = allocate(INITIAL_CAPACITY);
  view: DataView = viewOf(this.bytes);
  /** The position of the next read in the current message's body. */
  pos = 0;
  /** The end of the current message. */
  limit = 0;
  /** The type of the current message: one of `Backend`. */
  code = 0;
  /** Whether {@linkcode next} stopped at an ErrorResponse, which is then the current message. */
  refused = false;
  /** The maximum length of a message, in bytes. Small until authentication is complete. */
  maxLength: number = MAX_LENGTH_BEFORE_AUTHENTICATION;
  /**
   * Whether authentication is not complete. Until then the server sends nothing unasked, and an error
   * may be plain text, as in the protocol before 3.0, from a server that cannot start a process.
   */
  authenticating = false;
  /** The status byte of the last ReadyForQuery. */
  transactionStatus: number = IDLE;

  #filled = 0;
  /** A view of all of `bytes`, made when it is first needed. */
  #room: Uint8Array<ArrayBuffer> | undefined = undefined;
  readonly #asynchronous: AsynchronousMessage;

  constructor(asynchronous: AsynchronousMessage) {
    this.#asynchronous = asynchronous;
  }

  /** The number of received bytes behind the current message. */
  get buffered(): number {
    return this.#filled - this.limit;
  }

  /** Raises the limit on the length of messages to PostgreSQL's own. */
  trust(): void {
    this.maxLength = MAX_LENGTH;
  }

  /** Puts back a byte that was read before the session was opened. */
  unread(byte: number): void {
    this.reserve()[0] = byte;
    this.commit(1);
  }

  /**
   * Room for a transport to read into. Moves buffered bytes, so it must not be called while a read is
   * outstanding.
   */
  reserve(): Uint8Array<ArrayBuffer> {
    const { length } = this.bytes;
    const kept = this.#filled - this.limit;
    if (length < USUAL_CAPACITY && this.#filled === length) {
      // More has probably arrived, and many short reads take longer.
      this.#move(allocate(USUAL_CAPACITY));
    } else if (kept === 0) {
      this.#filled = this.limit = this.pos = 0;
      if (length > KEPT_CAPACITY) this.#adopt(allocate(USUAL_CAPACITY));
    } else if (length - this.#filled < length / 4) {
      // The buffer doubles when it is full of received bytes; a length field alone never enlarges it.
      if (kept > length / 2 && length < MAX_CAPACITY) this.#move(allocate(Math.min(length * 2, MAX_CAPACITY)));
      else if (this.limit > 0) this.#move(this.bytes);
    }
    // Making a view is one of the largest costs of a round trip.
    return this.#filled === 0 ? this.#room ??= this.bytes.subarray(0) : this.bytes.subarray(this.#filled);
  }

  /** Notes that the transport has filled the first `count` bytes of {@linkcode reserve}'s result. */
  commit(count: number): void {
    this.#filled += count;
  }

  /** Steps to the next message. False if it is not complete yet, or if the server refused the request. */
  next(): boolean {
    for (;;) {
      const start = this.limit;
      const have = this.#filled - start;
      if (have < 5) return false;
      const code = this.bytes[start]!;
      const length = this.view.getInt32(start + 1);
      if (length < 4 || length > MAX_LENGTHS[code]! || length > this.maxLength) {
        if (this.authenticating && code === Backend.ErrorResponse) return this.#readPlainError(start + 1);
        throw this.#badLength(code, length);
      }
      if (have <= length) return false;
      this.code = code;
      this.pos = start + 5;
      this.limit = start + 1 + length;
      switch (code) {
        case Backend.DataRow:
          return true;
        case Backend.ReadyForQuery:
          this.transactionStatus = this.#readStatus();
          return true;
        case Backend.ErrorResponse:
          this.refused = true;
          return false;
        case Backend.NoticeResponse:
        case Backend.NotificationResponse:
        case Backend.ParameterStatus:
          if (this.authenticating) return true;
          this.#asynchronous(this);
          continue;
        default:
          return true;
      }
    }
  }

  byte(): number {
    return this.bytes[this.#advance(1)]!;
  }

  int16(): number {
    return this.view.getInt16(this.#advance(2));
  }

  /** For counts of columns and parameters, which are up to 65535. */
  uint16(): number {
    return this.view.getUint16(this.#advance(2));
  }

  int32(): number {
    return this.view.getInt32(this.#advance(4));
  }

  /** For OIDs and process IDs, which are unsigned. */
  uint32(): number {
    return this.view.getUint32(this.#advance(4));
  }

  cstring(): string {
    const end = this.bytes.indexOf(0, this.pos);
    if (end < 0 || end >= this.limit) throw this.malformed("a string does not end");
    const text = this.bytes.utf8Slice(this.pos, end);
    this.pos = end + 1;
    return text;
  }

  /** Skips the rest of the body if it is equal to these bytes. */
  skip(expected: Uint8Array): boolean {
    const { bytes, pos, limit } = this;
    const { length } = expected;
    if (limit - pos !== length) return false;
    for (let i = 0; i < length; i++) {
      if (bytes[pos + i] !== expected[i]) return false;
    }
    this.pos = limit;
    return true;
  }

  /** A copy of the rest of the body. */
  rest(): Uint8Array<ArrayBuffer> {
    const copy = copyOf(this.bytes, this.pos, this.limit);
    this.pos = this.limit;
    return copy;
  }

  /** Checks that all of the body was read. */
  end(): void {
    if (this.pos !== this.limit) throw this.malformed(`${this.limit - this.pos} bytes are left over`);
  }

  /** Checks the type of the current message. */
  expect(code: number, action: string): void {
    if (this.code !== code) throw this.unexpected(action);
  }

  /** The error for a message that is not allowed here. */
  unexpected(action: string): ProtocolError {
    return new ProtocolError(`Cannot ${action}: the server sent ${backendName(this.code)}, which is not allowed here`);
  }

  /** The error for a message whose body violates the protocol. */
  malformed(problem: string): ProtocolError {
    return new ProtocolError(`Cannot read the server's ${backendName(this.code)}: ${problem}`);
  }

  #advance(count: number): number {
    const at = this.pos;
    if (at + count > this.limit) throw this.malformed("it is cut short");
    this.pos = at + count;
    return at;
  }

  #readStatus(): number {
    const status = this.byte();
    this.end();
    if (status !== IDLE && status !== ACTIVE && status !== FAILED) {
      throw this.malformed(`transaction status 0x${status.toString(16)} is none of I, T and E`);
    }
    return status;
  }

  #badLength(code: number, length: number): ProtocolError {
    const name = backendName(code);
    const max = MAX_LENGTHS[code]!;
    if (max === 0) {
      return new ProtocolError(`Cannot read from the server: it sent ${name}, which PostgreSQL does not have`);
    }
    const limit = length < 4 ? "it must be at least 4" : `${Math.min(max, this.maxLength)} are allowed here`;
    return new ProtocolError(`Cannot read the server's ${name}: it claims a length of ${length} bytes, ${limit}`);
  }

  /**
   * Throws an error that is plain text, not a message: it ends with a line feed and a zero byte.
   * Returns false if it is not complete.
   */
  #readPlainError(start: number): false {
    const { bytes } = this;
    let end = start;
    while (end < this.#filled && bytes[end]! >= SPACE && bytes[end] !== DELETE) end++;
    const isWhole = end < this.#filled;
    if (!isWhole && end - start <= MAX_LENGTH_BEFORE_AUTHENTICATION) return false;
    if (!isWhole || (bytes[end] !== LINE_FEED && bytes[end] !== 0)) {
      throw this.#badLength(Backend.ErrorResponse, this.view.getInt32(start));
    }
    // Pgpool-II sends an empty text if its server goes away meanwhile.
    const reason = end === start ? "it gives no reason" : bytes.utf8Slice(start, end);
    throw new ConnectionError(`the server refuses the connection: ${reason}`, { safeToRetry: true });
  }

  /** Moves buffered bytes to the beginning of `target`. */
  #move(target: Bytes): void {
    target.set(this.bytes.subarray(this.limit, this.#filled), 0);
    this.#filled -= this.limit;
    this.limit = this.pos = 0;
    this.#adopt(target);
  }

  #adopt(bytes: Bytes): void {
    if (bytes === this.bytes) return;
    this.bytes = bytes;
    this.view = viewOf(bytes);
    this.#room = undefined;
  }
}

/** ReadyForQuery's status: no transaction is open. */
export const IDLE = 0x49;
/** ReadyForQuery's status: a transaction is open. */
export const ACTIVE = 0x54;
/** ReadyForQuery's status: a transaction is open and has failed. */
export const FAILED = 0x45;

/** An error's plain text has no other control characters, which distinguishes it from garbage. */
const LINE_FEED = 0x0a;
const SPACE = 0x20;
const DELETE = 0x7f;

/** Holds all that a server sends until a session is open. Short replies need no more either. */
const INITIAL_CAPACITY = 0x2000;
/** Once a read has filled the first one. */
const USUAL_CAPACITY = 0x1_0000;
const KEPT_CAPACITY = 0x10_0000;
/** As in libpq: before authentication, only error messages are long. */
const MAX_LENGTH_BEFORE_AUTHENTICATION = 30_000;
/** As in libpq: messages of most types are short. */
const MAX_LENGTH_OF_SHORT = 30_000;
/** As in libpq: authentication messages contain names of mechanisms, and their data. */
const MAX_LENGTH_OF_AUTHENTICATION = 2000;
/** PostgreSQL cannot make a message over 1 GiB (MaxAllocSize). */
const MAX_LENGTH = 0x3fff_ffff;
/** Room for the longest message, and for bytes after it. */
const MAX_CAPACITY: number = MAX_LENGTH + USUAL_CAPACITY;

/** The maximum length of messages by type; 0 for unknown types, which are refused at once. */
const MAX_LENGTHS: Int32Array = new Int32Array(256);
for (const code of Object.values(Backend)) MAX_LENGTHS[code] = MAX_LENGTH_OF_SHORT;
for (const code of LONG_MESSAGES) MAX_LENGTHS[code] = MAX_LENGTH;
for (const code of [Backend.Authentication, Backend.NegotiateProtocolVersion]) {
  MAX_LENGTHS[code] = MAX_LENGTH_OF_AUTHENTICATION;
}
