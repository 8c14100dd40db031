/** The connection that a worker owns for a thread that blocks. */
import type { Socket } from "node:net";
import type { Endpoint, TlsOptions } from "./transport.ts";
import type { WorkerContext } from "./worker_main.ts";

/**
 * A connection that a worker owns, from dialling on. Sent to the worker as text, so it must not refer to
 * anything outside of itself.
 */
export class WorkerConnection {
  readonly #context: WorkerContext;
  readonly #onClosed: () => void;
  readonly #receivedRing: Uint8Array;
  readonly #sentRing: Uint8Array;
  /** Received bytes for which the ring had no room. */
  readonly #backlog: Uint8Array[] = [];
  #stream: Socket;
  #isPaused = false;
  #isWriting = false;
  #isClosing = false;
  #isClosed = false;
  #isRetired = false;

  /** Dials. `onClosed` is called when the connection has been closed by {@linkcode close}. */
  constructor(context: WorkerContext, endpoint: Endpoint, onClosed: () => void) {
    const { memory, states, layout } = context.input;
    this.#context = context;
    this.#onClosed = onClosed;
    this.#receivedRing = new Uint8Array(memory, layout.received, layout.ring);
    this.#sentRing = new Uint8Array(memory, layout.sent, layout.ring);
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
      context.report(
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
    const { control, input: { words, states }, report } = this.#context;
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
    const { control, input: { words, states }, report, fail, requested, tls } = this.#context;
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
    const secure = process.getBuiltinModule("node:tls").connect({
      socket: plain,
      ...tls.optionsOf(requested() as TlsOptions),
    });
    secure.once("secureConnect", () => {
      const { chain, ...session } = tls.sessionOf(secure);
      const { Buffer } = process.getBuiltinModule("node:buffer");
      report(states.encrypted, { session, chain: chain.map((der) => Buffer.from(der).toString("base64")) });
    });
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
    this.#isRetired = true;
    this.#onClosed();
  }

  #listen(): void {
    this.#stream.on("data", this.#take).on("error", this.#context.fail).once("close", this.#end);
  }

  readonly #take = (chunk: Uint8Array): void => {
    if (this.#isClosing) return;
    const { control, input: { words } } = this.#context;
    this.#backlog.push(chunk);
    this.#unload();
    if (this.#backlog.length === 0 && Atomics.load(control, words.readsOn) !== 0) return;
    this.#isPaused = true;
    this.#stream.pause();
  };

  readonly #end = (): void => {
    this.#isClosed = true;
    const { input: { states }, report, wakeUp } = this.#context;
    // Bytes in the backlog are delivered before the end.
    if (this.#backlog.length === 0) report(states.ended, {});
    wakeUp();
  };

  /** Writes the bytes in the ring, one piece at a time. */
  #write(): void {
    if (this.#isWriting) return;
    const { control, input: { words, layout }, ring } = this.#context;
    const tail = Atomics.load(control, words.sentTaken);
    const count = (Atomics.load(control, words.sent) - tail) | 0;
    if (count === 0) {
      if (this.#isClosing) this.#stream.destroySoon();
      return;
    }
    const at = tail & (layout.ring - 1);
    const piece = this.#sentRing.slice(at, Math.min(at + count, layout.ring));
    Atomics.add(control, words.sentTaken, piece.length);
    ring();
    this.#isWriting = true;
    this.#stream.write(piece, () => {
      this.#isWriting = false;
      if (!this.#isRetired) this.#write();
    });
  }

  #unload(): void {
    const { control, input: { words }, ring } = this.#context;
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
    const { control, input: { words, layout } } = this.#context;
    const head = Atomics.load(control, words.received);
    const room = layout.ring - ((head - Atomics.load(control, words.receivedTaken)) | 0);
    const count = Math.min(room, chunk.length);
    const at = head & (layout.ring - 1);
    const first = Math.min(count, layout.ring - at);
    this.#receivedRing.set(chunk.subarray(0, first), at);
    this.#receivedRing.set(chunk.subarray(first, count), 0);
    Atomics.add(control, words.received, count);
    return chunk.subarray(count);
  }
}
