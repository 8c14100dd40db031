/**
 * The worker that owns the socket of a blocking connection.
 *
 * {@linkcode workerMain} is sent to the worker as text, in a `data:` URL: so it needs no file of its
 * own, and on Deno no permission beyond net. It must therefore refer to nothing outside of itself;
 * what both sides share is in `workerData`.
 */
import type { Endpoint, Ends, TlsOptions } from "./transport.ts";

/** Indexes into the control words, which both sides share. */
export interface ControlWords {
  /** Counts what the worker did; the main thread waits for it to change. */
  readonly mainBell: number;
  /** Counts what the main thread did; the worker waits for it to change. */
  readonly workerBell: number;
  /** Bytes ever put into and taken from each ring, modulo 2^32. */
  readonly received: number;
  readonly receivedTaken: number;
  readonly sent: number;
  readonly sentTaken: number;
  /** Where the worker is: one of {@linkcode WorkerState}. */
  readonly state: number;
  /** What the main thread wants: one of {@linkcode WorkerCommand}. */
  readonly command: number;
  /** Length of the text in the message area. */
  readonly messageLength: number;
  /** Set by the worker while it has bytes that found no room; who makes room then rings its bell. */
  readonly wantsRoom: number;
}

/** What the worker does. */
export type WorkerState = { readonly [Name in "starting" | "open" | "encrypted" | "ended" | "failed"]: number };

/** What it is told to do. */
export type WorkerCommand = { readonly [Name in "none" | "startTls" | "close"]: number };

/** What the worker is started with. */
export interface WorkerInput {
  readonly memory: SharedArrayBuffer;
  readonly words: ControlWords;
  readonly states: WorkerState;
  readonly commands: WorkerCommand;
  /** Where control words, message area and the two rings begin, and the size of a ring (a power of two). */
  readonly layout: {
    readonly message: number;
    readonly received: number;
    readonly sent: number;
    readonly ring: number;
  };
  readonly endpoint: Endpoint;
}

/** What the worker reports in the message area: the ends of the connection, or what went wrong. The main thread's {@linkcode TlsOptions} come there too. */
export type WorkerMessage = { readonly ends?: Ends; readonly error?: string; readonly code?: string | undefined };

/** The body of the worker. */
export function workerMain(): void {
  const { workerData } = process.getBuiltinModule("node:worker_threads");
  const { connect } = process.getBuiltinModule("node:net");
  const tls = process.getBuiltinModule("node:tls");
  const { memory, words, states, commands, layout, endpoint } = workerData as WorkerInput;
  const control = new Int32Array(memory, 0, 16);
  const receivedRing = new Uint8Array(memory, layout.received, layout.ring);
  const sentRing = new Uint8Array(memory, layout.sent, layout.ring);
  /** What came and found no room in the ring. */
  const backlog: Uint8Array[] = [];
  let writing = false;
  let closing = false;
  // A paused socket and a pending wait do not keep a worker alive.
  const lifeline = setInterval(() => {}, 0x7fff_ffff);

  const ring = (): void => {
    Atomics.add(control, words.mainBell, 1);
    Atomics.notify(control, words.mainBell);
  };
  const wakeUp = (): void => {
    Atomics.add(control, words.workerBell, 1);
    Atomics.notify(control, words.workerBell);
  };
  const report = (state: number, message: WorkerMessage): void => {
    const now = Atomics.load(control, words.state);
    if (now === states.failed || now === states.ended) return;
    const text = new TextEncoder().encode(JSON.stringify(message)).subarray(0, layout.received - layout.message);
    new Uint8Array(memory, layout.message).set(text);
    Atomics.store(control, words.messageLength, text.length);
    Atomics.store(control, words.state, state);
    ring();
  };
  const fail = (error: Error & { code?: string }): void => {
    // Node tries the addresses of a name side by side, and gives their errors in one without words.
    const [first = error]: (Error & { code?: string })[] = error instanceof AggregateError ? error.errors : [];
    report(states.failed, { error: first.message || first.name, code: first.code });
  };

  let stream = connect(
    endpoint.kind === "unix"
      ? { path: endpoint.path }
      : { host: endpoint.host, port: endpoint.port, noDelay: true, keepAlive: endpoint.keepAlive },
  );

  const store = (chunk: Uint8Array): Uint8Array => {
    const head = Atomics.load(control, words.received);
    const room = layout.ring - ((head - Atomics.load(control, words.receivedTaken)) | 0);
    const count = Math.min(room, chunk.length);
    const at = head & (layout.ring - 1);
    const first = Math.min(count, layout.ring - at);
    receivedRing.set(chunk.subarray(0, first), at);
    receivedRing.set(chunk.subarray(first, count), 0);
    Atomics.add(control, words.received, count);
    return chunk.subarray(count);
  };
  const unload = (): void => {
    while (backlog.length > 0) {
      // Set before looking for room, so that room made after the look is heard of.
      Atomics.store(control, words.wantsRoom, 1);
      const rest = store(backlog[0]!);
      if (rest.length > 0) {
        backlog[0] = rest;
        return ring();
      }
      backlog.shift();
    }
    Atomics.store(control, words.wantsRoom, 0);
    ring();
  };
  const listen = (): void => {
    stream.on("data", (chunk: Uint8Array) => {
      backlog.push(chunk);
      unload();
      if (backlog.length > 0) stream.pause();
    });
    stream.on("error", fail);
    // What is still in the backlog comes before the end.
    stream.on("close", () => {
      if (backlog.length === 0) report(states.ended, {});
      wakeUp();
    });
  };

  /** Writes what the main thread has put into the ring, one piece at a time. */
  const write = (): void => {
    if (writing) return;
    const tail = Atomics.load(control, words.sentTaken);
    const count = (Atomics.load(control, words.sent) - tail) | 0;
    if (count === 0) {
      if (closing) stream.destroySoon();
      return;
    }
    const at = tail & (layout.ring - 1);
    const piece = sentRing.slice(at, Math.min(at + count, layout.ring));
    Atomics.add(control, words.sentTaken, piece.length);
    ring();
    writing = true;
    stream.write(piece, () => {
      writing = false;
      write();
    });
  };

  const startTls = (): void => {
    stream.removeAllListeners("data");
    stream.removeAllListeners("error");
    stream.removeAllListeners("close");
    const length = Atomics.load(control, words.messageLength);
    const { serverName }: TlsOptions = JSON.parse(
      new TextDecoder().decode(new Uint8Array(memory, layout.message, length).slice()),
    );
    const secure = tls.connect({
      socket: stream,
      rejectUnauthorized: false,
      ...(serverName === undefined ? {} : { servername: serverName }),
    });
    secure.once("secureConnect", () => report(states.encrypted, {}));
    stream = secure;
    listen();
  };

  const attend = (): void => {
    const command = Atomics.exchange(control, words.command, commands.none);
    if (command === commands.startTls) startTls();
    if (command === commands.close) {
      closing = true;
      if (stream.connecting) stream.destroy();
      // What is still to be sent has a second to leave.
      const timer = setTimeout(() => stream.destroy(), 1000);
      stream.once("close", () => clearTimeout(timer));
    }
    if (backlog.length > 0) {
      unload();
      if (backlog.length === 0) stream.resume();
      if (backlog.length === 0 && stream.destroyed) report(states.ended, {});
    }
    write();
  };

  stream.once("connect", () => {
    const { localAddress, localPort, remoteAddress, remotePort } = stream;
    report(
      states.open,
      endpoint.kind === "unix" || !localAddress || !localPort || !remoteAddress || !remotePort ? {} : {
        ends: {
          local: { host: localAddress, port: localPort },
          remote: { host: remoteAddress, port: remotePort },
        },
      },
    );
  });
  listen();

  const loop = async (): Promise<void> => {
    for (;;) {
      const seen = Atomics.load(control, words.workerBell);
      attend();
      if (closing && stream.destroyed) break;
      const wait = Atomics.waitAsync(control, words.workerBell, seen);
      if (wait.async) await wait.value;
    }
    clearInterval(lifeline);
  };
  loop();
}
