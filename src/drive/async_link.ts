/**
 * A connection that awaits: runs ops on a session, and moves bytes between the session and its
 * transport.
 *
 * One reader per connection reads as long as the session wants bytes, also while nothing is asked,
 * so that notifications and the server's end are seen. What is submitted in one tick leaves in one
 * write.
 */
import { ConnectionError } from "../errors.ts";
import type { Link } from "../ops/handshake.ts";
import type { Op, Ticket } from "../protocol/exchange.ts";
import { errorOf } from "../protocol/failure.ts";
import { Session, type SessionEvent } from "../protocol/session.ts";
import type { AsyncTransport, Endpoint, Ends, TlsOptions } from "../transport/transport.ts";
import { terminate } from "../wire/frontend.ts";
import { connectionError } from "./connection_error.ts";
import { Turns } from "./turns.ts";

/** A dialled connection, awaiting. */
export class AsyncLink implements Link {
  readonly session: Session = new Session();
  readonly endpoint: Endpoint;
  readonly canStartTls = true;
  tls = false;
  /** Told what the server said without being asked. */
  onEvent: ((event: SessionEvent) => void) | undefined = undefined;

  readonly #transport: AsyncTransport;
  readonly #turns = new Turns();
  #running = 0;
  #onDrained: (() => void) | undefined = undefined;
  #reading = false;
  #writing = false;
  #flushScheduled = false;
  /** Whether the socket keeps the process alive: while something is outstanding. */
  #keepsProcess = true;

  constructor(transport: AsyncTransport, endpoint: Endpoint) {
    this.#transport = transport;
    this.endpoint = endpoint;
  }

  get ends(): Ends | undefined {
    return this.#transport.ends;
  }

  /** Runs an op to its end; the promise settles with its result. */
  async run<T>(op: Op<T>): Promise<T> {
    this.#running++;
    const turn = this.#turns.take();
    if (turn !== undefined) await turn;
    let hasTurn = true;
    try {
      let step = op.next();
      while (!step.done) {
        const request = step.value;
        if (request.do === "submit") {
          let ticket: Ticket<unknown>;
          try {
            ticket = this.session.submit(request.exchange);
          } catch (error) {
            step = op.throw(error);
            continue;
          }
          this.#wake();
          step = op.next(ticket);
          continue;
        }
        if (request.do === "finish") {
          hasTurn = false;
          this.#turns.pass();
        }
        const { ticket } = request;
        if (!ticket.settled) await new Promise<void>((resolve) => ticket.onSettled = resolve);
        const { failure } = ticket;
        step = failure === undefined ? op.next(ticket.value) : op.throw(errorOf(failure, ticket.exchange));
      }
      return step.value;
    } finally {
      if (hasTurn) this.#turns.pass();
      if (--this.#running === 0) this.#onDrained?.();
    }
  }

  /** Waits until no op runs, at most that long. */
  async drained(milliseconds: number): Promise<void> {
    if (this.#running === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#onDrained = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#onDrained = undefined;
  }

  /** Sends what the outbox holds and reads one byte: before there is a session. */
  async askByte(): Promise<number> {
    const { outbox } = this.session;
    while (outbox.size > 0) outbox.sent(await this.#transport.write(outbox.pending()));
    const byte = new Uint8Array(1);
    const count = await this.#transport.read(byte);
    if (count === 0) throw new ConnectionError("the server closed the connection");
    return byte[0]!;
  }

  /** Encrypts the connection: before there is a session. */
  async startTls(options: TlsOptions): Promise<void> {
    await this.#transport.startTls(options);
    this.tls = true;
  }

  /** Everything outstanding fails for that reason, and the socket is closed. */
  destroy(reason: Error): void {
    this.session.lose(reason);
    this.#transport.close();
  }

  /** Says goodbye and closes; what is outstanding fails. */
  async close(): Promise<void> {
    const { session } = this;
    if (session.lost === undefined && this.#reading) {
      session.lose(new ConnectionError("the connection is closed"));
      try {
        await this.#sayGoodbye();
      } catch {
        // It was gone already.
      }
    }
    this.destroy(new ConnectionError("the connection is closed"));
  }

  async #sayGoodbye(): Promise<void> {
    // A write that is under way has to end first, or the goodbye would land inside of it.
    if (this.#writing) return;
    const { outbox } = new Session();
    terminate(outbox);
    await this.#transport.write(outbox.pending());
  }

  /** There is something to send and to wait for. */
  #wake(): void {
    if (!this.#reading) {
      this.#reading = true;
      this.#read();
    }
    if (!this.#keepsProcess) {
      this.#keepsProcess = true;
      this.#transport.keepProcess(true);
    }
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    queueMicrotask(() => this.#flush());
  }

  async #read(): Promise<void> {
    const { session } = this;
    try {
      while (session.lost === undefined) {
        const read = this.#transport.read(session.inbox.reserve());
        const count = typeof read === "number" ? read : await read;
        if (count === 0) throw new ConnectionError("the server closed the connection");
        session.inbox.commit(count);
        this.#advance();
      }
    } catch (error) {
      session.lose(connectionError(error));
    }
    this.#transport.close();
  }

  #advance(): void {
    const { session } = this;
    const want = session.advance();
    for (const event of session.takeEvents()) this.onEvent?.(event);
    if (session.outbox.size > 0) this.#flush();
    if (want === "idle" && session.idle && this.#keepsProcess) {
      this.#keepsProcess = false;
      this.#transport.keepProcess(false);
    }
  }

  #flush(): void {
    this.#flushScheduled = false;
    if (this.#writing) return;
    const { outbox } = this.session;
    try {
      while (outbox.size > 0) {
        const written = this.#transport.write(outbox.pending());
        if (typeof written !== "number") {
          this.#writing = true;
          written.then((count) => this.#written(count), (error) => this.#writeFailed(error));
          return;
        }
        outbox.sent(written);
      }
    } catch (error) {
      this.#writeFailed(error);
    }
  }

  #written(count: number): void {
    this.#writing = false;
    if (this.session.lost !== undefined) return;
    this.session.outbox.sent(count);
    this.#flush();
  }

  /** The server may have said why before it closed: the reader gets a moment to find out. */
  #writeFailed(error: unknown): void {
    if (this.session.lost !== undefined) return;
    // Nothing more is written.
    this.#writing = true;
    setTimeout(() => this.destroy(connectionError(error)), LAST_WORDS);
  }
}

/** Milliseconds to wait for what the server said before a write failed. */
const LAST_WORDS = 500;
