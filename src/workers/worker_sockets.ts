/**
 * Sockets of Cloudflare Workers. The user gives `connect`, since only a Worker can import it.
 *
 * Source: Cloudflare Workers' documentation, "TCP sockets".
 */
import { UsageError } from "../errors.ts";
import type { ByteStreams, DialFunction, EncryptedStreams } from "../options/dial.ts";

/** `connect` of `cloudflare:sockets`. */
export type WorkerConnect = (
  address: { hostname: string; port: number },
  options: WorkerSocketOptions,
) => WorkerSocket;

/** The options that `connect` is given. */
export interface WorkerSocketOptions {
  /** That encryption may start later. */
  secureTransport: "starttls";
  /** That the end of one direction ends the other one too. */
  allowHalfOpen: false;
}

/** The members of a socket that are used. */
export interface WorkerSocket {
  /** The bytes from the server. */
  readonly readable: ReadableStream<Uint8Array>;
  /** The bytes to the server. */
  readonly writable: WritableStream<Uint8Array>;
  /** Resolves when the socket is connected. */
  readonly opened: Promise<unknown>;
  /** Closes the socket. */
  close(): Promise<unknown>;
  /** Encrypts, and verifies that the server's certificate is for that host, or for the one that was dialled. */
  startTls(options?: { expectedServerHostname?: string }): WorkerSocket;
}

/**
 * A function for `Opts.dial` that connects by the sockets of Cloudflare Workers, for connections with promises.
 *
 * The platform verifies certificates by its own authorities and hides them. So TLS fulfils `verify-full` with
 * `sslrootcert=system`; root certificates and client certificates of your own, and versions of TLS other than the
 * default, are refused. `require` is verified too: it fails if the server has signed its certificate itself.
 *
 * @param connect `connect` of `cloudflare:sockets`.
 * @throws {UsageError} If it is not a function.
 *
 * @example
 * ```ts ignore
 * import { connect } from "cloudflare:sockets";
 * import { Conn, Opts } from "@x/pyro";
 * import { workerSockets } from "@x/pyro/workers";
 *
 * const opts = new Opts("pg://ada:secret@db.example.com/library?sslmode=verify-full&sslrootcert=system")
 *   .dial(workerSockets(connect));
 * await using conn = await Conn.connect(opts);
 * ```
 */
export function workerSockets(connect: WorkerConnect): DialFunction {
  if (typeof connect !== "function") {
    throw new UsageError("Cannot use sockets of Workers: give the function connect of cloudflare:sockets");
  }
  return ({ host, port, path }, { signal, blocking }) => {
    if (blocking) throw new UsageError("Cannot connect in a Worker: its sockets need promises, and this one blocks");
    if (path !== undefined) throw new UsageError("Cannot connect in a Worker to a Unix socket: give a host");
    return dial(connect, host, port, signal);
  };
}

async function dial(connect: WorkerConnect, hostname: string, port: number, signal: AbortSignal): Promise<ByteStreams> {
  signal.throwIfAborted();
  const socket = connect({ hostname, port }, { secureTransport: "starttls", allowHalfOpen: false });
  const close = (): void => void socket.close().catch(() => {});
  signal.addEventListener("abort", close, { once: true });
  try {
    await socket.opened;
  } finally {
    signal.removeEventListener("abort", close);
  }
  return { ...streamsOf(socket), name: "cloudflare", startTls: (options) => encrypt(socket, options) };
}

async function encrypt(
  socket: WorkerSocket,
  { host, certificate, maxVersion, minVersion }: Parameters<NonNullable<ByteStreams["startTls"]>>[0],
): Promise<EncryptedStreams> {
  if (certificate !== undefined) throw new Error("the sockets of Workers cannot send a client's certificate (sslcert)");
  if (maxVersion !== undefined || (minVersion !== undefined && minVersion !== "TLSv1.2")) {
    throw new Error("the sockets of Workers cannot limit the version of TLS");
  }
  const secure = socket.startTls(host === undefined ? {} : { expectedServerHostname: host });
  try {
    await secure.opened;
  } catch (cause) {
    // The platform's own words are "internal error".
    throw new Error("the platform refuses the server's certificate, or the two sides could not agree", { cause });
  }
  return { ...streamsOf(secure), verified: host !== undefined };
}

function streamsOf(socket: WorkerSocket): Pick<ByteStreams, "readable" | "writable" | "close"> {
  const { readable, writable } = socket;
  return { readable, writable, close: () => socket.close() };
}
