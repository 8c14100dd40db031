/** Sockets of Deno: `Deno.connect`. */
import { permitted } from "./deno_permissions.ts";
import { localSockets } from "./local_sockets.ts";
import { checkTcpOptions } from "./tcp_options.ts";
import {
  type Addresses,
  type AsyncDialer,
  type AsyncTransport,
  type Endpoint,
  socketPath,
  type TlsOptions,
  type TlsSession,
} from "./transport.ts";

/** Dials with `Deno.connect`. */
export const denoDialer: AsyncDialer = {
  local: localSockets(true),
  async dial(endpoint, signal, milliseconds): Promise<AsyncTransport> {
    if (endpoint.kind === "unix") {
      const conn = await Deno.connect({ transport: "unix", path: socketPath(endpoint.path) });
      const transport = new DenoTransport(conn, undefined);
      if (!signal.aborted) return transport;
      transport.close();
      throw signal.reason;
    }
    checkTcpOptions(endpoint);
    if (endpoint.options !== undefined) return await dialNode(permitted(endpoint), signal, milliseconds);
    const { address, host, port } = permitted(endpoint);
    const conn = await Deno.connect({ hostname: address ?? host, port, signal });
    conn.setNoDelay(true);
    conn.setKeepAlive(endpoint.keepAlive);
    const { localAddr: local, remoteAddr: remote } = conn;
    return new DenoTransport(conn, {
      local: { host: local.hostname, port: local.port },
      remote: { host: remote.hostname, port: remote.port },
    });
  },
};

/** Dials with `node:net`, whose sockets have more options, but are slower. */
async function dialNode(endpoint: Endpoint, signal: AbortSignal, milliseconds?: number): Promise<AsyncTransport> {
  const { addressesOf, connectNode } = await import("./node_connect.ts");
  const { StreamTransport } = await import("./stream.ts");
  return await connectNode(
    endpoint,
    signal,
    (socket) => new StreamTransport(socket, addressesOf(socket, endpoint)),
    milliseconds,
  );
}

class DenoTransport implements AsyncTransport {
  readonly addresses: Addresses | undefined;
  readonly #conn: Deno.TcpConn | Deno.UnixConn;
  /** Replaces this transport once the connection is encrypted. */
  #secure: AsyncTransport | undefined = undefined;
  #closed = false;

  constructor(conn: Deno.TcpConn | Deno.UnixConn, addresses: Addresses | undefined) {
    this.#conn = conn;
    this.addresses = addresses;
  }

  read(into: Uint8Array<ArrayBuffer>): number | Promise<number> {
    if (this.#secure !== undefined) return this.#secure.read(into);
    return this.#conn.read(into).then((count) => count ?? 0);
  }

  write(bytes: Uint8Array<ArrayBuffer>): number | Promise<number> {
    return this.#secure === undefined ? this.#conn.write(bytes) : this.#secure.write(bytes);
  }

  async startTls(options: TlsOptions): Promise<TlsSession> {
    const { encryptedTransport } = await import("./stream.ts");
    const { transport, session } = await encryptedTransport(this.#conn, this.addresses, options);
    this.#secure = transport;
    return session;
  }

  keepProcess(alive: boolean): void {
    if (alive) this.#conn.ref();
    else this.#conn.unref();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#secure?.close();
    try {
      this.#conn.close();
    } catch {
      // It was closed by the peer, or with the stream above it.
    }
  }
}
