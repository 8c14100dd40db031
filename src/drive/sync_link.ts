/**
 * A connection that blocks: runs ops on a session, and moves bytes between the session and its
 * transport while it waits.
 *
 * Reading and writing are waited for together, so that a pipeline of any size cannot end with both
 * sides waiting for the other to read.
 */
import { ConnectionError } from "../errors.ts";
import type { Link } from "../ops/handshake.ts";
import type { Op, Ticket } from "../protocol/exchange.ts";
import { errorOf } from "../protocol/failure.ts";
import { Session, type SessionEvent } from "../protocol/session.ts";
import type { Endpoint, Ends, SyncTransport, TlsOptions } from "../transport/transport.ts";
import { terminate } from "../wire/frontend.ts";
import { Outbox } from "../wire/outbox.ts";
import { now } from "./clock.ts";
import { connectionError } from "./connection_error.ts";

/** A dialled connection, blocking. */
export class SyncLink implements Link {
  readonly session: Session = new Session();
  readonly endpoint: Endpoint;
  tls = false;
  readonly #transport: SyncTransport;
  /** Set when writing failed: the server may have said why before it closed, so reading goes on for a moment. */
  #writeFailure: { readonly error: unknown; readonly until: number } | undefined = undefined;
  /** Whether the last read filled all the room it had, so that more is likely there already. */
  #more = false;
  #started = false;
  #listener: ((event: SessionEvent) => void) | undefined = undefined;
  /** What the server said and nobody has heard yet. */
  readonly #events: SessionEvent[] = [];
  #delivering = false;

  constructor(transport: SyncTransport, endpoint: Endpoint) {
    this.#transport = transport;
    this.endpoint = endpoint;
  }

  get ends(): Ends | undefined {
    return this.#transport.ends;
  }

  get canStartTls(): boolean {
    return this.#transport.canStartTls;
  }

  /** Who is told what the server said without being asked; hears at once what it has said before. */
  set onEvent(listener: (event: SessionEvent) => void) {
    this.#listener = listener;
    this.#deliver();
  }

  /** Runs an op to its end, or until `by`, when what it waits for is left to be read and dropped later. */
  run<T>(op: Op<T>, by: number = Infinity): T {
    try {
      return this.#run(op, by);
    } finally {
      this.#deliver();
    }
  }

  #run<T>(op: Op<T>, by: number): T {
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
        this.#started = true;
        step = op.next(ticket);
        continue;
      }
      if (request.do === "turn") {
        step = op.next();
        continue;
      }
      const { ticket } = request;
      this.#settle(ticket, by, request.do === "finish");
      const { failure } = ticket;
      step = failure === undefined ? op.next(ticket.value) : op.throw(errorOf(failure, ticket.exchange));
    }
    return step.value;
  }

  /** Sends what the outbox holds and reads one byte: before there is a session. */
  askByte(by: number): number {
    const byte = new Uint8Array(1);
    const { outbox } = this.session;
    for (;;) {
      this.#flush();
      this.#wait(outbox.size > 0 && this.#writeFailure === undefined, by);
      const count = this.#transport.read(byte);
      if (count === 0) throw new ConnectionError("the server closed the connection");
      if (count > 0) return byte[0]!;
    }
  }

  /** Encrypts the connection: before there is a session. */
  startTls(options: TlsOptions, by: number): void {
    this.#transport.startTls(options, Math.max(0, by - now()));
    this.tls = true;
  }

  /** Everything outstanding fails for that reason, and the socket is closed. */
  destroy(reason: Error): void {
    this.session.lose(reason);
    this.#transport.close();
  }

  /** Says goodbye and closes; what is outstanding fails. */
  close(): void {
    const { session } = this;
    // A goodbye in the middle of a message would be none.
    if (session.lost === undefined && this.#started && !session.outbox.halfSent) {
      session.lose(new ConnectionError("the connection is closed"));
      this.#sayGoodbye();
    }
    this.destroy(new ConnectionError("the connection is closed"));
  }

  #sayGoodbye(): void {
    const goodbye = new Outbox();
    terminate(goodbye);
    try {
      for (let count = -1; goodbye.size > 0 && count !== 0; goodbye.sent(count)) {
        count = this.#transport.write(goodbye.pending());
      }
    } catch {
      // It was gone already.
    }
  }

  /** With `others`, other calls may be made meanwhile, by those who hear of events. */
  #settle(ticket: Ticket<unknown>, by: number, others: boolean): void {
    const { session } = this;
    while (!ticket.settled) {
      try {
        this.#exchange(by);
      } catch (error) {
        const reason = connectionError(error);
        if (reason instanceof TimeOver) throw reason;
        session.lose(reason);
      }
      if (session.lost !== undefined) this.#transport.close();
      if (others) this.#deliver();
    }
  }

  /** Tells the listener, one event after the other, also when it makes calls that bring new ones. */
  #deliver(): void {
    this.#events.push(...this.session.takeEvents());
    if (this.#listener === undefined || this.#delivering) return;
    this.#delivering = true;
    try {
      for (let event = this.#events.shift(); event !== undefined; event = this.#events.shift()) this.#listener(event);
    } finally {
      this.#delivering = false;
    }
  }

  /** Writes what can be written, waits, reads what can be read. */
  #exchange(by: number): void {
    const { inbox, outbox } = this.session;
    this.#flush();
    if (!this.#more) this.#wait(outbox.size > 0 && this.#writeFailure === undefined, by);
    const into = inbox.reserve();
    const count = this.#transport.read(into);
    this.#more = count === into.length;
    if (count < 0) return;
    if (count === 0) throw this.#writeFailure?.error ?? new ConnectionError("the server closed the connection");
    inbox.commit(count);
    this.session.advance();
  }

  #flush(): void {
    const { outbox } = this.session;
    if (this.#writeFailure !== undefined) return;
    try {
      while (outbox.size > 0) {
        const count = this.#transport.write(outbox.pending());
        if (count === 0) return;
        outbox.sent(count);
      }
    } catch (error) {
      outbox.sent(0);
      this.#writeFailure = { error, until: now() + LAST_WORDS };
    }
  }

  #wait(writable: boolean, by: number): void {
    const limit = this.#writeFailure === undefined ? by : Math.min(by, this.#writeFailure.until);
    const left = limit === Infinity ? Infinity : limit - now();
    if (left > 0 && this.#transport.wait(writable, left)) return;
    if (this.#writeFailure !== undefined) throw this.#writeFailure.error;
    throw new TimeOver("timed out");
  }
}

/** The caller's time is over; the connection itself is well. */
class TimeOver extends ConnectionError {}

/** Milliseconds to wait for what the server said before a write failed. */
const LAST_WORDS = 500;
