/**
 * Blocking sockets through a worker: it owns the socket, this thread waits.
 *
 * Works wherever a worker may dial, and is the way to TLS. Bytes go through two rings in shared
 * memory; each side rings a bell after it has put in or taken out, and waits for the other's.
 */
import { Worker } from "node:worker_threads";
import type { Endpoint, Ends, SyncTransport, TlsOptions } from "./transport.ts";
import {
  type ControlWords,
  type WorkerCommand,
  type WorkerInput,
  workerMain,
  type WorkerMessage,
  type WorkerState,
} from "./worker_main.ts";

/** Connects within that time. */
export function dialWorker(endpoint: Endpoint, milliseconds: number): SyncTransport {
  const memory = new SharedArrayBuffer(LAYOUT.sent + LAYOUT.ring);
  const input: WorkerInput = {
    memory,
    words: WORDS,
    states: STATES,
    commands: COMMANDS,
    layout: LAYOUT,
    endpoint,
  };
  const source = `(${workerMain})();`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), { workerData: input });
  // An idle connection does not keep the process alive, and this thread hears of nothing by events.
  worker.unref();
  worker.on("error", () => {});
  const transport = new WorkerTransport(memory);
  try {
    transport.awaitOpen(milliseconds);
  } catch (error) {
    transport.close();
    throw error;
  }
  return transport;
}

class WorkerTransport implements SyncTransport {
  readonly canStartTls = true;
  ends: Ends | undefined = undefined;
  readonly #memory: SharedArrayBuffer;
  readonly #control: Int32Array<SharedArrayBuffer>;
  readonly #received: Uint8Array;
  readonly #sent: Uint8Array;
  #closed = false;

  constructor(memory: SharedArrayBuffer) {
    this.#memory = memory;
    this.#control = new Int32Array(memory, 0, CONTROL_WORDS);
    this.#received = new Uint8Array(memory, LAYOUT.received, LAYOUT.ring);
    this.#sent = new Uint8Array(memory, LAYOUT.sent, LAYOUT.ring);
  }

  awaitOpen(milliseconds: number): void {
    this.ends = this.#awaitState(STATES.open, milliseconds).ends;
  }

  read(into: Uint8Array<ArrayBuffer>): number {
    // The state first: what came before the end is then seen before the end.
    const state = Atomics.load(this.#control, WORDS.state);
    const tail = Atomics.load(this.#control, WORDS.receivedTaken);
    const available = this.#available;
    if (available === 0) {
      if (state === STATES.failed) throw this.#failure();
      return state === STATES.ended ? 0 : -1;
    }
    const count = Math.min(available, into.length);
    const at = tail & (LAYOUT.ring - 1);
    const first = Math.min(count, LAYOUT.ring - at);
    into.set(this.#received.subarray(at, at + first));
    into.set(this.#received.subarray(0, count - first), first);
    Atomics.add(this.#control, WORDS.receivedTaken, count);
    if (Atomics.exchange(this.#control, WORDS.wantsRoom, 0) !== 0) this.#ring();
    return count;
  }

  write(bytes: Uint8Array<ArrayBuffer>): number {
    const head = Atomics.load(this.#control, WORDS.sent);
    const count = Math.min(this.#room, bytes.length);
    if (count === 0) return 0;
    const at = head & (LAYOUT.ring - 1);
    const first = Math.min(count, LAYOUT.ring - at);
    this.#sent.set(bytes.subarray(0, first), at);
    this.#sent.set(bytes.subarray(first, count), 0);
    Atomics.add(this.#control, WORDS.sent, count);
    this.#ring();
    return count;
  }

  wait(writable: boolean, milliseconds: number): boolean {
    // The bell first: what happens after the look around rings it again, and then there is no waiting.
    const seen = Atomics.load(this.#control, WORDS.mainBell);
    const state = Atomics.load(this.#control, WORDS.state);
    const ready = this.#available > 0 || state === STATES.ended || state === STATES.failed ||
      (writable && this.#room > 0);
    return ready || Atomics.wait(this.#control, WORDS.mainBell, seen, milliseconds) !== "timed-out";
  }

  startTls(options: TlsOptions, milliseconds: number): void {
    if (this.#available > 0) {
      throw new Error("the server sent unencrypted data behind its answer to the TLS request");
    }
    const text = new TextEncoder().encode(JSON.stringify(options));
    new Uint8Array(this.#memory, LAYOUT.message).set(text);
    Atomics.store(this.#control, WORDS.messageLength, text.length);
    this.#command(COMMANDS.startTls);
    this.#awaitState(STATES.encrypted, milliseconds);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#command(COMMANDS.close);
  }

  /** How many received bytes wait. */
  get #available(): number {
    return (Atomics.load(this.#control, WORDS.received) - Atomics.load(this.#control, WORDS.receivedTaken)) | 0;
  }

  /** How many bytes can be put into the ring to be sent. */
  get #room(): number {
    return LAYOUT.ring - ((Atomics.load(this.#control, WORDS.sent) - Atomics.load(this.#control, WORDS.sentTaken)) | 0);
  }

  #awaitState(wanted: number, milliseconds: number): WorkerMessage {
    const until = performance.now() + milliseconds;
    for (;;) {
      const seen = Atomics.load(this.#control, WORDS.mainBell);
      const state = Atomics.load(this.#control, WORDS.state);
      if (state === wanted) return this.#message();
      if (state === STATES.failed) throw this.#failure();
      if (state === STATES.ended) throw new Error("the server closed the connection");
      const left = until - performance.now();
      if (left <= 0 || Atomics.wait(this.#control, WORDS.mainBell, seen, left) === "timed-out") {
        throw new Error("timed out");
      }
    }
  }

  #failure(): Error {
    const { error, code } = this.#message();
    return Object.assign(new Error(error), { code });
  }

  #message(): WorkerMessage {
    const length = Atomics.load(this.#control, WORDS.messageLength);
    // TextDecoder takes no shared memory.
    return JSON.parse(new TextDecoder().decode(new Uint8Array(this.#memory, LAYOUT.message, length).slice()));
  }

  #command(command: number): void {
    Atomics.store(this.#control, WORDS.command, command);
    this.#ring();
  }

  #ring(): void {
    Atomics.add(this.#control, WORDS.workerBell, 1);
    Atomics.notify(this.#control, WORDS.workerBell);
  }
}

const WORDS: ControlWords = {
  mainBell: 0,
  workerBell: 1,
  received: 2,
  receivedTaken: 3,
  sent: 4,
  sentTaken: 5,
  state: 6,
  command: 7,
  messageLength: 8,
  wantsRoom: 9,
};
const CONTROL_WORDS = 16;
const STATES: WorkerState = { starting: 0, open: 1, encrypted: 2, ended: 3, failed: 4 };
const COMMANDS: WorkerCommand = { none: 0, startTls: 1, close: 2 };
const LAYOUT = { message: 64, received: 0x1000, sent: 0x4_1000, ring: 0x4_0000 };
