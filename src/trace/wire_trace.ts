/**
 * The wire trace of one connection: makes a line of each message from the bytes of both directions, as
 * libpq's `PQtrace` does (PostgreSQL 18), with `***` for secrets.
 *
 * It does not throw, and does not keep the bytes. It frames messages independently, so that it also
 * shows messages that the session refuses.
 *
 * Source: PostgreSQL manual, libpq, "Control Functions", PQtrace.
 */
import { callUnheeded } from "../unheeded.ts";
import { Backend, Frontend, SSL_REQUEST } from "../wire/codes.ts";
import { Malformed, MessageReader, omitted, type Parser, printable } from "./message_reader.ts";
import {
  answerFormat,
  authenticationFormat,
  backendFormat,
  frontendFormat,
  type MessageFormat,
  untypedFormat,
} from "./messages.ts";

/** Gets the line of a message, without a line break at the end. */
export type TraceListener = (line: string) => void;

/** Shows the messages of a connection to a listener. */
export class WireTrace {
  readonly #listener: TraceListener;
  /** The time, in the form in which it is shown. */
  readonly #clock: () => string;
  readonly #fromClient: MessageReader = new MessageReader();
  readonly #fromServer: MessageReader = new MessageReader();
  readonly #sent: Parser<never>;
  readonly #received: Parser<never>;
  /** Whether the server's next byte answers an SSLRequest, and is not part of a message. */
  #answersSsl = false;
  /** The method of the last Authentication message. */
  #method: number | undefined = undefined;
  #isCalling = false;

  constructor(listener: TraceListener, clock: () => string) {
    this.#listener = listener;
    this.#clock = clock;
    this.#sent = this.#clientMessages(this.#fromClient);
    this.#received = this.#serverMessages(this.#fromServer);
  }

  /** Whether the listener is being called. */
  get isCalling(): boolean {
    return this.#isCalling;
  }

  /** Must be called with bytes that the client has sent, or is about to send. */
  sent(bytes: Uint8Array): void {
    this.#fromClient.feed(bytes, this.#sent);
  }

  /** Must be called with bytes that the server has sent. */
  received(bytes: Uint8Array): void {
    this.#fromServer.feed(bytes, this.#received);
  }

  *#clientMessages(reader: MessageReader): Parser<never> {
    let version: number;
    do version = yield* this.#untypedMessage(reader); while (version === SSL_REQUEST);
    for (;;) {
      reader.left = 5;
      const code = yield* reader.byte();
      const length = yield* this.#length(reader, "F");
      if (code === Frontend.Password) {
        // A password's length is part of the secret. NN is libpq's text for hidden lengths.
        yield* this.#message(reader, "F", "NN", answerFormat(this.#method));
      } else {
        yield* this.#message(reader, "F", length, frontendFormat(code));
      }
    }
  }

  /**
   * Reads one of the messages without a code, with which a connection begins, and returns its version,
   * or the number in its place.
   */
  *#untypedMessage(reader: MessageReader): Parser<number> {
    reader.left = 4;
    const length = yield* this.#length(reader, "F");
    if (length < 8) yield* this.#stop("F", length);
    const version = yield* reader.int32();
    this.#answersSsl = version === SSL_REQUEST;
    yield* this.#message(reader, "F", length, untypedFormat(version));
    return version;
  }

  *#serverMessages(reader: MessageReader): Parser<never> {
    for (;;) {
      reader.left = 5;
      const code = yield* reader.byte();
      if (this.#answersSsl) {
        this.#answersSsl = false;
        this.#callListener("B", 1, `SSLResponse\t ${printable(code)}`);
        continue;
      }
      const length = yield* this.#length(reader, "B");
      if (code === Backend.Authentication && length >= 8) {
        this.#method = yield* reader.int32();
        yield* this.#message(reader, "B", length, authenticationFormat(this.#method));
      } else {
        yield* this.#message(reader, "B", length, backendFormat(code));
      }
    }
  }

  /** Reads a message's length, and sets how many bytes are left. */
  *#length(reader: MessageReader, side: Side): Parser<number> {
    const length = yield* reader.int32();
    if (length < 4) yield* this.#stop(side, length);
    reader.left = length - 4;
    return length;
  }

  /** Shows a message, whose beginning may have been read already. */
  *#message(reader: MessageReader, side: Side, length: number | "NN", format: MessageFormat): Parser {
    reader.append(format.heading);
    let problem = "";
    try {
      for (const field of format.fields) {
        if (!reader.full) yield* field(reader);
      }
      if (reader.left > 0) {
        problem = reader.full ? omitted(reader.left) : malformed(`${reader.left} bytes are left over`);
      }
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      problem = malformed(error.message);
    }
    this.#callListener(side, length, `${reader.takeLine()}${problem}`);
    yield* reader.skip();
  }

  /** Stops the trace of one side, since the beginning of the next message is unknown. */
  *#stop(side: Side, length: number): Parser<never> {
    this.#callListener(
      side,
      length,
      "Unknown message (malformed: no message is that short, and what follows is not shown)",
    );
    for (;;) yield;
  }

  #callListener(side: Side, length: number | "NN", text: string): void {
    this.#isCalling = true;
    callUnheeded(() => this.#listener(`${this.#clock()}\t${side}\t${length}\t${text}`));
    this.#isCalling = false;
  }
}

/** The sender of a message: the client (frontend) or the server (backend). */
type Side = "F" | "B";

function malformed(problem: string): string {
  return ` (malformed: ${problem})`;
}
