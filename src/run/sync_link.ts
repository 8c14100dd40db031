/**
 * A connection that blocks: runs ops on a session, and moves bytes between the session and its
 * transport while it waits.
 *
 * It waits for reading and for writing at the same time. Otherwise a large pipeline could block both sides, each
 * waiting for the other to read.
 */
import { ConnectionError } from "../errors.ts";
import type { CancelEncryption } from "../connect/cancel.ts";
import type { Link } from "../connect/handshake.ts";
import type { Call, Op, PendingRequest, Span } from "../protocol/request.ts";
import { Session, type SessionEvent } from "../protocol/session.ts";
import type { Addresses, Endpoint, SyncTransport, TlsOptions, TlsSession } from "../transport/transport.ts";
import { TERMINATE } from "../wire/frontend.ts";
import { now } from "../runtime/clock.ts";
import { closedError, connectionError } from "./connection_error.ts";
import { isNeverSent } from "./cancellation.ts";
import { runInSpanBlocking } from "../telemetry/run_in_span.ts";
import { type RunnerLink, SyncRunner } from "./sync_runner.ts";
import { calledByListener } from "../trace/traced_transport.ts";

/** A dialled connection, blocking. */
export class SyncLink implements Link, RunnerLink {
  readonly session: Session = new Session();
  readonly endpoint: Endpoint;
  readonly awaits = false;
  tls: TlsSession | undefined = undefined;
  encrypted: CancelEncryption | undefined = undefined;
  readonly #transport: SyncTransport;
  /**
   * Set when a write has failed. Reading continues for a moment: the server may have sent a reason before it closed.
   */
  #writeFailure: { readonly error: unknown; readonly until: number } | undefined = undefined;
  /** Whether the last read filled its buffer, so that more has probably arrived. */
  #hasMoreToRead = false;
  #started = false;
  /** Whether a reply reader is paused. */
  #isPaused = false;
  /** How many events were delivered. */
  #deliveredEvents = 0;
  /** When the last call was made. */
  #lastCall = 0;
  readonly #runner: SyncRunner = new SyncRunner(this);
  /** Opens a connection for a cancel request and sends it, within that many milliseconds. */
  canceller: ((milliseconds: number) => void) | undefined = undefined;
  #listener: ((event: SessionEvent) => void) | undefined = undefined;
  #delivering = false;

  constructor(transport: SyncTransport, endpoint: Endpoint) {
    this.#transport = transport;
    this.endpoint = endpoint;
  }

  get addresses(): Addresses | undefined {
    return this.#transport.addresses;
  }

  get peerUser(): number | undefined {
    return this.#transport.peerUser;
  }

  get name(): string | undefined {
    return this.#transport.name;
  }

  get cannotEncrypt(): string | undefined {
    return this.#transport.cannotEncrypt;
  }

  get canStartTls(): boolean {
    return this.#transport.canStartTls;
  }

  /** Called with each session event; at once with the events that came before. */
  set onEvent(listener: (event: SessionEvent) => void) {
    this.#listener = listener;
    this.#deliver();
  }

  /** Runs a call to its end, or until its caller gives up. */
  run<T>(call: Call<T>): T {
    if (this.#transport.showing) throw calledByListener();
    const { span } = call;
    this.#readUnsolicited();
    try {
      if (span !== undefined) return runInSpanBlocking(span, () => this.#runner.run(call));
      return this.#runner.run(call);
    } finally {
      this.#deliver();
    }
  }

  /**
   * Reads what the server has sent unasked, so that nothing is written to a connection that the server has closed.
   * Does so only after a pause between calls, because it costs a system call.
   */
  #readUnsolicited(): void {
    const time = now();
    if (this.#started && time - this.#lastCall > IDLE_CHECK_AFTER && this.session.idle) this.poll();
    this.#lastCall = time;
  }

  /** Reads what the server has sent unasked, such as why it has ended the session. */
  look(): void {
    if (this.session.idle) this.poll();
    this.#deliver();
  }

  /** As {@linkcode SyncRunner.runBy}. */
  runBy<T>(op: Op<T>, by: number): T {
    return this.#runner.runBy(op, by);
  }

  /** Sends a cancel request. */
  cancelRunning(span?: Span): void {
    if (this.session.idle) return;
    const work = (): void => this.canceller?.(Infinity);
    return span === undefined ? work() : runInSpanBlocking(span, work);
  }

  /** As {@linkcode RunnerLink.cancel}. */
  cancel(milliseconds: number): boolean {
    try {
      this.canceller?.(milliseconds);
      return true;
    } catch (error) {
      return isNeverSent(error);
    }
  }

  /** Waits for a session event; false if there is none until `by`. */
  awaitEvent(by: number): boolean {
    const { session } = this;
    this.#started = true;
    const heard = this.#deliveredEvents;
    // The last call may have read the awaited data already.
    this.#deliver();
    const isSo = (): boolean => this.#deliveredEvents !== heard || session.lost !== undefined;
    return this.until(isSo, by, true);
  }

  /** Whether no more can be sent before replies are read. */
  get isFull(): boolean {
    return this.#isPaused && this.session.inbox.buffered >= MAX_UNCLAIMED;
  }

  /** As {@linkcode RunnerLink.until}. */
  until(isSo: () => boolean, by: number, events: boolean): boolean {
    this.#begin();
    while (!isSo()) {
      // Sending may be all that the caller waits for.
      this.#flush();
      if (isSo()) break;
      if (!this.#transferOnce(by, events)) return false;
    }
    return true;
  }

  /** As {@linkcode RunnerLink.poll}. */
  poll(): void {
    this.#begin();
    if (this.isFull || this.session.lost !== undefined) return;
    try {
      this.#receive();
    } catch (error) {
      this.session.lose(connectionError(error));
      this.#transport.close();
    }
  }

  /** As {@linkcode RunnerLink.settle}. */
  settle(pending: PendingRequest<unknown>, events: boolean): void {
    this.#begin();
    while (!pending.settled) {
      this.#flush();
      this.#transferOnce(Infinity, events);
    }
  }

  /** Sends the outbox, and reads until the server closes. Must not be called once the session is opened. */
  readToEnd(by: number): void {
    const dropped = new Uint8Array(64);
    const { outbox } = this.session;
    for (let count = -1; count !== 0; count = this.#transport.read(dropped)) {
      this.#flush();
      if (!this.#wait(outbox.size > 0 && this.#writeFailure === undefined, by)) {
        throw new ConnectionError("timed out", { code: "ETIMEDOUT" });
      }
    }
  }

  /** Sends the outbox, and reads one byte. Must not be called once the session is opened. */
  readByte(by: number): number {
    const byte = new Uint8Array(1);
    const { outbox } = this.session;
    for (;;) {
      this.#flush();
      if (!this.#wait(outbox.size > 0 && this.#writeFailure === undefined, by)) {
        throw new ConnectionError("timed out", { code: "ETIMEDOUT" });
      }
      const count = this.#transport.read(byte);
      if (count === 0) throw new ConnectionError("the server closed the connection");
      if (count > 0) return byte[0]!;
    }
  }

  /** Encrypts the connection. Must not be called once the session is opened. */
  startTls(options: TlsOptions, by: number): TlsSession {
    return this.tls = this.#transport.startTls(options, Math.max(0, by - now()));
  }

  /** Fails all outstanding requests for that reason, and closes the socket. */
  destroy(reason: Error): void {
    this.session.lose(reason);
    this.#transport.close();
    this.#deliver();
  }

  /** Sends Terminate and closes; outstanding requests fail. */
  close(): void {
    const { session } = this;
    // The server would not see a Terminate in the middle of another message.
    if (session.lost === undefined && this.#started && !session.outbox.halfSent) {
      session.lose(closedError());
      this.#sendTerminate();
    }
    this.destroy(session.lost ?? closedError());
  }

  #sendTerminate(): void {
    try {
      let rest = TERMINATE;
      for (let count = -1; rest.length > 0 && count !== 0; rest = rest.subarray(count)) {
        count = this.#transport.write(rest);
      }
    } catch {
      // The connection was closed already.
    }
  }

  /** Delivers events to the listener one after the other, even if it makes calls that cause new ones. */
  #deliver(): void {
    if (this.#listener === undefined || this.#delivering) return;
    const { session } = this;
    this.#delivering = true;
    try {
      for (let event = session.takeEvent(); event !== undefined; event = session.takeEvent()) {
        this.#deliveredEvents++;
        this.#listener(event);
      }
    } finally {
      this.#delivering = false;
    }
  }

  #begin(): void {
    this.#started = true;
    this.#flush();
    // The awaited data may have arrived already.
    if (this.#isPaused) this.#advance();
  }

  /** As {@linkcode #transfer}, but an error loses the session. */
  #transferOnce(by: number, events: boolean): boolean {
    const { session } = this;
    try {
      if (!this.#transfer(by)) return false;
    } catch (error) {
      session.lose(connectionError(error));
    }
    if (session.lost !== undefined) this.#transport.close();
    if (events) this.#deliver();
    return true;
  }

  /**
   * Waits until it can read or write, and reads; false if time is over first. It does not write: callers do, and then
   * check whether they must still wait.
   */
  #transfer(by: number): boolean {
    if (this.#hasMoreToRead) {
      // A server that never stops sending does not stop the clock.
      if (by !== Infinity && now() >= by) return false;
    } else if (!this.#wait(this.session.outbox.size > 0 && this.#writeFailure === undefined, by)) return false;
    this.#receive();
    return true;
  }

  #receive(): void {
    const { inbox } = this.session;
    const into = inbox.reserve();
    const count = this.#transport.read(into);
    this.#hasMoreToRead = count === into.length;
    if (count < 0) return;
    if (count === 0) throw this.#writeFailure?.error ?? new ConnectionError("the server closed the connection");
    inbox.commit(count);
    this.#advance();
  }

  #advance(): void {
    this.#isPaused = this.session.advance() === "paused";
  }

  #flush(): void {
    const { outbox } = this.session;
    if (this.#writeFailure !== undefined) return;
    this.session.dropWithdrawn();
    try {
      while (outbox.size > 0) {
        const count = this.#transport.write(outbox.pending());
        if (count === 0) return;
        outbox.sent(count);
      }
    } catch (error) {
      outbox.sent(0);
      this.#writeFailure = { error, until: now() + FINAL_READ_TIMEOUT };
    }
  }

  /** Waits until the transport can be read from, or written to; false if time is over first. */
  #wait(writable: boolean, by: number): boolean {
    const limit = this.#writeFailure === undefined ? by : Math.min(by, this.#writeFailure.until);
    const left = limit === Infinity ? Infinity : limit - now();
    if (left > 0 && this.#transport.wait(writable, left)) return true;
    if (this.#writeFailure !== undefined) throw this.#writeFailure.error;
    return false;
  }
}

/** Milliseconds to read the server's last message after a write has failed. */
const FINAL_READ_TIMEOUT = 500;
/** Milliseconds without a call after which the next call checks whether the server has closed the connection. */
const IDLE_CHECK_AFTER = 1000;
/** How many bytes of unclaimed replies are buffered before reading stops. */
const MAX_UNCLAIMED = 0x10_0000;
