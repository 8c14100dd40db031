/**
 * Starts the worker that owns sockets, gives it commands, and detects that it has ended.
 *
 * One worker serves all blocking connections of a thread, since starting one takes longer than all the rest of
 * connecting. Each connection has a channel to it. While this thread waits it gets no events, so the worker reports
 * everything in shared memory. A worker that has ended reports nothing, so after a long silence its bell is rung to see
 * whether it reacts.
 */
import type { Worker } from "node:worker_threads";
import { builtin } from "../builtin.ts";
import { now } from "../runtime/clock.ts";
import type { Endpoint, TlsOptions } from "./transport.ts";
import { WORKER_CODE } from "./worker_code.ts";
import {
  COMMANDS,
  CONTROL_WORDS,
  type DialRequest,
  GONE,
  LAYOUT,
  STATES,
  WORDS,
  type WorkerData,
  type WorkerReport,
} from "./worker_memory.ts";

/** A worker that owns the sockets of all connections, and the number of its channels. */
interface SocketWorker {
  readonly worker: Worker;
  readonly count: Int32Array<SharedArrayBuffer>;
}

/** The worker of this thread, once there was a connection. */
let current: SocketWorker | undefined;

/** Channels whose connection was closed, the last one on top. */
let idleChannels: WorkerChannel[] = [];

/** The memory that is shared with the worker for a connection. */
export class WorkerChannel {
  readonly memory: SharedArrayBuffer = new SharedArrayBuffer(LAYOUT.sent + LAYOUT.ring);
  readonly control: Int32Array<SharedArrayBuffer> = new Int32Array(this.memory, 0, CONTROL_WORDS);
  /** The worker's bell when it was last rung to see whether the worker is alive. */
  #asked = 0;
  /** The seconds without a reaction since then. */
  #silentSeconds = 0;

  /**
   * Lets the worker dial, in a channel that is idle or new. `main` is the text of a function that a worker of its own
   * runs, if not the usual one.
   */
  static dialling(endpoint: Endpoint, milliseconds: number, main?: string): WorkerChannel {
    let channel = idleChannels.pop();
    while (channel !== undefined && !channel.#claim()) channel = idleChannels.pop();
    channel ??= WorkerChannel.#open(milliseconds, main);
    for (const word of RESET) Atomics.store(channel.control, word, 0);
    try {
      channel.command(COMMANDS.dial, { endpoint, milliseconds: Math.min(milliseconds, LONGEST_TIMER) });
    } catch (error) {
      channel.release();
      throw error;
    }
    return channel;
  }

  static #open(milliseconds: number, main: string | undefined): WorkerChannel {
    const channel = new WorkerChannel();
    const { memory } = channel;
    let started: SocketWorker | undefined;
    if (main === undefined && current !== undefined && mayAdd(current)) current.worker.postMessage(memory);
    else started = startWorker(memory, main ?? "");
    if (main === undefined && started !== undefined) current = started;
    const isOpen = (): boolean => channel.state !== STATES.starting;
    if (channel.until(isOpen, Math.min(milliseconds, START_TIMEOUT)) && channel.#claim()) return channel;
    // Other connections may use the worker; new ones get another.
    if (main === undefined) current = undefined;
    started?.worker.terminate();
    const { error = "it has not begun" } = channel.report();
    throw new Error(`the worker thread for the socket cannot start: ${error}`);
  }

  /** The state of the channel: one of `STATES`. */
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

  /** The worker's last report; empty while the worker writes another one. */
  report(): WorkerReport {
    const length = Atomics.load(this.control, WORDS.reportLength);
    // TextDecoder does not accept shared memory.
    const text = new TextDecoder().decode(new Uint8Array(this.memory, LAYOUT.report, length).slice());
    try {
      return JSON.parse(text);
    } catch {
      return {};
    }
  }

  /** Rings the worker's bell, so that it checks what has changed. */
  ring(): void {
    Atomics.add(this.control, WORDS.workerBell, 1);
    Atomics.notify(this.control, WORDS.workerBell);
  }

  /** Waits until `isSo` returns true; false after `milliseconds`. */
  until(isSo: () => boolean, milliseconds: number): boolean {
    const by = now() + milliseconds;
    for (;;) {
      const seen = this.bell;
      if (isSo()) return true;
      const left = by - now();
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
        idleChannels = [...idleChannels, this].filter(({ state }) => state === STATES.idle);
        return;
      }
    } catch {
      // The worker has ended.
    }
    // It does not react. Its other connections learn that when they wait for it; new ones get another worker.
    current = undefined;
  }

  /** Claims the channel; false if it was not idle. */
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

/** Starts a worker, whose first channel is this. */
function startWorker(memory: SharedArrayBuffer, main: string): SocketWorker {
  const count = new Int32Array(new SharedArrayBuffer(4)).fill(1);
  // No environment variables, for which Deno would ask; no arguments, since modules that they load are not meant
  // for this thread.
  const source = `${WORKER_CODE}start(${main});`;
  const worker = new builtin.workerThreads.Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
    workerData: { count: count.buffer, memory } satisfies WorkerData,
    env: {},
    execArgv: [],
  });
  // An idle connection must not keep the process alive, and this thread does not use the worker's events.
  worker.unref();
  worker.on("error", () => {});
  return { worker, count };
}

/** Counts another channel of a worker; false if it takes no more. */
function mayAdd({ count }: SocketWorker): boolean {
  for (;;) {
    const now = Atomics.load(count, 0);
    if (now === GONE) return false;
    if (Atomics.compareExchange(count, 0, now, now + 1) === now) return true;
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
  WORDS.wantsToSend,
];

const SECOND = 1000;
/** The longest timeout of a timer, in milliseconds. */
const LONGEST_TIMER = 0x7fff_ffff;
/** Milliseconds that the worker may take to start, or to open a channel. */
const START_TIMEOUT = 15_000;
/** Milliseconds that the worker may take to close a connection: longer than it waits for unsent bytes. */
const CLOSE_TIMEOUT = 1000;
/** Seconds without a reaction after which the worker is presumed to have ended. */
const MAX_SILENT_SECONDS = 4;
