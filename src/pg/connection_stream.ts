/** The socket of a connection as query classes of other packages and programs see it. */
import { EventEmitter } from "node:events";
import type { CipherNameAndProtocol, DetailedPeerCertificate, PeerCertificate } from "node:tls";
import type { OpenedConnection } from "../async/opened.ts";
import type { SubmittedQuery } from "./interfaces.ts";
import { cipherOf, peerCertificateOf } from "./tls_session.ts";

/** What the stream of a connection does for its client. */
export interface StreamOwner {
  /** Closes the connection at once. */
  destroy(error?: Error): void;
  /** Whether the connection keeps the process alive while nothing is outstanding. */
  keepProcess(wanted: boolean): void;
  /** Puts a query into the queue, if the connection is open. */
  submit(query: SubmittedQuery): void;
  /** Resolves when little is unsent. */
  drained(): Promise<void>;
}

/** The addresses of an open connection, and its encryption. */
type SocketFacts = Pick<OpenedConnection["link"], "addresses" | "tls" | "encrypted">;

/** Where the stream of a connection sends bytes, and gets them from. */
export interface StreamLink {
  /** Sends bytes of the current query. */
  write(bytes: Uint8Array): void;
  /** Reads bytes of the reply to it. */
  received(bytes: Uint8Array): void;
  /** Called when there is room for more of them. */
  consumed(): void;
}

/** Whether the current query reads from a stream itself. Not for users. */
export let isTaken: (stream: ConnectionStream) => boolean;

/** Whether so much waits to be read by it that no more is to be received. */
export let isFull: (stream: ConnectionStream) => boolean;

/** Lets a stream say what is known of its open connection. */
export let show: (stream: ConnectionStream, facts: SocketFacts) => void;

/** Gives bytes of a reply to the query that has taken a stream, or to the connection if it has been put back. */
export let receive: (stream: ConnectionStream, bytes: Uint8Array) => void;

/** Resolves when no query has taken a stream, and all its bytes have been read. */
export let released: (stream: ConnectionStream) => Promise<void>;

/**
 * The socket of a connection. Bytes that are written must be whole messages of COPY.
 *
 * The connection listens to `data`. A query class that removes that listener gets the messages of its reply as bytes,
 * by `read()` and the event `readable`, until it puts the listener back: `to` of pg-copy-streams does so.
 */
export class ConnectionStream extends EventEmitter {
  /** Whether the connection is open. */
  writable = true;
  /** Whether it was closed by {@linkcode destroy}. */
  destroyed = false;
  readonly #owner: StreamOwner;
  readonly #link: StreamLink;
  #facts: SocketFacts | undefined = undefined;
  #isDraining = false;
  #unread: Uint8Array[] = [];
  #unreadBytes = 0;

  /** Internal: a {@linkcode Connection} makes its own. */
  constructor(owner: StreamOwner, link: StreamLink) {
    super();
    this.#owner = owner;
    this.#link = link;
    this.on("data", (bytes: Uint8Array) => link.received(bytes));
  }

  static {
    isTaken = (stream) => stream.listenerCount("data") === 0;
    isFull = (stream) => stream.#unreadBytes >= MAX_UNREAD;
    show = (stream, facts) => stream.#facts = facts;
    receive = (stream, bytes) => stream.#receive(bytes);
    released = async (stream) => {
      while (stream.writable && stream.listenerCount("data") === 0) await stream.#change();
      stream.resume();
    };
  }

  /** True if the connection is encrypted; otherwise undefined, as of a socket of `node:net`. */
  get encrypted(): true | undefined {
    return this.#facts?.tls === undefined ? undefined : true;
  }

  /** Whether the server's certificate has been verified; undefined if the connection is not encrypted. */
  get authorized(): boolean | undefined {
    const { tls, encrypted } = this.#facts ?? {};
    return tls && (encrypted?.certificate !== undefined || encrypted?.isVerified === true);
  }

  /** The protocol that the server has confirmed by ALPN, or false; undefined if the connection is not encrypted. */
  get alpnProtocol(): string | false | undefined {
    return this.#facts?.tls && (this.#facts.tls.alpn ?? false);
  }

  /** A method that gives the server's certificate; undefined if the connection is not encrypted. */
  get getPeerCertificate(): ((isDetailed?: boolean) => PeerCertificate | DetailedPeerCertificate) | undefined {
    const tls = this.#facts?.tls;
    return tls && ((isDetailed = false) => peerCertificateOf(tls, isDetailed));
  }

  /** A method that gives the version of TLS; undefined if the connection is not encrypted. */
  get getProtocol(): (() => string) | undefined {
    const tls = this.#facts?.tls;
    return tls && (() => tls.protocol);
  }

  /** A method that gives the cipher suite; undefined if the connection is not encrypted. */
  get getCipher(): (() => CipherNameAndProtocol) | undefined {
    const tls = this.#facts?.tls;
    return tls && (() => cipherOf(tls));
  }

  /** The server's IP address; undefined for a Unix socket. */
  get remoteAddress(): string | undefined {
    return this.#facts?.addresses?.remote.host;
  }

  /** The server's port; undefined for a Unix socket. */
  get remotePort(): number | undefined {
    return this.#facts?.addresses?.remote.port;
  }

  /** Writes bytes; the event `drain` tells when little of it is unsent, if the result is false. */
  write(bytes: Uint8Array): boolean {
    this.#link.write(bytes);
    if (this.#isDraining) return false;
    this.#isDraining = true;
    this.#owner.drained().then(() => {
      this.#isDraining = false;
      this.emit("drain");
    });
    return false;
  }

  /** The next bytes of a reply, if the query class has taken the stream; otherwise, or if there are none yet, null. */
  read(): Uint8Array | null {
    if (this.listenerCount("data") > 0) return null;
    const bytes = this.#unread.shift();
    if (bytes === undefined) return null;
    const wasFull = this.#unreadBytes >= MAX_UNREAD;
    this.#unreadBytes -= bytes.length;
    if (wasFull && this.#unreadBytes < MAX_UNREAD) this.#link.consumed();
    return bytes;
  }

  /** Has no effect: bytes wait to be read in any case. */
  pause(): this {
    return this;
  }

  /** Gives bytes that were not read to the listeners of `data`. */
  resume(): this {
    if (this.listenerCount("data") === 0) return this;
    const unread = this.#unread;
    this.#unread = [];
    this.#unreadBytes = 0;
    for (const bytes of unread) this.emit("data", bytes);
    return this;
  }

  /** Closes the connection at once; queries fail with `error`. */
  destroy(error?: Error): this {
    this.writable = false;
    this.destroyed = true;
    this.#owner.destroy(error);
    return this;
  }

  /** Closes the connection at once. */
  end(): this {
    this.writable = false;
    this.#owner.destroy();
    return this;
  }

  /** Internal: the connection is closed. */
  ended(): void {
    this.writable = false;
    this.emit("end");
    this.emit("close");
  }

  /** Keeps the process alive until the connection is closed. */
  ref(): this {
    this.#owner.keepProcess(true);
    return this;
  }

  /** Lets the process end although the connection is open. */
  unref(): this {
    this.#owner.keepProcess(false);
    return this;
  }

  /** Has no effect: `keepAlive` and `keepAliveInitialDelayMillis` are options of the client. */
  setKeepAlive(_isOn?: boolean, _initialDelay?: number): this {
    return this;
  }

  /** Has no effect: there never is a delay. */
  setNoDelay(_isOn?: boolean): this {
    return this;
  }

  /** Has no effect: messages are gathered in any case. */
  cork(): void {}

  /** Has no effect: messages are gathered in any case. */
  uncork(): void {}

  #receive(bytes: Uint8Array): void {
    this.#unread.push(bytes);
    this.#unreadBytes += bytes.length;
    if (this.listenerCount("data") > 0) this.resume();
    else this.emit("readable");
  }

  /** Resolves when a listener has been added, or when the connection is closed. */
  #change(): Promise<void> {
    return new Promise((resolve) => {
      const changed = (): void => {
        this.off("newListener", changed).off("close", changed);
        resolve();
      };
      this.on("close", changed).on("newListener", changed);
    });
  }
}

/** How many bytes may wait for a query class before no more are received. */
const MAX_UNREAD = 65_536;
