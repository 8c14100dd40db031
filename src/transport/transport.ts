/**
 * The interface between drivers and sockets. Each other file in this folder knows the sockets of one
 * runtime, and nothing of PostgreSQL.
 *
 * Both kinds of transport are read on demand: unread bytes stay in the socket, so that a slow reader
 * slows down the peer.
 */

/** The address of a server. */
export type Endpoint =
  | {
    readonly kind: "tcp";
    readonly host: string;
    /** The name that `host`, an address, was looked up by. It is dialled if only the name may be dialled. */
    readonly name?: string | undefined;
    readonly port: number;
    readonly keepAlive: boolean;
  }
  | { readonly kind: "unix"; readonly path: string };

/** An end of a TCP connection. */
export interface Address {
  /** The IP address, without brackets. */
  readonly host: string;
  readonly port: number;
}

/** The two ends of a TCP connection, as this side sees them; undefined for a Unix socket. */
export interface Addresses {
  readonly local: Address;
  readonly remote: Address;
}

/** The versions of TLS, by the names of libpq and of `node:tls`. */
export type TlsVersion = "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";

/** Options for encryption. */
export interface TlsOptions {
  /** The name for SNI; undefined to send none. */
  readonly serverName?: string | undefined;
  /** The client's certificate, and those of its issuers, in PEM. */
  readonly certificate?: string | undefined;
  /** Its private key, in PEM and not encrypted. */
  readonly privateKey?: string | undefined;
  readonly minVersion?: TlsVersion | undefined;
  readonly maxVersion?: TlsVersion | undefined;
}

/** What encryption has agreed on, and who is at the other end. */
export interface TlsSession {
  /** The version of TLS: `TLSv1.3`. */
  readonly protocol: string;
  /** The cipher suite, by its name in IANA's registry. */
  readonly cipher: string;
  /** The protocol that the server has confirmed by ALPN. */
  readonly alpn: string | undefined;
  /** The certificates in DER, the peer's own first. They are not verified. */
  readonly chain: readonly Uint8Array[];
}

/** The user that listens on a socket. */
export interface SocketOwner {
  /** The user's number; undefined if it is unknown. */
  readonly uid: number | undefined;
  /** Why the owner is not certain, in words; undefined if it is. */
  readonly doubt: string | undefined;
}

/** The preflight check of a Unix socket that an upgrade is about to dial. */
export interface Preflight {
  /** Why it cannot be dialled, or not without asking for a permission; undefined if it can be tried. */
  readonly refusal: string | undefined;
  /**
   * Must be called after dialling: the user that listens on the socket to which the path led. `peer` is
   * the user that the connection reports.
   */
  owner(peer: number | undefined): SocketOwner;
}

/** Facts about this machine's sockets, as far as they need no permission prompt. */
export interface LocalSockets {
  /** Checks a Unix socket that is about to be dialled. */
  preflight(path: string): Preflight;
  /** The user that listens on a TCP address of this machine. */
  listener(address: Address): SocketOwner;
  /** The user that this process runs as; undefined if that is unknown. */
  ownUser(): number | undefined;
  /** The name of a user's account; undefined if it is unknown. */
  userName(uid: number): string | undefined;
}

/** A socket whose operations return promises, or their results if they are done at once. */
export interface AsyncTransport {
  readonly addresses: Addresses | undefined;
  /** The user that listens on the Unix socket at the other end, if the kernel reports it. */
  readonly peerUser?: number | undefined;
  /** Whether a trace listener is being called during an operation. */
  readonly showing?: boolean;
  /**
   * Fills the beginning of `into` with at least one byte and returns how many; 0 at the end of the
   * stream. Only one read at a time is allowed.
   */
  read(into: Uint8Array<ArrayBuffer>): number | Promise<number>;
  /**
   * Sends at least one of `bytes` and returns how many. They must not be changed until then. Only one
   * write at a time is allowed.
   */
  write(bytes: Uint8Array<ArrayBuffer>): number | Promise<number>;
  /**
   * Starts encryption. Must not be called while a read or write is outstanding, nor if bytes have been
   * received that were not read.
   */
  startTls(options: TlsOptions): Promise<TlsSession>;
  /** Whether this socket alone keeps the process alive. */
  keepProcess(alive: boolean): void;
  /** Closes at once. An outstanding read ends. Idempotent, never throws. */
  close(): void;
}

/** A socket whose operations block, or return what is possible at once. */
export interface SyncTransport {
  readonly addresses: Addresses | undefined;
  /** As {@linkcode AsyncTransport.peerUser}. */
  readonly peerUser?: number | undefined;
  /** As {@linkcode AsyncTransport.showing}. */
  readonly showing?: boolean;
  /** Whether {@linkcode startTls} works. If not, dial again with `tls`. */
  readonly canStartTls: boolean;
  /**
   * Fills the beginning of `into` with received bytes and returns how many: 0 at the end of the stream,
   * -1 if there are none yet.
   */
  read(into: Uint8Array<ArrayBuffer>): number;
  /** Sends as many of `bytes` as it can without waiting, possibly none, and returns how many. */
  write(bytes: Uint8Array<ArrayBuffer>): number;
  /** Waits until bytes can be read or, with `writable`, written; false after `milliseconds`. */
  wait(writable: boolean, milliseconds: number): boolean;
  /** Starts encryption; throws if that takes longer than `milliseconds`. */
  startTls(options: TlsOptions, milliseconds: number): TlsSession;
  /** Closes at once. Idempotent, never throws. */
  close(): void;
}

/** Opens transports that await. */
export interface AsyncDialer {
  readonly local: LocalSockets;
  /** Connects. When `signal` aborts, it closes the socket and rejects. */
  dial(endpoint: Endpoint, signal: AbortSignal): Promise<AsyncTransport>;
}

/** Opens transports that block. */
export interface SyncDialer {
  readonly local: LocalSockets;
  /** Connects within `milliseconds`. With `tls`, the transport can start TLS. */
  dial(endpoint: Endpoint, tls: boolean, milliseconds: number): SyncTransport;
}

/** An IP address in its canonical form, without a zone. */
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
