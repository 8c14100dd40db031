/**
 * Starts the threads that own sockets, gives them commands, and detects that one has ended.
 *
 * While this thread waits it gets no events, so a worker reports everything in shared memory. A worker
 * that has ended reports nothing, so after a long silence its bell is rung to see whether it reacts.
 */
import type { Worker } from "node:worker_threads";
import { builtin } from "../builtin.ts";
import type { Endpoint, TlsOptions } from "./transport.ts";
import { WORKER_CODE } from "./worker_code.ts";
import {
  COMMANDS,
  CONTROL_WORDS,
  type DialRequest,
  LAYOUT,
  STATES,
  WORDS,
  type WorkerReport,
} from "./worker_memory.ts";

/** Threads whose connection was closed, the last one on top. */
let idleThreads: WorkerThread[] = [];

/** A worker, and the memory that is shared with it. */
export class WorkerThread {
  readonly memory: SharedArrayBuffer = new SharedArrayBuffer(LAYOUT.sent + LAYOUT.ring);
  readonly control: Int32Array<SharedArrayBuffer> = new Int32Array(this.memory, 0, CONTROL_WORDS);
  readonly #worker: Worker;
  /** The worker's bell when it was last rung to see whether the worker is alive. */
  #asked = 0;
  /** The seconds without a reaction since then. */
  #silentSeconds = 0;

  private constructor(main: string) {
    // No environment variables, for which Deno would ask; no arguments, since modules that they load are not meant
    // for this thread.
    const source = `${WORKER_CODE}start(${main});`;
    this.#worker = new builtin.workerThreads.Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
      workerData: this.memory,
      env: {},
      execArgv: [],
    });
    // An idle connection must not keep the process alive, and this thread does not use the worker's events.
    this.#worker.unref();
    this.#worker.on("error", () => {});
  }

  /** Lets an idle thread, or a new one, dial. `main` is the text of a function that a new one runs, if not the usual one. */
  static dialling(
    endpoint: Endpoint,
    milliseconds: number,
    main: string = "",
  ): WorkerThread {
    let thread = idleThreads.pop();
    while (thread !== undefined && !thread.#claim()) thread = idleThreads.pop();
    thread ??= WorkerThread.#start(milliseconds, main);
    for (const word of RESET) Atomics.store(thread.control, word, 0);
    thread.command(COMMANDS.dial, { endpoint, milliseconds: Math.min(milliseconds, LONGEST_TIMER) });
    return thread;
  }

  static #start(milliseconds: number, main: string): WorkerThread {
    const thread = new WorkerThread(main);
    try {
      const started = (): boolean => thread.state !== STATES.starting;
      if (!thread.until(started, Math.min(milliseconds, START_TIMEOUT)) || !thread.#claim()) {
        const { error = "it has not begun" } = thread.report();
        throw new Error(`the worker thread for the socket cannot start: ${error}`);
      }
      return thread;
    } catch (error) {
      thread.#worker.terminate();
      throw error;
    }
  }

  /** The state of the worker: one of `STATES`. */
  get state(): number {
    return Atomics.load(this.control, WORDS.state);
  }

  /** Gives the worker a command and its argument. */
  command(command: number, what?: DialRequest | TlsOptions): void {
    if (what !== undefined) {
      const text = new TextEncoder().encode(JSON.stringify(what));
      if (text.length > LAYOUT.report - LAYOUT.request) {
        throw new Error("the name of the host, or the client's certificate, is too long");
      }
      new Uint8Array(this.memory, LAYOUT.request).set(text);
      Atomics.store(this.control, WORDS.requestLength, text.length);
    }
    Atomics.store(this.control, WORDS.command, command);
    this.ring();
  }

  /** The worker's last report. */
  report(): WorkerReport {
    const length = Atomics.load(this.control, WORDS.reportLength);
    if (length === 0) return {};
    // TextDecoder does not accept shared memory.
    return JSON.parse(new TextDecoder().decode(new Uint8Array(this.memory, LAYOUT.report, length).slice()));
  }

  /** Rings the worker's bell, so that it checks what has changed. */
  ring(): void {
    Atomics.add(this.control, WORDS.workerBell, 1);
    Atomics.notify(this.control, WORDS.workerBell);
  }

  /** Waits until `isSo` returns true; false after `milliseconds`. */
  until(isSo: () => boolean, milliseconds: number): boolean {
    const by = performance.now() + milliseconds;
    for (;;) {
      const seen = this.bell;
      if (isSo()) return true;
      const left = by - performance.now();
      if (left <= 0 || !this.sleep(seen, left)) return false;
    }
  }

  /** The count of this thread's bell. Must be read before checking for changes and calling {@linkcode sleep}. */
  get bell(): number {
    return Atomics.load(this.control, WORDS.mainBell);
  }

  /** Waits until the bell differs from `seen`; false after `milliseconds`. Throws if the worker has ended. */
  sleep(seen: number, milliseconds: number): boolean {
    for (let left = milliseconds; left > 0; left -= SECOND) {
      if (Atomics.wait(this.control, WORDS.mainBell, seen, Math.min(left, SECOND)) !== "timed-out") return true;
      if (left > SECOND) this.#checkAlive();
    }
    return false;
  }

  /** Has the worker close its connection and wait for the next one. */
  release(): void {
    try {
      this.command(COMMANDS.close);
      if (this.until(() => this.state === STATES.idle || this.state === STATES.gone, CLOSE_TIMEOUT)) {
        idleThreads = [...idleThreads, this].filter(({ state }) => state === STATES.idle);
        return;
      }
    } catch {
      // The worker has ended.
    }
    this.#worker.terminate();
  }

  /** Claims the worker; false if it was not idle. */
  #claim(): boolean {
    return Atomics.compareExchange(this.control, WORDS.state, STATES.idle, STATES.dialling) === STATES.idle;
  }

  /**
   * Called every second without an event. Seconds are counted, not measured, since the process may have
   * been stopped.
   */
  #checkAlive(): void {
    if (this.state === STATES.starting) return;
    const hasHeard = ((Atomics.load(this.control, WORDS.heard) - this.#asked) | 0) >= 0;
    this.#silentSeconds = hasHeard ? 0 : this.#silentSeconds + 1;
    if (this.#silentSeconds > MAX_SILENT_SECONDS) throw new Error("the worker thread that owns the socket is gone");
    if (!hasHeard) return;
    this.ring();
    this.#asked = Atomics.load(this.control, WORDS.workerBell);
  }
}

/** The control words that are reset for each connection. */
const RESET: readonly number[] = [
  WORDS.received,
  WORDS.receivedTaken,
  WORDS.sent,
  WORDS.sentTaken,
  WORDS.reportLength,
  WORDS.wantsRoom,
  WORDS.readsOn,
];

const SECOND = 1000;
/** The longest timeout of a timer, in milliseconds. */
const LONGEST_TIMER = 0x7fff_ffff;
/** Milliseconds that a thread may take to start. */
const START_TIMEOUT = 15_000;
/** Milliseconds that a thread may take to close a connection: longer than it waits for unsent bytes. */
const CLOSE_TIMEOUT = 1000;
/** Seconds without a reaction after which a thread is presumed to have ended. */
const MAX_SILENT_SECONDS = 4;
