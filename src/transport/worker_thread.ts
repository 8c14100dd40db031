/**
 * Threads that own sockets for this one, which waits: starting them, giving them work, and finding out
 * that they are gone.
 *
 * While this thread waits it hears of no event, so everything that a worker has to say is in shared
 * memory. A worker that is gone says nothing: so it is rung up when it has been silent for long.
 */
import { Worker } from "node:worker_threads";
import type { Endpoint, TlsOptions } from "./transport.ts";
import {
  type ControlWords,
  type WorkerCommand,
  type WorkerContext,
  type WorkerInput,
  workerMain,
  type WorkerReport,
  workerStart,
  type WorkerState,
} from "./worker_main.ts";

/** Threads whose connection was closed, the one that was last on top. */
let idleThreads: WorkerThread[] = [];

/** A worker, and the memory that is shared with it. */
export class WorkerThread {
  readonly memory: SharedArrayBuffer = new SharedArrayBuffer(LAYOUT.sent + LAYOUT.ring);
  readonly control: Int32Array<SharedArrayBuffer> = new Int32Array(this.memory, 0, CONTROL_WORDS);
  readonly #worker: Worker;
  /** What the worker's bell had counted when it was last rung to see whether it is there. */
  #asked = 0;
  /** How many seconds it has been silent since. */
  #silentSeconds = 0;

  private constructor(main: (context: WorkerContext) => void) {
    const input: WorkerInput = {
      memory: this.memory,
      words: WORDS,
      states: STATES,
      commands: COMMANDS,
      layout: LAYOUT,
      idleTimeout: IDLE_TIMEOUT,
    };
    // No variables: Deno would ask for all of them. No arguments: what they load is not meant for this thread.
    this.#worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(`(${workerStart})(${main});`)}`), {
      workerData: input,
      env: {},
      execArgv: [],
    });
    // An idle connection does not keep the process alive, and this thread hears of nothing by events.
    this.#worker.unref();
    this.#worker.on("error", () => {});
  }

  /** One that has nothing to do, and is told to dial. `main` is what a new one runs. */
  static dialling(
    endpoint: Endpoint,
    milliseconds: number,
    main: (context: WorkerContext) => void = workerMain,
  ): WorkerThread {
    let thread = idleThreads.pop();
    while (thread !== undefined && !thread.#claim()) thread = idleThreads.pop();
    thread ??= WorkerThread.#start(milliseconds, main);
    for (const word of RESET) Atomics.store(thread.control, word, 0);
    thread.command(COMMANDS.dial, endpoint);
    return thread;
  }

  static #start(milliseconds: number, main: (context: WorkerContext) => void): WorkerThread {
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

  /** Where it is: one of `STATES`. */
  get state(): number {
    return Atomics.load(this.control, WORDS.state);
  }

  /** Tells it to do something, with what it needs for that. */
  command(command: number, what?: Endpoint | TlsOptions): void {
    if (what !== undefined) {
      const text = new TextEncoder().encode(JSON.stringify(what));
      if (text.length > LAYOUT.report - LAYOUT.request) throw new Error("the name of the host is too long");
      new Uint8Array(this.memory, LAYOUT.request).set(text);
      Atomics.store(this.control, WORDS.requestLength, text.length);
    }
    Atomics.store(this.control, WORDS.command, command);
    this.ring();
  }

  /** What it has reported last. */
  report(): WorkerReport {
    const length = Atomics.load(this.control, WORDS.reportLength);
    if (length === 0) return {};
    // TextDecoder takes no shared memory.
    return JSON.parse(new TextDecoder().decode(new Uint8Array(this.memory, LAYOUT.report, length).slice()));
  }

  /** Lets it look at what has changed. */
  ring(): void {
    Atomics.add(this.control, WORDS.workerBell, 1);
    Atomics.notify(this.control, WORDS.workerBell);
  }

  /** Waits until it is so; false if time is over first. */
  until(isSo: () => boolean, milliseconds: number): boolean {
    const by = performance.now() + milliseconds;
    for (;;) {
      const seen = this.bell;
      if (isSo()) return true;
      const left = by - performance.now();
      if (left <= 0 || !this.sleep(seen, left)) return false;
    }
  }

  /** How often it has rung: to be asked before looking around and going to {@linkcode sleep}. */
  get bell(): number {
    return Atomics.load(this.control, WORDS.mainBell);
  }

  /** Waits until it rings, unless it has done so since; false when that time has passed first. Throws if it is gone. */
  sleep(seen: number, milliseconds: number): boolean {
    for (let left = milliseconds; left > 0; left -= SECOND) {
      if (Atomics.wait(this.control, WORDS.mainBell, seen, Math.min(left, SECOND)) !== "timed-out") return true;
      if (left > SECOND) this.#checkAlive();
    }
    return false;
  }

  /** Takes its connection from it, and has it wait for another one. */
  release(): void {
    try {
      this.command(COMMANDS.close);
      if (this.until(() => this.state === STATES.idle || this.state === STATES.gone, CLOSE_TIMEOUT)) {
        idleThreads = [...idleThreads, this].filter(({ state }) => state === STATES.idle);
        return;
      }
    } catch {
      // It is gone.
    }
    this.#worker.terminate();
  }

  /** Whether it was idle, and no longer is. */
  #claim(): boolean {
    return Atomics.compareExchange(this.control, WORDS.state, STATES.idle, STATES.dialling) === STATES.idle;
  }

  /** Called every second while nothing happens. Seconds are counted, not measured: the process may have been stopped. */
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

/** Indexes of the control words. */
export const WORDS: ControlWords = {
  mainBell: 0,
  workerBell: 1,
  heard: 2,
  received: 3,
  receivedTaken: 4,
  sent: 5,
  sentTaken: 6,
  state: 7,
  command: 8,
  requestLength: 9,
  reportLength: 10,
  wantsRoom: 11,
  readsOn: 12,
};
/** What is new for each connection. */
const RESET: readonly number[] = [
  WORDS.received,
  WORDS.receivedTaken,
  WORDS.sent,
  WORDS.sentTaken,
  WORDS.reportLength,
  WORDS.wantsRoom,
  WORDS.readsOn,
];
const CONTROL_WORDS = 16;
/** What a worker does. */
export const STATES: WorkerState = {
  starting: 0,
  idle: 1,
  dialling: 2,
  open: 3,
  encrypted: 4,
  ended: 5,
  failed: 6,
  gone: 7,
};
/** The commands for a worker. */
export const COMMANDS: WorkerCommand = { none: 0, dial: 1, startTls: 2, close: 3 };
/** What is where in the memory. */
export const LAYOUT = { request: 0x40, report: 0x1000, received: 0x2000, sent: 0x4_2000, ring: 0x4_0000 } as const;

const SECOND = 1000;
/** Milliseconds that a thread may take to start. */
const START_TIMEOUT = 15_000;
/** Milliseconds that a thread may take to close a connection: longer than what is still to be sent has. */
const CLOSE_TIMEOUT = 1000;
/** Milliseconds that a thread waits for its next connection. */
const IDLE_TIMEOUT = 10_000;
/** Seconds after which a thread that does not answer is gone. */
const MAX_SILENT_SECONDS = 4;
