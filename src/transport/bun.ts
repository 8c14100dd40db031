/**
 * Sockets of Bun.
 *
 * `Bun.connect` cannot be aborted: while it tries, the process does not end. Bun's `node:net` can be, and
 * contains a Bun socket, which is used without the stream around it. This is undocumented: if there is no
 * such socket, the stream is used. Unix sockets accept or refuse at once, and need no `node:net`, whose loading takes
 * as long as the rest of connecting.
 */
import type { Socket } from "node:net";
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import type { Abortable } from "../abort.ts";
import { BulkReader } from "./bun_bulk.ts";
import { loadedLibrary } from "./library.ts";
import { localSockets } from "./local_sockets.ts";
import { addressesOf, connectNode } from "./node_connect.ts";
import { peerUser } from "./peer_user.ts";
import { ReceiveBuffer } from "./received.ts";
import { StreamTransport } from "./stream.ts";
import { setOptionsOf } from "./tcp_options.ts";
import { tlsConnectionOptions, tlsSessionOf } from "./tls_socket.ts";
import {
  type Addresses,
  type AsyncDialer,
  type AsyncTransport,
  type Endpoint,
  type SecureVersion,
  socketPath,
  type TlsOptions,
  type TlsSession,
} from "./transport.ts";

/** A socket of Bun's own. */
interface BunSocket {
  readonly fd?: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  write(bytes: Uint8Array): number;
  /** Replaces the handlers of the socket's events. */
  reload(options: { socket: SocketHandlers }): void;
  pause(): void;
  resume(): void;
  ref(): void;
  unref(): void;
  terminate(): void;
  readonly alpnProtocol: string | false;
  getCipher(): ReturnType<TLSSocket["getCipher"]>;
  getTLSVersion(): string;
  /** With false, the certificates of the issuers too. */
  getPeerCertificate(abbreviated: boolean): DetailedPeerCertificate;
  upgradeTLS(options: {
    tls: ReturnType<typeof bunTlsOptions>;
    socket: SocketHandlers & { handshake(socket: BunSocket, success: boolean, error: Error | null): void };
  }): [raw: BunSocket, secure: BunSocket];
}

/** The part of `Bun` that is used. */
interface BunGlobal {
  connect(options: {
    unix: string;
    socket: {
      open(socket: BunSocket): void;
      data(socket: BunSocket, chunk: Uint8Array): void;
      connectError(socket: BunSocket, error: Error): void;
    };
  }): Promise<BunSocket>;
}

interface SocketHandlers {
  data(socket: BunSocket, chunk: Uint8Array): void;
  drain(socket: BunSocket): void;
  end(socket: BunSocket): void;
  close(socket: BunSocket, error?: Error): void;
  error(socket: BunSocket, error: Error): void;
}

/** Dials with `Bun.connect` for Unix sockets, and with Bun's `node:net`. */
export const bunDialer: AsyncDialer = {
  local: localSockets(false),
  dial: (endpoint, signal, milliseconds): Promise<AsyncTransport> =>
    endpoint.kind === "unix"
      ? dialUnix(endpoint, signal)
      : connectNode(endpoint, signal, ({ socket }, left) => transportOver(socket, endpoint, left), milliseconds),
};

async function dialUnix(endpoint: Extract<Endpoint, { kind: "unix" }>, signal: Abortable): Promise<AsyncTransport> {
  signal.throwIfAborted();
  const { Bun } = globalThis as unknown as { readonly Bun: BunGlobal };
  return await new Promise((resolve, reject) => {
    const socket = {
      // Before any other event, so that none is missed.
      open: (socket: BunSocket) => resolve(new BunTransport(socket, endpoint, 0)),
      data() {},
      connectError: (_: BunSocket, error: Error) => reject(error),
    };
    Bun.connect({ unix: socketPath(endpoint.path), socket }).catch(reject);
  });
}

/** A connected socket as a transport: Bun's socket inside of it, or the stream if that cannot be taken over. */
export function transportOver(socket: Socket, endpoint: Endpoint, left: number = 0): AsyncTransport {
  setOptionsOf(socket, endpoint);
  const { _handle: inner } = socket as Socket & { readonly _handle?: Partial<BunSocket> | null };
  if (typeof inner?.reload !== "function") return new StreamTransport(socket, addressesOf(socket, endpoint, left));
  return new BunTransport(inner as BunSocket, endpoint, left);
}

class BunTransport implements AsyncTransport {
  readonly addresses: Addresses | undefined;
  #socket: BunSocket;
  #received = this.#newBuffer();
  /** Undefined on encrypted connections. */
  #bulk: BulkReader | undefined;
  #closed = false;
  /** Resumes a write that waits for room in the socket. */
  #writer: (() => void) | undefined = undefined;

  constructor(socket: BunSocket, endpoint: Endpoint, left: number) {
    this.#socket = socket;
    this.#bulk = new BulkReader(socket);
    socket.reload({ socket: this.handlers() });
    this.addresses = endpoint.kind === "unix" ? undefined : {
      local: { host: socket.localAddress, port: socket.localPort },
      remote: { host: socket.remoteAddress, port: socket.remotePort },
      ...(left > 0 ? { left } : {}),
    };
  }

  get peerUser(): number | undefined {
    const libc = loadedLibrary(false);
    const { fd = -1 } = this.#socket;
    return libc === undefined || fd < 0 ? undefined : peerUser(libc, fd);
  }

  handlers(): SocketHandlers {
    const received = this.#received;
    return {
      data: (_socket, chunk) => {
        // After encryption has started, the handlers of the unencrypted socket still get the encrypted bytes.
        if (received !== this.#received) return;
        this.#bulk?.seen(chunk.length);
        received.push(chunk);
      },
      drain: () => this.#wakeWriter(),
      end: () => received.finish(),
      close: (_socket, error) => {
        received.finish(error);
        this.#closed = true;
        this.#wakeWriter();
      },
      error: (_socket, error) => received.finish(error),
    };
  }

  read(into: Uint8Array<ArrayBuffer>): number | Promise<number> {
    const more = this.#received.size > 0 ? 0 : this.#bulk?.read(into) ?? 0;
    return more > 0 ? more : this.#received.read(into);
  }

  write(bytes: Uint8Array<ArrayBuffer>): number | Promise<number> {
    const written = this.#socket.write(bytes);
    if (written > 0) return written;
    return this.#writeWhenDrained(bytes);
  }

  startTls(options: TlsOptions): Promise<TlsSession> {
    if (this.#received.size > 0) {
      throw new Error("the server sent unencrypted data behind its answer to the TLS request");
    }
    this.#received = this.#newBuffer();
    this.#bulk = undefined;
    return new Promise((resolve, reject) => {
      const handlers = this.handlers();
      const [, secure] = this.#socket.upgradeTLS({
        tls: bunTlsOptions(options),
        socket: {
          ...handlers,
          handshake: (socket, success, error) => {
            try {
              if (success || isUnverified(socket, error)) resolve(sessionOf(socket));
              else reject(error ?? new Error("the server closed the connection during the TLS handshake"));
            } catch (error) {
              reject(error);
            }
          },
          error: (socket, error) => {
            handlers.error(socket, error);
            reject(error);
          },
          close: (socket, error) => {
            handlers.close(socket, error);
            reject(error ?? new Error("the server closed the connection during the TLS handshake"));
          },
        },
      });
      this.#socket = secure;
    });
  }

  keepProcess(alive: boolean): void {
    if (alive) this.#socket.ref();
    else this.#socket.unref();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#received.finish();
    this.#socket.terminate();
    this.#wakeWriter();
  }

  #newBuffer(): ReceiveBuffer {
    return new ReceiveBuffer({ pause: () => this.#socket.pause(), resume: () => this.#socket.resume() });
  }

  async #writeWhenDrained(bytes: Uint8Array): Promise<number> {
    for (;;) {
      if (this.#closed) throw new Error("the socket is closed");
      await new Promise<void>((resolve) => this.#writer = resolve);
      const written = this.#closed ? -1 : this.#socket.write(bytes);
      if (written > 0) return written;
    }
  }

  #wakeWriter(): void {
    const wake = this.#writer;
    this.#writer = undefined;
    wake?.();
  }
}

/** Whether a handshake that is reported as failed has only found that the certificate cannot be verified. */
function isUnverified(socket: BunSocket, error: Error | null): boolean {
  const code = String((error as { code?: unknown } | null)?.code ?? "");
  return socket.getCipher().name !== null &&
    /^(?:CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_|INVALID_|ERR_TLS_CERT_)/.test(code);
}

/** The options as Bun's sockets take them, which differ from those of `node:tls`. */
function bunTlsOptions(options: TlsOptions) {
  const { servername, ALPNProtocols: _, minVersion, maxVersion, ...others } = tlsConnectionOptions(options);
  return {
    ...others,
    // As in the handshake: each name behind its length.
    ALPNProtocols: "\x0apostgresql",
    ...(servername === undefined ? {} : { serverName: servername }),
    ...(minVersion === undefined ? {} : { minVersion: VERSIONS[minVersion] }),
    ...(maxVersion === undefined ? {} : { maxVersion: VERSIONS[maxVersion] }),
  };
}

function sessionOf(socket: BunSocket): TlsSession {
  return tlsSessionOf({
    alpnProtocol: socket.alpnProtocol,
    getCipher: () => socket.getCipher(),
    getProtocol: () => socket.getTLSVersion(),
    getPeerCertificate: () => socket.getPeerCertificate(false),
  });
}

/** The numbers of the versions in the protocol. */
const VERSIONS: Readonly<Record<SecureVersion, number>> = {
  "TLSv1": 0x0301,
  "TLSv1.1": 0x0302,
  "TLSv1.2": 0x0303,
  "TLSv1.3": 0x0304,
};
