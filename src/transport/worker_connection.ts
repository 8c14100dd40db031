/** The connection that a worker owns for a thread that blocks; its code runs in the worker only. */
import { isAddress } from "../options/ip_address.ts";
import type { NetConnectOpts, Socket } from "node:net";
import { builtin } from "../builtin.ts";
import { runtime } from "../runtime/name.ts";
import { endsOf, resolve, setKeepAlive } from "./node_socket.ts";
import { startTlsOn, tlsSessionOf } from "./tls_socket.ts";
import { addressesToDial, NO_OTHER_ADDRESS, socketPath, type TcpOptions, type TlsOptions } from "./transport.ts";
import type { WorkerContext } from "./worker_main.ts";
import { type DialRequest, LAYOUT, STATES, WORDS } from "./worker_memory.ts";

/** A connection that a worker owns, from dialling on. */
export class WorkerConnection {
  readonly #context: WorkerContext;
  readonly #onClosed: () => void;
  readonly #receivedRing: Uint8Array;
  readonly #sentRing: Uint8Array;
  /** Received bytes for which the ring had no room. */
  readonly #backlog: Uint8Array[] = [];
  #stream: Socket;
  #tcpOptions: TcpOptions | undefined;
  #isPaused = false;
  #isWriting = false;
  #isClosing = false;
  #isClosed = false;
  #isRetired = false;

  /** Dials. `onClosed` is called when the connection has been closed by {@linkcode close}. */
  constructor(context: WorkerContext, request: DialRequest, onClosed: () => void) {
    const { memory } = context;
    this.#context = context;
    this.#onClosed = onClosed;
    this.#receivedRing = new Uint8Array(memory, LAYOUT.received, LAYOUT.ring);
    this.#sentRing = new Uint8Array(memory, LAYOUT.sent, LAYOUT.ring);
    // Until the first address is known, there is only a socket that can be closed.
    this.#stream = new builtin.net.Socket();
    this.#start(request);
  }

  #start({ endpoint, milliseconds }: DialRequest): void {
    if (endpoint.kind === "unix") return this.#dial([{ path: socketPath(endpoint.path) }], 0);
    const { address, host, port, keepAlive, options } = endpoint;
    // Node and Bun would also set the other times.
    const keepAliveInitialDelay = runtime === "deno" ? options?.keepAliveIdle : undefined;
    this.#tcpOptions = options;
    const until = performance.now() + milliseconds;
    const socket = { port, noDelay: true, keepAlive, keepAliveInitialDelay };
    const dial = (hosts: readonly string[]): void => this.#dial(hosts.map((host) => ({ ...socket, host })), until);
    if (address !== undefined || isAddress(host)) return dial([address ?? host]);
    if (runtime === "deno") {
      // Deno permits dialling the addresses of a name only if they are looked up while it is dialled. Its order is
      // not the resolver's, unless that is asked for.
      if (endpoint.tried !== undefined) return this.#context.fail(new Error(NO_OTHER_ADDRESS));
      builtin.dns.setDefaultResultOrder("verbatim");
      return dial([host]);
    }
    resolve(host).then((hosts) => {
      if (!this.#isClosing) dial(addressesToDial(hosts, endpoint, String));
    }).catch((error) => {
      if (!this.#isClosing) this.#context.fail(error);
    });
  }

  /** Connects to the first of the addresses that accepts. The next ones share what is left of the time. */
  #dial(addresses: readonly NetConnectOpts[], until: number): void {
    const [address, ...others] = addresses;
    const stream = builtin.net.connect(address!);
    this.#stream = stream;
    const next = (): void => {
      clearTimeout(timer);
      if (this.#isClosing) return;
      stream.off("close", this.#end).off("connect", connected).on("error", () => {}).destroy();
      this.#dial(others, until);
    };
    const connected = (): void => {
      clearTimeout(timer);
      if (others.length > 0) stream.off("error", next).on("error", this.#context.fail);
      this.#setOptions();
      this.#report(others.length);
    };
    stream.once("connect", connected);
    this.#listen();
    if (others.length > 0) stream.off("error", this.#context.fail).once("error", next);
    const time = (until - performance.now()) / addresses.length;
    const timer = others.length > 0 ? setTimeout(next, time) : undefined;
  }

  /** Sets the options that Node's sockets have. */
  #setOptions(): void {
    if (this.#tcpOptions !== undefined && runtime === "node") setKeepAlive(this.#stream, this.#tcpOptions);
  }

  #report(left: number): void {
    const addresses = endsOf(this.#stream, left);
    const { fd } = (this.#stream as { readonly _handle?: { readonly fd?: number } })._handle ?? {};
    this.#context.report(STATES.open, addresses === undefined ? {} : { addresses, fd });
  }

  /** Continues reading and writing as far as possible. */
  attend(): void {
    const { control, report } = this.#context;
    if (this.#backlog.length > 0) this.#unload();
    if (this.#backlog.length === 0) {
      if (this.#isPaused && Atomics.load(control, WORDS.readsOn) !== 0) {
        this.#isPaused = false;
        this.#stream.resume();
      }
      if (this.#isClosed) report(STATES.ended, {});
    }
    this.#write();
  }

  /** Starts encryption. All bytes received from now on are given to TLS. */
  startTls(): void {
    const { control, report, fail, requested } = this.#context;
    const plain = this.#stream;
    plain.pause();
    plain.off("data", this.#take).off("close", this.#end);
    // Unencrypted bytes received before are in one of these places.
    const isClear = this.#backlog.length > 0 || plain.readableLength > 0 ||
      Atomics.load(control, WORDS.received) !== Atomics.load(control, WORDS.receivedTaken);
    if (isClear) {
      fail(new Error("the server sent unencrypted data behind its answer to the request for TLS"));
      plain.once("close", this.#end).destroy();
      return;
    }
    const secure = startTlsOn(plain, requested() as TlsOptions);
    secure.once("secureConnect", () => {
      const { chain, ...session } = tlsSessionOf(secure);
      report(STATES.encrypted, { session, chain: chain.map((der) => Buffer.from(der).toString("base64")) });
    });
    Atomics.store(control, WORDS.readsOn, 1);
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
    const { control } = this.#context;
    this.#backlog.push(chunk);
    this.#unload();
    if (this.#backlog.length === 0 && Atomics.load(control, WORDS.readsOn) !== 0) {
      if (chunk.length < SHORT_REPLY) this.#context.poll();
      return;
    }
    this.#isPaused = true;
    this.#stream.pause();
  };

  readonly #end = (): void => {
    this.#isClosed = true;
    const { report, wakeUp } = this.#context;
    // Bytes in the backlog are delivered before the end.
    if (this.#backlog.length === 0) report(STATES.ended, {});
    wakeUp();
  };

  /** Writes the bytes in the ring, one piece at a time. */
  #write(): void {
    if (this.#isWriting) return;
    const { control, ring } = this.#context;
    const tail = Atomics.load(control, WORDS.sentTaken);
    const count = (Atomics.load(control, WORDS.sent) - tail) | 0;
    if (count === 0) {
      if (this.#isClosing) this.#stream.destroySoon();
      return;
    }
    const at = tail & (LAYOUT.ring - 1);
    const piece = this.#sentRing.slice(at, Math.min(at + count, LAYOUT.ring));
    Atomics.add(control, WORDS.sentTaken, piece.length);
    if (Atomics.exchange(control, WORDS.wantsToSend, 0) !== 0) ring();
    this.#isWriting = true;
    this.#stream.write(piece, () => {
      this.#isWriting = false;
      if (!this.#isRetired) this.#write();
    });
  }

  #unload(): void {
    const { control, ring } = this.#context;
    while (this.#backlog.length > 0) {
      // Set before checking for room, so that room made after the check rings the bell.
      Atomics.store(control, WORDS.wantsRoom, 1);
      const rest = this.#store(this.#backlog[0]!);
      if (rest.length > 0) {
        this.#backlog[0] = rest;
        return ring();
      }
      this.#backlog.shift();
    }
    Atomics.store(control, WORDS.wantsRoom, 0);
    ring();
  }

  #store(chunk: Uint8Array): Uint8Array {
    const { control } = this.#context;
    const head = Atomics.load(control, WORDS.received);
    const room = LAYOUT.ring - ((head - Atomics.load(control, WORDS.receivedTaken)) | 0);
    const count = Math.min(room, chunk.length);
    const at = head & (LAYOUT.ring - 1);
    const first = Math.min(count, LAYOUT.ring - at);
    this.#receivedRing.set(chunk.subarray(0, first), at);
    this.#receivedRing.set(chunk.subarray(first, count), 0);
    Atomics.add(control, WORDS.received, count);
    return chunk.subarray(count);
  }
}

/** From this size of a chunk on, in bytes, more of the same reply is likely to follow. */
const SHORT_REPLY = 8192;
