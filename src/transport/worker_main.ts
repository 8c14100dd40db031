/**
 * The worker that owns the socket of a blocking connection.
 *
 * {@linkcode workerStart} and {@linkcode workerMain} are sent to the worker as text, in a `data:` URL,
 * so the worker needs no file, and on Deno no permission beyond net. Therefore they must not refer to
 * anything outside of themselves; `workerData` contains what both sides share.
 *
 * When a connection is closed, the worker waits for the next one: starting a thread takes longer than
 * all the rest of connecting, and a runtime frees the memory of an ended thread only in its event loop,
 * which does not run while a script blocks.
 */
import type { Socket } from "node:net";
import type { Addresses, Endpoint, TlsOptions } from "./transport.ts";

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

/** A report of the worker: the ends of the connection, or an error. */
export interface WorkerReport {
  readonly addresses?: Addresses;
  readonly error?: string;
  readonly code?: string | undefined;
}

/** The globals that the body of the worker uses. */
export interface WorkerContext {
  readonly input: WorkerInput;
  readonly control: Int32Array<ArrayBufferLike>;
  /** Rings the bell of the main thread, so that it checks what has changed. */
  ring(): void;
  /** Sets the state, unless the connection has ended already. */
  report(state: number, what: WorkerReport): void;
  /** Reports an error. */
  fail(error: unknown): void;
}

/**
 * Runs the body of the worker. Every failure is reported in shared memory, since the main thread gets
 * no events while it waits.
 */
export function workerStart(main: (context: WorkerContext) => void): void {
  const input = process.getBuiltinModule("node:worker_threads").workerData as WorkerInput;
  const { memory, words, states, layout } = input;
  const control = new Int32Array(memory, 0, 16);
  const ring = (): void => {
    Atomics.add(control, words.mainBell, 1);
    Atomics.notify(control, words.mainBell);
  };
  const report = (state: number, what: WorkerReport): void => {
    const now = Atomics.load(control, words.state);
    if (now === states.failed || now === states.ended || now === states.gone) return;
    const text = new TextEncoder().encode(JSON.stringify(what)).subarray(0, layout.received - layout.report);
    new Uint8Array(memory, layout.report).set(text);
    Atomics.store(control, words.reportLength, text.length);
    Atomics.store(control, words.state, state);
    ring();
  };
  const fail = (error: unknown): void => {
    // Node tries several addresses of a name, and reports their errors in one without a message.
    const first: unknown = error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;
    if (!(first instanceof Error)) return report(states.failed, { error: String(first) });
    report(states.failed, { error: first.message || first.name, code: (first as { code?: string }).code });
  };
  process.on("exit", () => {
    Atomics.store(control, words.state, states.gone);
    ring();
  });
  try {
    main({ input, control, ring, report, fail });
  } catch (error) {
    fail(error);
  }
}

/** The body of the worker. */
export function workerMain({ input, control, ring, report, fail }: WorkerContext): void {
  const { memory, words, states, commands, layout, idleTimeout: patience } = input;
  const receivedRing = new Uint8Array(memory, layout.received, layout.ring);
  const sentRing = new Uint8Array(memory, layout.sent, layout.ring);
  let connection: Connection | undefined;
  const wakeUp = (): void => {
    Atomics.add(control, words.workerBell, 1);
    Atomics.notify(control, words.workerBell);
  };
  const requested = (): unknown => {
    const length = Atomics.load(control, words.requestLength);
    return JSON.parse(new TextDecoder().decode(new Uint8Array(memory, layout.request, length).slice()));
  };

  /** One connection, from dialling on. */
  class Connection {
    /** Received bytes for which the ring had no room. */
    readonly #backlog: Uint8Array[] = [];
    #stream: Socket;
    #isPaused = false;
    #isWriting = false;
    #isClosing = false;
    #isClosed = false;

    constructor(endpoint: Endpoint) {
      const { connect } = process.getBuiltinModule("node:net");
      const stream = connect(
        endpoint.kind === "unix"
          ? { path: endpoint.path }
          : { host: endpoint.host, port: endpoint.port, noDelay: true, keepAlive: endpoint.keepAlive },
      );
      this.#stream = stream;
      stream.once("connect", () => {
        const { localAddress, localPort, remoteAddress, remotePort } = stream;
        const isKnown = localAddress && localPort && remoteAddress && remotePort;
        report(
          states.open,
          endpoint.kind === "unix" || !isKnown ? {} : {
            addresses: {
              local: { host: localAddress, port: localPort },
              remote: { host: remoteAddress, port: remotePort },
            },
          },
        );
      });
      this.#listen();
    }

    /** Continues reading and writing as far as possible. */
    attend(): void {
      if (this.#backlog.length > 0) this.#unload();
      if (this.#backlog.length === 0) {
        if (this.#isPaused && Atomics.load(control, words.readsOn) !== 0) {
          this.#isPaused = false;
          this.#stream.resume();
        }
        if (this.#isClosed) report(states.ended, {});
      }
      this.#write();
    }

    /** Starts encryption. All bytes received from now on are given to TLS. */
    startTls(): void {
      const plain = this.#stream;
      plain.pause();
      plain.off("data", this.#take).off("close", this.#end);
      // Unencrypted bytes received before are in one of these places.
      const isClear = this.#backlog.length > 0 || plain.readableLength > 0 ||
        Atomics.load(control, words.received) !== Atomics.load(control, words.receivedTaken);
      if (isClear) {
        fail(new Error("the server sent unencrypted data behind its answer to the request for TLS"));
        plain.once("close", this.#end).destroy();
        return;
      }
      const { serverName } = requested() as TlsOptions;
      const secure = process.getBuiltinModule("node:tls").connect({
        socket: plain,
        rejectUnauthorized: false,
        ...(serverName === undefined ? {} : { servername: serverName }),
      });
      secure.once("secureConnect", () => report(states.encrypted, {}));
      Atomics.store(control, words.readsOn, 1);
      this.#stream = secure;
      this.#isPaused = false;
      this.#listen();
    }

    /** Sends the bytes that can still be sent, and closes. */
    close(): void {
      if (this.#isClosing) return;
      this.#isClosing = true;
      const stream = this.#stream;
      // A write that the peer does not accept is dropped.
      if (stream.connecting || this.#isWriting) stream.destroy();
      if (this.#isClosed) return this.#retire();
      const timer = setTimeout(() => stream.destroy(), 500);
      stream.once("close", () => {
        clearTimeout(timer);
        this.#retire();
      });
    }

    #retire(): void {
      connection = undefined;
      rest();
    }

    #listen(): void {
      this.#stream.on("data", this.#take).on("error", fail).once("close", this.#end);
    }

    readonly #take = (chunk: Uint8Array): void => {
      if (this.#isClosing) return;
      this.#backlog.push(chunk);
      this.#unload();
      if (this.#backlog.length === 0 && Atomics.load(control, words.readsOn) !== 0) return;
      this.#isPaused = true;
      this.#stream.pause();
    };

    readonly #end = (): void => {
      this.#isClosed = true;
      // Bytes in the backlog are delivered before the end.
      if (this.#backlog.length === 0) report(states.ended, {});
      wakeUp();
    };

    /** Writes the bytes in the ring, one piece at a time. */
    #write(): void {
      if (this.#isWriting) return;
      const tail = Atomics.load(control, words.sentTaken);
      const count = (Atomics.load(control, words.sent) - tail) | 0;
      if (count === 0) {
        if (this.#isClosing) this.#stream.destroySoon();
        return;
      }
      const at = tail & (layout.ring - 1);
      const piece = sentRing.slice(at, Math.min(at + count, layout.ring));
      Atomics.add(control, words.sentTaken, piece.length);
      ring();
      this.#isWriting = true;
      this.#stream.write(piece, () => {
        this.#isWriting = false;
        if (connection === this) this.#write();
      });
    }

    #unload(): void {
      while (this.#backlog.length > 0) {
        // Set before checking for room, so that room made after the check rings the bell.
        Atomics.store(control, words.wantsRoom, 1);
        const rest = this.#store(this.#backlog[0]!);
        if (rest.length > 0) {
          this.#backlog[0] = rest;
          return ring();
        }
        this.#backlog.shift();
      }
      Atomics.store(control, words.wantsRoom, 0);
      ring();
    }

    #store(chunk: Uint8Array): Uint8Array {
      const head = Atomics.load(control, words.received);
      const room = layout.ring - ((head - Atomics.load(control, words.receivedTaken)) | 0);
      const count = Math.min(room, chunk.length);
      const at = head & (layout.ring - 1);
      const first = Math.min(count, layout.ring - at);
      receivedRing.set(chunk.subarray(0, first), at);
      receivedRing.set(chunk.subarray(first, count), 0);
      Atomics.add(control, words.received, count);
      return chunk.subarray(count);
    }
  }

  // A paused socket and a pending wait do not keep a worker alive; a timer does.
  let lifeline: ReturnType<typeof setInterval>;
  /** Waits for the next connection, for a while. */
  const rest = (): void => {
    clearInterval(lifeline);
    lifeline = setInterval(() => {
      if (Atomics.compareExchange(control, words.state, states.idle, states.gone) === states.idle) wakeUp();
    }, patience);
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
      connection = new Connection(requested() as Endpoint);
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
