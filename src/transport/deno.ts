/** Sockets of Deno: `Deno.connect`. */
import { Abort, type Abortable, abortSignalOf } from "../abort.ts";
import { permitted } from "./deno_permissions.ts";
import { now } from "../runtime/clock.ts";
import { clearTimeout, setTimeout } from "../timers.ts";
import { localSockets } from "./local_sockets.ts";
import { failureOfAddresses } from "./reason.ts";
import { checkTcpOptions } from "./tcp_options.ts";
import {
  type Addresses,
  addressesToDial,
  type AsyncDialer,
  type AsyncTransport,
  attemptTime,
  type Endpoint,
  socketPath,
  timedOut,
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
    const dialled = permitted(endpoint);
    const { address, host, port } = dialled;
    const hostname = address ?? host;
    const conn = ADDRESS.test(hostname)
      ? await dialOne({ hostname, port }, signal)
      : dialled.tried !== undefined || dialled.isShuffled
      ? await dialAmong(dialled, signal, milliseconds)
      : await dialName(hostname, port, signal, milliseconds);
    conn.setNoDelay(true);
    conn.setKeepAlive(endpoint.keepAlive);
    const { localAddr: local, remoteAddr: remote } = conn;
    return new DenoTransport(conn, {
      local: { host: local.hostname, port: local.port },
      remote: { host: remote.hostname, port: remote.port },
    });
  },
};

/**
 * Dials a name's first address, as the resolver orders them, and only if that fails the others: Deno either knows one
 * address, or prefers IPv6 whatever the resolver says (`autoSelectFamily`).
 */
async function dialName(
  hostname: string,
  port: number,
  signal: Abortable,
  milliseconds: number = Infinity,
): Promise<Deno.TcpConn> {
  const until = now() + milliseconds;
  const first = { hostname, port, autoSelectFamily: false };
  let failure: unknown;
  try {
    const conn = await dialFor(attemptTime(milliseconds, 2), first, signal);
    if (conn !== undefined) return conn;
  } catch (error) {
    signal.throwIfAborted();
    failure = error;
  }
  const { lookUp } = await import("./look_up.ts");
  const [address, ...others] = await lookUp(hostname).catch(() => []);
  signal.throwIfAborted();
  // Without permission for the addresses, Deno has to choose among them.
  if (address === hostname) return await dialOne({ hostname, port }, signal);
  const left = [...others.map((hostname) => ({ hostname, port })), ...(failure === undefined ? [first] : [])];
  const before: [string, unknown][] = failure === undefined ? [] : [[address ?? hostname, failure]];
  return await dialFirst(left, until, signal, before);
}

/** Dials those of a name's addresses that have not been tried. Without permission for them, Deno has to choose. */
async function dialAmong(
  endpoint: Endpoint & { kind: "tcp" },
  signal: Abortable,
  milliseconds: number = Infinity,
): Promise<Deno.TcpConn> {
  const { host, port } = endpoint;
  const until = now() + milliseconds;
  const { lookUp } = await import("./look_up.ts");
  const found = await lookUp(host);
  signal.throwIfAborted();
  if (found[0] === host && endpoint.tried === undefined) return await dialOne({ hostname: host, port }, signal);
  const addresses = addressesToDial(found[0] === host ? [] : found, endpoint, String);
  return await dialFirst(addresses.map((hostname) => ({ hostname, port })), until, signal);
}

/** Dials one address after the other, which share the time. `failures` are those of earlier ones. */
async function dialFirst(
  left: readonly Deno.ConnectOptions[],
  until: number,
  signal: Abortable,
  failures: [address: string, error: unknown][] = [],
): Promise<Deno.TcpConn> {
  for (const [i, next] of left.entries()) {
    try {
      // The last one ends before the signal aborts, so that the error can name all of them.
      const time = attemptTime(until - now(), left.length - i) - (left.length > 1 ? MARGIN : 0);
      const conn = await dialFor(time, next, signal);
      if (conn !== undefined) return conn;
      failures.push([next.hostname ?? "", timedOut()]);
    } catch (error) {
      signal.throwIfAborted();
      failures.push([next.hostname ?? "", error]);
    }
  }
  throw failureOfAddresses(failures);
}

/** Dials for at most that long; undefined if the time is over. */
async function dialFor(
  milliseconds: number,
  address: Deno.ConnectOptions,
  signal: Abortable,
): Promise<Deno.TcpConn | undefined> {
  if (milliseconds === Infinity) return await dialOne(address, signal);
  signal.throwIfAborted();
  const limit = new Abort();
  const follow = (): void => limit.abort(signal.reason);
  signal.addEventListener("abort", follow);
  const timer = setTimeout(() => limit.abort(timedOut()), milliseconds);
  try {
    return await dialOne(address, limit);
  } catch (error) {
    if (signal.aborted || !limit.aborted) throw error;
    return undefined;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", follow);
  }
}

async function dialOne(address: Deno.ConnectOptions, signal: Abortable): Promise<Deno.TcpConn> {
  return await Deno.connect({ ...address, signal: abortSignalOf(signal) });
}

/** Dials with `node:net`, whose sockets have more options, but are slower. */
async function dialNode(endpoint: Endpoint, signal: Abortable, milliseconds?: number): Promise<AsyncTransport> {
  const { addressesOf, connectNode } = await import("./node_connect.ts");
  const { StreamTransport } = await import("./stream.ts");
  return await connectNode(
    endpoint,
    signal,
    ({ socket }, left) => new StreamTransport(socket, addressesOf(socket, endpoint, left)),
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

/** Milliseconds. */
const MARGIN = 10;

const ADDRESS = /^[\d.]+$|:/;
