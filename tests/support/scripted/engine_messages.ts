/** Frames and reads the client's messages, for scripted engines. */
import { SSL_REQUEST } from "../../../src/wire/codes.ts";
import { concat } from "./backend.ts";

/** A message of the client: its type, `""` for those that have none, and its body. */
export interface ClientMessage {
  readonly code: string;
  readonly body: BodyReader;
}

/** Splits what arrives into messages. */
export class ClientMessages {
  #bytes: Uint8Array = new Uint8Array();

  /** Adds bytes, and takes the messages that are complete. */
  *add(bytes: Uint8Array): Generator<ClientMessage> {
    this.#bytes = concat(this.#bytes, bytes);
    for (;;) {
      // Messages without a type begin with their length, whose first byte is 0.
      const header = this.#bytes[0] === 0 ? 4 : 5;
      if (this.#bytes.length < header) return;
      const length = new DataView(this.#bytes.buffer, this.#bytes.byteOffset).getInt32(header - 4) + header - 4;
      if (this.#bytes.length < length) return;
      const code = header === 4 ? "" : String.fromCharCode(this.#bytes[0]!);
      const body = new BodyReader(this.#bytes.slice(header, length));
      this.#bytes = this.#bytes.slice(length);
      yield { code, body };
    }
  }
}

/** Reads the fields of a message. */
export class BodyReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset);
  }

  /** Whether it is the request for TLS. */
  get isSslRequest(): boolean {
    return this.#view.getInt32(0) === SSL_REQUEST;
  }

  byte(): string {
    return String.fromCharCode(this.#bytes[this.#at++]!);
  }

  int16(): number {
    return this.#view.getInt16((this.#at += 2) - 2);
  }

  int32(): number {
    return this.#view.getInt32((this.#at += 4) - 4);
  }

  cstring(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    const text = new TextDecoder().decode(this.#bytes.subarray(this.#at, end));
    this.#at = end + 1;
    return text;
  }

  /** A value with its length; null for NULL. */
  value(): Uint8Array | null {
    const length = this.int32();
    return length < 0 ? null : this.#bytes.slice(this.#at, this.#at += length);
  }

  /** As many as a number in front of them says. */
  list<T>(read: () => T): T[] {
    return Array.from({ length: this.int16() }, read);
  }
}
