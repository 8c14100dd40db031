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
import { Outbox } from "../wire/outbox.ts";
import { connectionError } from "./connection_error.ts";
import { Turns } from "./turns.ts";

/** A dialled connection, awaiting. */
export class AsyncLink implements Link {
  readonly session: Session = new Session();
  readonly endpoint: Endpoint;
  readonly canStartTls = true;
  tls = false;
  readonly #transport: AsyncTransport;
  readonly #turns = new Turns();
  #running = 0;
  #onDrained: (() => void) | undefined = undefined;
  #reading = false;
  #writing = false;
  #flushScheduled = false;
  /** Whether the socket keeps the process alive: while something is outstanding. */
  #keepsProcess = true;
  #listener: ((event: SessionEvent) => void) | undefined = undefined;
  #lastWords: ReturnType<typeof setTimeout> | undefined = undefined;

  constructor(transport: AsyncTransport, endpoint: Endpoint) {
    this.#transport = transport;
    this.endpoint = endpoint;
  }

  get ends(): Ends | undefined {
    return this.#transport.ends;
  }

  /** Who is told what the server said without being asked; hears at once what it has said before. */
  set onEvent(listener: (event: SessionEvent) => void) {
    this.#listener = listener;
    this.#deliver();
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
        if (request.do === "turn") {
          const turn = hasTurn ? undefined : this.#turns.take();
          if (turn !== undefined) await turn;
          hasTurn = true;
          step = op.next();
          continue;
        }
        if (request.do === "finish" && hasTurn) {
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
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onDrained = resolve;
    await atMost(promise, milliseconds);
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
    clearTimeout(this.#lastWords);
    this.session.lose(reason);
    this.#transport.close();
  }

  /** Says goodbye and closes; what is outstanding fails. */
  async close(): Promise<void> {
    const { session } = this;
    // A goodbye in the middle of a message would be none.
    if (session.lost === undefined && this.#reading && !this.#writing && !session.outbox.halfSent) {
      session.lose(new ConnectionError("the connection is closed"));
      await atMost(this.#sayGoodbye(), LAST_WORDS);
    }
    this.destroy(new ConnectionError("the connection is closed"));
  }

  async #sayGoodbye(): Promise<void> {
    const goodbye = new Outbox();
    terminate(goodbye);
    try {
      while (goodbye.size > 0) goodbye.sent(await this.#transport.write(goodbye.pending()));
    } catch {
      // It was gone already.
    }
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
    this.destroy(session.lost!);
  }

  #advance(): void {
    const { session } = this;
    const want = session.advance();
    this.#deliver();
    if (session.outbox.size > 0) this.#flush();
    if (want === "idle" && session.idle && this.#keepsProcess) {
      this.#keepsProcess = false;
      this.#transport.keepProcess(false);
    }
  }

  #deliver(): void {
    if (this.#listener === undefined) return;
    for (const event of this.session.takeEvents()) this.#listener(event);
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
      outbox.sent(0);
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
    this.#lastWords = setTimeout(() => this.destroy(connectionError(error)), LAST_WORDS);
  }
}

/** The promise's end, or that of the time. */
async function atMost(promise: Promise<void>, milliseconds: number): Promise<void> {
  // Timers cannot wait for longer, and would not wait at all.
  if (milliseconds > MAX_MILLISECONDS) return await promise;
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  await Promise.race([promise, over]);
  clearTimeout(timer);
}

/** Milliseconds for a goodbye, and to wait for what the server said before a write failed. */
const LAST_WORDS = 500;
const MAX_MILLISECONDS = 0x7fff_ffff;
