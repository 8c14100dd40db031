/**
 * What a driver asks of a socket. The files beside this one know sockets of one runtime each, and
 * nothing of PostgreSQL; this one names no runtime.
 *
 * Both kinds of transport are pull-style: what nobody reads stays in the socket, and so the peer is
 * slowed down when the reader is.
 */

/** Where to connect to. */
export type Endpoint =
  | {
    readonly kind: "tcp";
    readonly host: string;
    /** What led to an address that stands in `host`: dialled instead where only that may be. */
    readonly name?: string | undefined;
    readonly port: number;
    readonly keepAlive: boolean;
  }
  | { readonly kind: "unix"; readonly path: string };

/** An end of a TCP connection. */
export interface Address {
  /** IP address, without brackets. */
  readonly host: string;
  readonly port: number;
}

/** The two ends of a TCP connection, as this side sees them; undefined for a Unix socket. */
export interface Addresses {
  readonly local: Address;
  readonly remote: Address;
}

/** How to encrypt. */
export interface TlsOptions {
  /** The name for SNI, undefined to send none. */
  readonly serverName?: string | undefined;
}

/** The user that listens on a socket. */
export interface SocketOwner {
  /** The user's number; undefined where nothing tells it. */
  readonly uid: number | undefined;
  /** Why that is not certain, in words; undefined where it is. */
  readonly doubt: string | undefined;
}

/** The preflight check of a Unix socket that an upgrade is about to dial. */
export interface Preflight {
  /** Why it cannot be dialled, or not without asking for a permission; undefined if it can be tried. */
  readonly refusal: string | undefined;
  /** Once it is dialled: the user that listens on the socket that the path led to. `peer` is the user that the connection tells. */
  owner(peer: number | undefined): SocketOwner;
}

/** What this machine tells of its sockets, without asking the user for a permission. */
export interface LocalSockets {
  /** Checks a Unix socket that is about to be dialled. */
  preflight(path: string): Preflight;
  /** The user that listens on a TCP address of this machine. */
  listener(address: Address): SocketOwner;
  /** The user that this process runs as; undefined where that is not told. */
  ownUser(): number | undefined;
}

/** A socket whose operations return when they are done. */
export interface AsyncTransport {
  readonly addresses: Addresses | undefined;
  /** The user who listens on the Unix socket that this is connected to, where the kernel can be asked. */
  readonly peerUser?: number | undefined;
  /** Whether a listener is being shown what passes, and an operation is not over yet. */
  readonly showing?: boolean;
  /** Fills the beginning of `into` with at least one byte; 0 at the end of the stream. One read at a time. */
  read(into: Uint8Array<ArrayBuffer>): number | Promise<number>;
  /** Sends at least one of `bytes` and says how many. They are not to be changed until then. One write at a time. */
  write(bytes: Uint8Array<ArrayBuffer>): number | Promise<number>;
  /** Encrypts from now on. Not while a read or write is outstanding, and not after received bytes beyond those read. */
  startTls(options: TlsOptions): Promise<void>;
  /** Whether this socket alone keeps the process alive. */
  keepProcess(alive: boolean): void;
  /** Closes at once. A read that is outstanding ends. Idempotent, never throws. */
  close(): void;
}

/** A socket whose operations do not return before they are done. */
export interface SyncTransport {
  readonly addresses: Addresses | undefined;
  /** As {@linkcode AsyncTransport.peerUser}. */
  readonly peerUser?: number | undefined;
  /** As {@linkcode AsyncTransport.showing}. */
  readonly showing?: boolean;
  /** Whether {@linkcode startTls} works; otherwise dial anew, asking for a transport that can. */
  readonly canStartTls: boolean;
  /** Fills the beginning of `into` with what is there: 0 at the end of the stream, -1 when nothing is there yet. */
  read(into: Uint8Array<ArrayBuffer>): number;
  /** Takes as many of `bytes` as it can without waiting, possibly none. */
  write(bytes: Uint8Array<ArrayBuffer>): number;
  /** Waits until something can be read or, where asked, written; false when `milliseconds` have passed first. */
  wait(writable: boolean, milliseconds: number): boolean;
  /** Encrypts from now on; throws when that takes longer than `milliseconds`. */
  startTls(options: TlsOptions, milliseconds: number): void;
  /** Closes at once. Idempotent, never throws. */
  close(): void;
}

/** How a runtime dials, awaiting. */
export interface AsyncDialer {
  readonly local: LocalSockets;
  /** Connects. When `signal` aborts, it closes what it has begun and rejects. */
  dial(endpoint: Endpoint, signal: AbortSignal): Promise<AsyncTransport>;
}

/** How a runtime dials, blocking. */
export interface SyncDialer {
  readonly local: LocalSockets;
  /** Connects within that time, with a transport that can start TLS where `tls` asks for it. */
  dial(endpoint: Endpoint, tls: boolean, milliseconds: number): SyncTransport;
}

/** An IP address in the one way to write it, without a zone. */
export function canonicalHost(host: string): string {
  if (!host.includes(":")) return host;
  const url = `http://[${host.replace(/%.*$/, "")}]`;
  if (!URL.canParse(url)) return host;
  const address = new URL(url).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(address);
  if (mapped === null) return address;
  const [high, low] = [parseInt(mapped[1]!, 16), parseInt(mapped[2]!, 16)];
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join(".");
}

/** An endpoint for people: `localhost:5432`, `[::1]:5432`, `/run/postgresql/.s.PGSQL.5432`. */
export function endpointName(endpoint: Endpoint): string {
  if (endpoint.kind === "unix") return endpoint.path;
  return endpoint.host.includes(":") ? `[${endpoint.host}]:${endpoint.port}` : `${endpoint.host}:${endpoint.port}`;
}
