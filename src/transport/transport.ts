/**
 * The interface between drivers and sockets. Each other file in this folder knows the sockets of one
 * runtime, and nothing of PostgreSQL.
 *
 * Both kinds of transport are read on demand: unread bytes stay in the socket, so that a slow reader
 * slows down the peer.
 */
import type { Abortable } from "../abort.ts";

/** The address of a server. */
export type Endpoint =
  | {
    readonly kind: "tcp";
    /** What was asked for, a name or an IP address. The server is to prove that it is this one. */
    readonly host: string;
    /** The IP address to dial; undefined to look `host` up, and to try its addresses in the resolver's order. */
    readonly address?: string | undefined;
    /** Whether `address` is one that `host` was looked up to, so that `host` may be dialled in its place. */
    readonly isLookedUp?: boolean | undefined;
    /** Addresses of the name that have been tried, and are passed over. */
    readonly tried?: readonly string[] | undefined;
    /** Whether the name's addresses are tried in an order of their own, at random. */
    readonly isShuffled?: boolean | undefined;
    /** Whether only an address was given, so that `host` is that address and the server has no name to prove. */
    readonly isOnlyAddress?: boolean | undefined;
    readonly port: number;
    readonly keepAlive: boolean;
    readonly options?: TcpOptions | undefined;
  }
  | {
    readonly kind: "unix";
    /** The path of a file, or an abstract name, which begins with `@`. */
    readonly path: string;
  };

/** Options of a TCP socket. */
export interface TcpOptions {
  /** How long the connection must be idle before it is probed, in milliseconds. Default: the system's. */
  readonly keepAliveIdle?: number | undefined;
  /** The time between probes that are not answered, in milliseconds. Default: the system's. */
  readonly keepAliveInterval?: number | undefined;
  /** The number of probes without an answer after which the connection counts as lost. Default: the system's. */
  readonly keepAliveCount?: number | undefined;
  /** How long sent data may stay unacknowledged before the connection is lost, in milliseconds. Default: the system's. */
  readonly userTimeout?: number | undefined;
}

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
  /** How many addresses of the name are left to try; undefined if there is none, or if that is unknown. */
  readonly left?: number | undefined;
}

/** The versions of TLS, as `node:tls` names them. */
export type SecureVersion = "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";

/** Options for encryption. */
export interface TlsOptions {
  /** The name for SNI; undefined to send none. */
  readonly serverName?: string | undefined;
  /** The client's certificate, and those of its issuers, in PEM. */
  readonly certificate?: string | undefined;
  /** Its private key, in PEM and not encrypted. */
  readonly privateKey?: string | undefined;
  readonly minVersion?: SecureVersion | undefined;
  readonly maxVersion?: SecureVersion | undefined;
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
  /** Whether the transport has verified the peer, by its name and by the authorities that the system trusts. */
  readonly isVerified?: boolean | undefined;
}

/** The user that listens on a socket. */
export interface SocketOwner {
  /** The user's number; undefined if it is unknown. */
  readonly uid: number | undefined;
  /** Why the owner is not certain, in words; undefined if it is. */
  readonly doubt: string | undefined;
}

/** The preflight check of a Unix socket whose owner matters: one for an upgrade, or with `requirepeer`. */
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
  /** The kind of transport, if it is neither TCP nor a Unix socket of this runtime. */
  readonly name?: string | undefined;
  /** Why it can never be encrypted; undefined if it can. */
  readonly cannotEncrypt?: string | undefined;
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
  /** As {@linkcode AsyncTransport.name}. */
  readonly name?: string | undefined;
  /** As {@linkcode AsyncTransport.cannotEncrypt}. */
  readonly cannotEncrypt?: string | undefined;
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
  /**
   * Connects; when `signal` aborts, it closes the socket and rejects. `milliseconds` is when that happens at
   * the latest, if there is a limit, so that a name's addresses can share them.
   */
  dial(endpoint: Endpoint, signal: Abortable, milliseconds?: number): Promise<AsyncTransport>;
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

/** The error of a socket that could not be connected in time. */
export function timedOut(): Error {
  return Object.assign(new Error("connection timed out"), { code: "ETIMEDOUT" });
}

/**
 * How many of the `milliseconds` that are left the next of `count` addresses may take. A name's addresses share
 * the time, so that one that does not answer does not keep the others from being tried.
 */
export function attemptTime(milliseconds: number, count: number): number {
  return milliseconds / count;
}

/** Of the addresses that a name was looked up to, those to dial, in this order. `textOf` gives the text of one. */
export function addressesToDial<T>(
  found: readonly T[],
  { tried = [], isShuffled = false }: Pick<Endpoint & { kind: "tcp" }, "tried" | "isShuffled">,
  textOf: (address: T) => string,
): readonly T[] {
  if (tried.length === 0 && !isShuffled) return found;
  const left = found.filter((address) => !tried.includes(canonicalHost(textOf(address))));
  if (left.length === 0) throw new Error(NO_OTHER_ADDRESS);
  return isShuffled ? shuffled(left, Math.random) : left;
}

/** The items in an order of their own. `random` gives numbers from 0 to 1; the highest ones keep the order. */
export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}

/** The reason of a dialer that all addresses of a name have been tried. */
export const NO_OTHER_ADDRESS = "the host name has no other address";

/** The path that runtimes dial: the names of abstract sockets begin with a zero byte. */
export function socketPath(path: string): string {
  return path.replace(/^@/, "\0");
}

/** An endpoint for people: `localhost:5432`, `[::1]:5432`, `db:5432 (192.0.2.7)`, `/run/postgresql/.s.PGSQL.5432`. */
export function endpointName(endpoint: Endpoint): string {
  if (endpoint.kind === "unix") return endpoint.path;
  const { host, address = host, port } = endpoint;
  const name = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  return address === host ? name : `${name} (${address})`;
}
