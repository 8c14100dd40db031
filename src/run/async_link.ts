/**
 * A connection that awaits: runs ops on a session, and moves bytes between the session and its
 * transport.
 *
 * One reader per connection reads all the time, even while no request is pending, so that it receives notifications
 * and notices the end of the connection. It stops only while too many replies are unclaimed. The requests of one microtask
 * are sent in one write, unless they are so large that the server may already start on the first ones.
 */
import { ConnectionError } from "../errors.ts";
import type { CancelEncryption } from "../connect/cancel.ts";
import type { Link } from "../connect/handshake.ts";
import type { Call, Op, Span } from "../protocol/request.ts";
import { Session, type SessionEvent } from "../protocol/session.ts";
import type { Addresses, AsyncTransport, Endpoint, TlsOptions, TlsSession } from "../transport/transport.ts";
import { TERMINATE } from "../wire/frontend.ts";
import { AsyncRunner, type RunnerLink } from "./async_runner.ts";
import { atMost, eventLoopTurn } from "../runtime/clock.ts";
import { clearTimeout, queueMicrotask, setTimeout } from "../timers.ts";
import { closedError, connectionError } from "./connection_error.ts";
import { runInSpan } from "../telemetry/run_in_span.ts";
import { calledByListener } from "../trace/traced_transport.ts";

/** A dialled connection, awaiting. */
export class AsyncLink implements Link, RunnerLink {
  readonly session: Session = new Session();
  readonly endpoint: Endpoint;
  readonly awaits = true;
  readonly canStartTls = true;
  tls: TlsSession | undefined = undefined;
  encrypted: CancelEncryption | undefined = undefined;
  readonly #transport: AsyncTransport;
  readonly #runner: AsyncRunner = new AsyncRunner(this);
  /** Opens a connection for a cancel request and sends it. */
  canceller: (() => Promise<void>) | undefined = undefined;
  /** As {@linkcode RunnerLink.onOverdue}. */
  onOverdue: (() => void) | undefined = undefined;
  #reading = false;
  /** Resolves when reading stops. */
  #read: Promise<void> | undefined = undefined;
  /** Whether the end of the connection is read although the session is over. */
  #readsToEnd = false;
  /** Whether a reply reader is paused. */
  #isPaused = false;
  /** How many listeners wait for notifications. */
  #eventWaiters = 0;
  /** Called when bytes were sent, or when reading stops. */
  #onProgress: (() => void)[] = [];
  /** The outbox's `writtenTotal` when a writer last let other work run. */
  #writtenAtLastTurn = 0;
  /** Ends the reader's pause. */
  #onResume: (() => void) | undefined = undefined;
  #writing = false;
  #flushScheduled = false;
  /** Whether the socket keeps the process alive: while something is outstanding. */
  #keepsProcess = true;
  #listener: ((event: SessionEvent) => void) | undefined = undefined;
  #finalReadTimer: ReturnType<typeof setTimeout> | undefined = undefined;

  constructor(transport: AsyncTransport, endpoint: Endpoint) {
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

  /** Called with each session event; at once with the events that came before. */
  set onEvent(listener: (event: SessionEvent) => void) {
    this.#listener = listener;
    this.#deliver();
  }

  /** Runs a call to its end, or until its caller gives up. */
  run<T>(call: Call<T>): Promise<T> {
    if (this.#transport.showing) return Promise.reject(calledByListener());
    const { span } = call;
    return span === undefined ? this.#runner.run(call) : runInSpan(span, () => this.#runner.run(call));
  }

  /** Runs an op of the handshake. */
  runStep<T>(op: Op<T>): Promise<T> {
    return this.#runner.runStep(op);
  }

  /** Whether an op runs. */
  get isRunning(): boolean {
    return this.#runner.isRunning;
  }

  /** Waits until no op runs, at most that long. */
  async drained(milliseconds: number): Promise<void> {
    await atMost(this.#runner.drained(), milliseconds);
  }

  /** Sends a cancel request; no op submits before the server has taken it. */
  cancelRunning(span?: Span): Promise<void> {
    const work = (): Promise<void> => this.#runner.cancel();
    return span === undefined ? work() : runInSpan(span, work);
  }

  /** As {@linkcode RunnerLink.cancel}. */
  async cancel(): Promise<void> {
    await this.canceller?.();
  }

  /**
   * Counts the listeners that wait for notifications. While there are any, the process stays alive even if no request
   * is pending.
   */
  expectEvents(expecting: boolean): void {
    this.#eventWaiters += expecting ? 1 : -1;
    this.#keepProcess();
    if (expecting) this.#startReading();
  }

  /** Sends the outbox, and reads until the server closes. Must not be called once the session is opened. */
  async readToEnd(): Promise<void> {
    const { outbox } = this.session;
    while (outbox.size > 0) outbox.sent(await this.#transport.write(outbox.pending()));
    const dropped = new Uint8Array(64);
    while (await this.#transport.read(dropped) > 0);
  }

  /** Sends the outbox, and reads one byte. Must not be called once the session is opened. */
  async readByte(): Promise<number> {
    const { outbox } = this.session;
    while (outbox.size > 0) outbox.sent(await this.#transport.write(outbox.pending()));
    const byte = new Uint8Array(1);
    const count = await this.#transport.read(byte);
    if (count === 0) throw new ConnectionError("the server closed the connection");
    return byte[0]!;
  }

  /** Encrypts the connection. Must not be called once the session is opened. */
  async startTls(options: TlsOptions): Promise<TlsSession> {
    return this.tls = await this.#transport.startTls(options);
  }

  /** Fails all outstanding requests for that reason, and closes the socket. */
  destroy(reason: Error): void {
    clearTimeout(this.#finalReadTimer);
    this.#readsToEnd = false;
    this.session.lose(reason);
    this.#transport.close();
    this.#onResume?.();
    this.#progress();
    this.#deliver();
  }

  /**
   * Sends Terminate and closes; outstanding requests fail. The server has that many milliseconds to close first: then it
   * has ended the session, with its locks.
   */
  async close(patience: number = 0): Promise<void> {
    const { session } = this;
    // The server would not see a Terminate in the middle of another message.
    if (session.lost === undefined && this.#reading && !this.#writing && !session.outbox.halfSent) {
      this.#readsToEnd = patience > 0 && this.#read !== undefined && !this.#isPaused;
      if (this.#readsToEnd && !this.#keepsProcess) this.#transport.keepProcess(true);
      session.lose(closedError());
      const sending = this.#sendTerminate();
      if (sending !== undefined) await atMost(sending, FINAL_READ_TIMEOUT);
      if (this.#readsToEnd) await atMost(this.#read!, patience);
    }
    this.destroy(session.lost ?? closedError());
  }

  /** Undefined if the system has taken all of it at once, as it mostly does. */
  #sendTerminate(): Promise<void> | undefined {
    try {
      const sent = this.#transport.write(TERMINATE);
      return sent === TERMINATE.length ? undefined : this.#sendRestOfTerminate(sent);
    } catch {
      // The connection was closed already.
      return undefined;
    }
  }

  async #sendRestOfTerminate(first: number | Promise<number>): Promise<void> {
    let sent = await first;
    while (sent < TERMINATE.length) sent += await this.#transport.write(TERMINATE.subarray(sent));
  }

  /** Sends the submitted requests, and reads the replies. */
  wake(): void {
    this.#startReading();
    this.#keepProcess();
    if (this.session.outbox.size >= EAGER_FLUSH_SIZE && !this.#writing) this.#flush();
    if (this.#flushScheduled || this.session.outbox.size === 0) return;
    this.#flushScheduled = true;
    queueMicrotask(() => this.#flush());
  }

  /**
   * Continues paused reply readers, because an op waits for replies. The replies may have arrived already, or the
   * request may be unsent.
   */
  resume(): void {
    if (this.session.outbox.size > 0) this.wake();
    if (!this.#isPaused) return;
    this.#advance();
    if (!this.#isFull) this.#onResume?.();
  }

  /** Resolves once at most `bytes` bytes are unsent, or once no more can be sent before replies are read. */
  async room(bytes: number): Promise<void> {
    const { session } = this;
    this.wake();
    // If the system accepts every write at once, no other work would run, and a refusal would not be seen.
    if (session.outbox.writtenTotal - this.#writtenAtLastTurn > MAX_BURST) {
      this.#writtenAtLastTurn = session.outbox.writtenTotal;
      await eventLoopTurn();
    }
    while (session.outbox.size > bytes && !this.#isFull && session.lost === undefined) {
      await new Promise<void>((resolve) => this.#onProgress.push(resolve));
    }
  }

  /** Whether so many bytes are unclaimed that reading must wait. */
  get #isFull(): boolean {
    return this.#isPaused && this.session.inbox.buffered >= MAX_UNCLAIMED;
  }

  #startReading(): void {
    if (this.#reading) return;
    this.#reading = true;
    this.#read = this.#readAll();
  }

  #keepProcess(): void {
    const needed = !this.session.idle || this.#eventWaiters > 0;
    if (this.#keepsProcess === needed || this.session.lost !== undefined) return;
    this.#keepsProcess = needed;
    this.#transport.keepProcess(needed);
  }

  async #readAll(): Promise<void> {
    const { session } = this;
    try {
      while (session.lost === undefined || this.#readsToEnd) {
        if (this.#isFull) {
          this.#progress();
          await new Promise<void>((resolve) => this.#onResume = resolve);
          this.#onResume = undefined;
          continue;
        }
        const read = this.#transport.read(session.inbox.reserve());
        const count = typeof read === "number" ? read : await read;
        if (session.lost !== undefined) {
          if (count === 0) break;
          // Nobody waits for these bytes.
          continue;
        }
        if (count === 0) throw new ConnectionError("the server closed the connection");
        session.inbox.commit(count);
        this.#advance();
      }
    } catch (error) {
      // Closing ends a read too.
      if (session.lost === undefined) session.lose(connectionError(error));
    }
    this.destroy(session.lost!);
  }

  #advance(): void {
    const { session } = this;
    this.#isPaused = session.advance() === "paused";
    this.#deliver();
    if (session.outbox.size > 0) this.#flush();
    this.#keepProcess();
  }

  #progress(): void {
    const waiting = this.#onProgress;
    if (waiting.length === 0) return;
    this.#onProgress = [];
    for (const resolve of waiting) resolve();
  }

  #deliver(): void {
    if (this.#listener === undefined) return;
    const { session } = this;
    for (let event = session.takeEvent(); event !== undefined; event = session.takeEvent()) this.#listener(event);
  }

  #flush(): void {
    this.#flushScheduled = false;
    if (this.#writing) return;
    const { outbox } = this.session;
    this.session.dropWithdrawn();
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
      this.#progress();
    } catch (error) {
      outbox.sent(0);
      this.#writeFailed(error);
    }
  }

  #written(count: number): void {
    this.#writing = false;
    if (this.session.lost !== undefined) return;
    this.session.outbox.sent(count);
    this.#progress();
    this.#flush();
  }

  /**
   * Closes the connection after a moment: the server may have sent a reason before it closed, which the reader can
   * read until then.
   */
  #writeFailed(error: unknown): void {
    if (this.session.lost !== undefined) return;
    // Prevents further writes.
    this.#writing = true;
    this.#finalReadTimer = setTimeout(() => this.destroy(connectionError(error)), FINAL_READ_TIMEOUT);
  }
}

/** Milliseconds to send Terminate, and to read the server's last message after a write has failed. */
const FINAL_READ_TIMEOUT = 500;
/** From this many bytes on, the outbox is sent at once, and not at the end of the tick. */
const EAGER_FLUSH_SIZE = 0x4000;
/** How many bytes a writer writes before it lets other work run. */
const MAX_BURST = 0x4_0000;
/** How many bytes of unclaimed replies are buffered before reading stops. */
const MAX_UNCLAIMED = 0x10_0000;
