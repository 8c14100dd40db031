/**
 * The worker that owns the socket of a blocking connection.
 *
 * {@linkcode workerStart} and {@linkcode workerMain} are sent to the worker as text, in a `data:` URL:
 * so it needs no file of its own, and on Deno no permission beyond net. They must therefore refer to
 * nothing outside of themselves; what both sides share is in `workerData`.
 *
 * When a connection is closed, the worker waits for the next one, as starting a thread takes longer
 * than everything else about connecting, and a runtime frees what a thread has left only when its event
 * loop goes on, which a script that blocks does not let it.
 */
import type { Socket } from "node:net";
import type { Addresses, Endpoint, TlsOptions } from "./transport.ts";

/** Indexes into the control words, which both sides share. */
export interface ControlWords {
  /** Counts what the worker did; the main thread waits for it to change. */
  readonly mainBell: number;
  /** Counts what the main thread did; the worker waits for it to change. */
  readonly workerBell: number;
  /** The count in `workerBell` that the worker has seen last. */
  readonly heard: number;
  /** Bytes ever put into and taken from each ring, modulo 2^32. */
  readonly received: number;
  readonly receivedTaken: number;
  readonly sent: number;
  readonly sentTaken: number;
  /** Where the worker is: one of {@linkcode WorkerState}. */
  readonly state: number;
  /** What the main thread wants: one of {@linkcode WorkerCommand}. */
  readonly command: number;
  /** Lengths of the texts in the two message areas. */
  readonly requestLength: number;
  readonly reportLength: number;
  /** Set by the worker while it has bytes that found no room; who makes room then rings its bell. */
  readonly wantsRoom: number;
  /** Whether the worker reads on when it has read something. Not before encryption is decided: what follows may be encrypted. */
  readonly readsOn: number;
}

/** What the worker does. Whoever moves it from `idle` on has it. */
export type WorkerState = {
  readonly [Name in "starting" | "idle" | "dialling" | "open" | "encrypted" | "ended" | "failed" | "gone"]: number;
};

/** Its commands. */
export type WorkerCommand = { readonly [Name in "none" | "dial" | "startTls" | "close"]: number };

/** What the worker is started with. */
export interface WorkerInput {
  readonly memory: SharedArrayBuffer;
  readonly words: ControlWords;
  readonly states: WorkerState;
  readonly commands: WorkerCommand;
  /** Where the message areas and the two rings begin, and the size of a ring (a power of two). */
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

/** What the worker reports: the ends of the connection, or what went wrong. */
export interface WorkerReport {
  readonly addresses?: Addresses;
  readonly error?: string;
  readonly code?: string | undefined;
}

/** What the body of the worker has to work with. */
export interface WorkerContext {
  readonly input: WorkerInput;
  readonly control: Int32Array<ArrayBufferLike>;
  /** Lets the main thread look at what has changed. */
  ring(): void;
  /** Comes to a state, unless the connection is over already. */
  report(state: number, what: WorkerReport): void;
  /** Reports an error. */
  fail(error: unknown): void;
}

/** Runs the body of the worker. Whatever ends it is reported, as the main thread hears of no event while it waits. */
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
    // Node tries the addresses of a name side by side, and gives their errors in one without words.
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
    /** What came and found no room in the ring. */
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

    /** Does what there is to do. */
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

    /** Encrypts. Everything that comes from here on is given to TLS. */
    startTls(): void {
      const plain = this.#stream;
      plain.pause();
      plain.off("data", this.#take).off("close", this.#end);
      // What has come before is in one of these places.
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

    /** Sends what can be sent still, and closes. */
    close(): void {
      if (this.#isClosing) return;
      this.#isClosing = true;
      const stream = this.#stream;
      // What waits for somebody who takes nothing has waited long enough.
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
      // What is still in the backlog comes before the end.
      if (this.#backlog.length === 0) report(states.ended, {});
      wakeUp();
    };

    /** Writes what the main thread has put into the ring, one piece at a time. */
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
        // Set before looking for room, so that room made after the look is heard of.
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

  // A paused socket and a pending wait do not keep a worker alive, a timer does.
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
  /** Something broke that nobody was waiting for. */
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
