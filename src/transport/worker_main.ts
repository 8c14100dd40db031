/**
 * The worker that owns the socket of a blocking connection.
 *
 * {@linkcode workerStart}, {@linkcode workerMain} and `WorkerConnection` are sent to the worker as text, in
 * a `data:` URL, so the worker needs no file, and on Deno no permission beyond net. Therefore they must not
 * refer to anything outside of themselves; `workerData` contains what both sides share.
 *
 * When a connection is closed, the worker waits for the next one: starting a thread takes longer than
 * all the rest of connecting, and a runtime frees the memory of an ended thread only in its event loop,
 * which does not run while a script blocks.
 */
import type { tlsConnectionOptions, tlsSessionOf } from "./tls_socket.ts";
import type { Addresses, Endpoint, TlsSession } from "./transport.ts";
import type { WorkerConnection } from "./worker_connection.ts";

/** Indexes into the control words, which both sides share. */
export interface ControlWords {
  /** Counts the worker's actions; the main thread waits for it to change. */
  readonly mainBell: number;
  /** Counts the main thread's actions; the worker waits for it to change. */
  readonly workerBell: number;
  /** The count in `workerBell` that the worker has seen last. */
  readonly heard: number;
  /** Bytes ever put into and taken from each ring, modulo 2^32. */
  readonly received: number;
  readonly receivedTaken: number;
  readonly sent: number;
  readonly sentTaken: number;
  /** The state of the worker: one of {@linkcode WorkerState}. */
  readonly state: number;
  /** The command of the main thread: one of {@linkcode WorkerCommand}. */
  readonly command: number;
  /** Lengths of the texts in the two message areas. */
  readonly requestLength: number;
  readonly reportLength: number;
  /**
   * Set by the worker while it has bytes for which the ring has no room; the main thread rings the bell
   * when it has made room.
   */
  readonly wantsRoom: number;
  /**
   * Whether the worker continues to read after its first read. False until it is decided whether to
   * encrypt, since the following bytes may be encrypted.
   */
  readonly readsOn: number;
}

/** The states of the worker. The thread that changes `idle` to `dialling` owns the worker. */
export type WorkerState = {
  readonly [Name in "starting" | "idle" | "dialling" | "open" | "encrypted" | "ended" | "failed" | "gone"]: number;
};

/** The commands for the worker. */
export type WorkerCommand = { readonly [Name in "none" | "dial" | "startTls" | "close"]: number };

/** The input of the worker. */
export interface WorkerInput {
  readonly memory: SharedArrayBuffer;
  readonly words: ControlWords;
  readonly states: WorkerState;
  readonly commands: WorkerCommand;
  /** The offsets of the message areas and of the two rings, and the size of a ring (a power of two). */
  readonly layout: {
    readonly request: number;
    readonly report: number;
    readonly received: number;
    readonly sent: number;
    readonly ring: number;
  };
  /** Milliseconds that the worker waits for its next connection. */
  readonly idleTimeout: number;
}

/** A report of the worker: the ends of the connection, what encryption has agreed on, or an error. */
export interface WorkerReport {
  readonly addresses?: Addresses;
  readonly session?: Omit<TlsSession, "chain">;
  /** The peer's certificates, in base64. */
  readonly chain?: readonly string[];
  /** The socket's descriptor, on Bun. */
  readonly fd?: number | undefined;
  readonly error?: string;
  readonly code?: string | undefined;
}

/** The argument of the command to dial. */
export interface DialRequest {
  readonly endpoint: Endpoint;
  /** How long it may take. A name's addresses share the time. */
  readonly milliseconds: number;
}

/** What the code of the worker uses. */
export interface WorkerContext {
  readonly input: WorkerInput;
  readonly control: Int32Array<ArrayBufferLike>;
  /** Rings the bell of the main thread, so that it checks what has changed. */
  ring(): void;
  /** Rings the worker's own bell. */
  wakeUp(): void;
  /** The argument of the last command. */
  requested(): unknown;
  /** Sets the state, unless the connection has ended already. */
  report(state: number, what: WorkerReport): void;
  /** Reports an error. */
  fail(error: unknown): void;
  readonly tls: WorkerTls;
}

/** The functions for TLS. */
export interface WorkerTls {
  readonly optionsOf: typeof tlsConnectionOptions;
  readonly sessionOf: typeof tlsSessionOf;
}

/**
 * Runs the body of the worker. Every failure is reported in shared memory, since the main thread gets
 * no events while it waits.
 */
export function workerStart(main: WorkerBody, Connection: typeof WorkerConnection, tls: WorkerTls): void {
  const input = process.getBuiltinModule("node:worker_threads").workerData as WorkerInput;
  const { memory, words, states, layout } = input;
  const control = new Int32Array(memory, 0, 16);
  const ring = (): void => {
    Atomics.add(control, words.mainBell, 1);
    Atomics.notify(control, words.mainBell);
  };
  const wakeUp = (): void => {
    Atomics.add(control, words.workerBell, 1);
    Atomics.notify(control, words.workerBell);
  };
  const requested = (): unknown => {
    const length = Atomics.load(control, words.requestLength);
    return JSON.parse(new TextDecoder().decode(new Uint8Array(memory, layout.request, length).slice()));
  };
  const report = (state: number, what: WorkerReport): void => {
    const now = Atomics.load(control, words.state);
    if (now === states.failed || now === states.ended || now === states.gone) return;
    const text = new TextEncoder().encode(JSON.stringify(what));
    if (text.length > layout.received - layout.report) {
      return report(states.failed, { error: "the server's certificates are too long" });
    }
    new Uint8Array(memory, layout.report).set(text);
    Atomics.store(control, words.reportLength, text.length);
    Atomics.store(control, words.state, state);
    ring();
  };
  const fail = (error: unknown): void => {
    // Deno tries several addresses of a name, and reports their errors in one without a message.
    const first: unknown = error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;
    if (!(first instanceof Error)) return report(states.failed, { error: String(first) });
    report(states.failed, { error: first.message || first.name, code: (first as { code?: string }).code });
  };
  process.on("exit", () => {
    Atomics.store(control, words.state, states.gone);
    ring();
  });
  try {
    main({ input, control, ring, wakeUp, requested, report, fail, tls }, Connection);
  } catch (error) {
    fail(error);
  }
}

/** The body of a worker. */
export type WorkerBody = (context: WorkerContext, Connection: typeof WorkerConnection) => void;

/** The body of the worker: serves one connection after the other. */
export function workerMain(context: WorkerContext, Connection: typeof WorkerConnection): void {
  const { input: { words, states, commands, idleTimeout }, control, ring, wakeUp, fail } = context;
  let connection: WorkerConnection | undefined;
  // A paused socket and a pending wait do not keep a worker alive; a timer does.
  let lifeline: ReturnType<typeof setInterval>;
  /** Waits for the next connection, for a while. */
  const rest = (): void => {
    clearInterval(lifeline);
    lifeline = setInterval(() => {
      if (Atomics.compareExchange(control, words.state, states.idle, states.gone) === states.idle) wakeUp();
    }, idleTimeout);
    Atomics.store(control, words.state, states.idle);
    ring();
  };
  /** Handles an error outside of any operation. */
  const breakDown = (error: unknown): void => {
    if (connection !== undefined) return fail(error);
    if (Atomics.compareExchange(control, words.state, states.idle, states.gone) === states.idle) wakeUp();
  };
  process.on("uncaughtException", breakDown);
  process.on("unhandledRejection", breakDown);

  const attend = (): void => {
    const command = Atomics.exchange(control, words.command, commands.none);
    if (command === commands.dial) {
      clearInterval(lifeline);
      lifeline = setInterval(() => {}, 0x7fff_ffff);
      connection = new Connection(context, context.requested() as DialRequest, () => {
        connection = undefined;
        rest();
      });
    }
    if (command === commands.startTls) connection?.startTls();
    if (command === commands.close) connection?.close();
    connection?.attend();
  };
  const loop = async (): Promise<void> => {
    while (Atomics.load(control, words.state) !== states.gone) {
      const seen = Atomics.load(control, words.workerBell);
      Atomics.store(control, words.heard, seen);
      try {
        attend();
      } catch (error) {
        fail(error);
      }
      const wait = Atomics.waitAsync(control, words.workerBell, seen);
      if (wait.async) await wait.value;
    }
    clearInterval(lifeline);
  };
  rest();
  loop();
}
