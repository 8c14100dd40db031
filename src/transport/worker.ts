/**
 * Blocking sockets through a worker, which owns the socket while this thread waits.
 *
 * It works wherever a worker may dial, and supports TLS. Bytes pass through two ring buffers in shared
 * memory. After each side has put bytes in or taken bytes out, it increments a counter (its bell), for
 * whose change the other side waits.
 */
import { Buffer } from "node:buffer";
import { runtime } from "../runtime/runtime.ts";
import { now } from "../runtime/clock.ts";
import { setByDescriptor, tcpOptionsOf } from "./tcp_options.ts";
import {
  type Addresses,
  type Endpoint,
  type SyncTransport,
  timedOut,
  type TlsOptions,
  type TlsSession,
} from "./transport.ts";
import { COMMANDS, LAYOUT, STATES, WORDS, type WorkerReport } from "./worker_memory.ts";
import { WorkerChannel } from "./worker_channel.ts";

/** Connects within `milliseconds`. `main` is the text of a function that the worker runs, if not the usual one. */
export function dialWorker(
  endpoint: Endpoint,
  milliseconds: number,
  main?: string,
): SyncTransport {
  const by = now() + milliseconds;
  const transport = new WorkerTransport(WorkerChannel.dialling(endpoint, milliseconds, main));
  try {
    transport.awaitOpen(by - now(), endpoint);
  } catch (error) {
    transport.close();
    throw error;
  }
  return transport;
}

class WorkerTransport implements SyncTransport {
  readonly canStartTls = true;
  addresses: Addresses | undefined = undefined;
  readonly #channel: WorkerChannel;
  readonly #control: Int32Array<SharedArrayBuffer>;
  readonly #received: Uint8Array;
  readonly #sent: Uint8Array;
  #hasRead = false;
  /** Whether the worker reads without a command. */
  #readsOn = false;
  #closed = false;

  constructor(channel: WorkerChannel) {
    this.#channel = channel;
    this.#control = channel.control;
    this.#received = new Uint8Array(channel.memory, LAYOUT.received, LAYOUT.ring);
    this.#sent = new Uint8Array(channel.memory, LAYOUT.sent, LAYOUT.ring);
  }

  awaitOpen(milliseconds: number, endpoint: Endpoint): void {
    const { addresses, fd = -1 } = this.#awaitReport(
      STATES.open,
      (_report): _report is WorkerReport => true,
      milliseconds,
    );
    this.addresses = addresses;
    // Bun's sockets have options only by their descriptor, and the worker does not load the library.
    const options = tcpOptionsOf(endpoint);
    if (options !== undefined && runtime === "bun") setByDescriptor(fd, options);
  }

  read(into: Uint8Array<ArrayBuffer>): number {
    if (this.#closed) throw closed();
    // The state is read first, so that bytes received before the end are seen before the end.
    const { state } = this.#channel;
    const tail = Atomics.load(this.#control, WORDS.receivedTaken);
    const available = this.#available;
    if (available === 0) {
      this.#readOn();
      if (state === STATES.failed || state === STATES.gone) throw this.#failure();
      return state === STATES.ended ? 0 : -1;
    }
    this.#hasRead = true;
    const count = Math.min(available, into.length);
    const at = tail & (LAYOUT.ring - 1);
    const first = Math.min(count, LAYOUT.ring - at);
    into.set(this.#received.subarray(at, at + first));
    into.set(this.#received.subarray(0, count - first), first);
    Atomics.add(this.#control, WORDS.receivedTaken, count);
    if (Atomics.exchange(this.#control, WORDS.wantsRoom, 0) !== 0) this.#channel.ring();
    return count;
  }

  write(bytes: Uint8Array<ArrayBuffer>): number {
    if (this.#closed) throw closed();
    const head = Atomics.load(this.#control, WORDS.sent);
    const count = Math.min(this.#room, bytes.length);
    if (count === 0) return 0;
    const at = head & (LAYOUT.ring - 1);
    const first = Math.min(count, LAYOUT.ring - at);
    this.#sent.set(bytes.subarray(0, first), at);
    this.#sent.set(bytes.subarray(first, count), 0);
    Atomics.add(this.#control, WORDS.sent, count);
    this.#channel.ring();
    return count;
  }

  wait(writable: boolean, milliseconds: number): boolean {
    if (this.#closed) throw closed();
    // The bell is read first: if anything happens after the checks, the bell changes, and `sleep` does not wait.
    const seen = this.#channel.bell;
    // Set before checking for room, so that room made after the check rings the bell.
    if (writable) Atomics.store(this.#control, WORDS.wantsToSend, 1);
    const { state } = this.#channel;
    const ready = this.#available > 0 || state === STATES.ended || state === STATES.failed || state === STATES.gone ||
      (writable && this.#room > 0);
    if (ready) return true;
    this.#readOn();
    return this.#channel.sleep(seen, milliseconds);
  }

  startTls(options: TlsOptions, milliseconds: number): TlsSession {
    // The worker then reads without a command.
    this.#readsOn = true;
    this.#channel.command(COMMANDS.startTls, options);
    const { session, chain } = this.#awaitReport(STATES.encrypted, isEncryption, milliseconds);
    return { ...session, chain: chain.map((base64) => new Uint8Array(Buffer.from(base64, "base64"))) };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#channel.release();
  }

  /** The number of received bytes in the ring. */
  get #available(): number {
    return (Atomics.load(this.#control, WORDS.received) - Atomics.load(this.#control, WORDS.receivedTaken)) | 0;
  }

  /** The number of bytes that can be put into the ring to be sent. */
  get #room(): number {
    return LAYOUT.ring - ((Atomics.load(this.#control, WORDS.sent) - Atomics.load(this.#control, WORDS.sentTaken)) | 0);
  }

  /** Lets the worker read on: a second read shows that encryption does not start now. */
  #readOn(): void {
    if (this.#readsOn || !this.#hasRead) return;
    this.#readsOn = true;
    Atomics.store(this.#control, WORDS.readsOn, 1);
    this.#channel.ring();
  }

  /**
   * Waits for a state, and returns the report that came with it, which `isIt` recognizes: the report of the connection's
   * end may take its place before this thread reads it, and before the state changes.
   */
  #awaitReport<T extends WorkerReport>(
    wanted: number,
    isIt: (report: WorkerReport) => report is T,
    milliseconds: number,
  ): T {
    let found: T | undefined;
    const isOver = (): boolean => {
      const { state } = this.#channel;
      if (state !== wanted) return state === STATES.ended || state === STATES.failed || state === STATES.gone;
      const report = this.#channel.report();
      if (isIt(report)) found = report;
      return found !== undefined;
    };
    if (!this.#channel.until(isOver, milliseconds)) throw timedOut();
    if (found !== undefined) return found;
    throw this.#channel.state === STATES.ended ? new Error("the server closed the connection") : this.#failure();
  }

  #failure(): Error {
    const { error = "the worker thread that owns the socket has ended", code } = this.#channel.report();
    return Object.assign(new Error(error), { code });
  }
}

/** Whether a report is that of encryption. */
function isEncryption(report: WorkerReport): report is Required<Pick<WorkerReport, "session" | "chain">> {
  return report.session !== undefined && report.chain !== undefined;
}

/** The error after closing: the channel may be that of another connection by then. */
function closed(): Error {
  return new Error("the connection is closed");
}
