/** Connections that a user's function opens: `Opts.dial`. */
import type { TlsVersion } from "./settings.ts";

/** What to connect to: an address over TCP, or a Unix socket, as the options say. */
export type DialAddress = {
  /** A name, or an IP address without brackets. It was not looked up. */
  readonly host: string;
  /** From 1 to 65535. */
  readonly port: number;
  readonly path?: undefined;
} | {
  /** The path of a Unix socket, or an abstract name, which begins with `@`. */
  readonly path: string;
  readonly host?: undefined;
  readonly port?: undefined;
};

/** How to connect. */
export interface DialOptions {
  /** Aborts when connecting is given up: for the caller's signal, or when time is over. Blocking, it never does. */
  readonly signal: AbortSignal;
  /** The milliseconds that are left for connecting; Infinity without a limit. */
  readonly timeout: number;
  /** Whether the connection is one of `@x/pyro/sync`, for which the function must return at once. */
  readonly blocking: boolean;
}

/**
 * Opens a connection: {@linkcode ByteStreams}, or {@linkcode BlockingBytes} if the connection blocks. It is called for
 * each connection, and once more for each cancel request.
 */
export type DialFunction = (
  address: DialAddress,
  options: DialOptions,
) => ByteStreams | PromiseLike<ByteStreams> | BlockingBytes;

/** A connection as two Web streams of bytes. pyro locks both. */
export interface ByteStreams {
  /** The bytes from the server, as a `Uint8Array` of any length. Its end is the end of the connection. */
  readonly readable: ReadableStream<Uint8Array>;
  /** Takes the bytes for the server, each a `Uint8Array` of its own of at most 64 kB. */
  readonly writable: WritableStream<Uint8Array>;
  /**
   * Closes the connection at once; called once, whatever the reason. Before it, `readable` is cancelled, and
   * `writable` closed, or aborted if it has not taken everything. Default: nothing else is done.
   */
  close?(): unknown;
  /**
   * Encrypts the connection, after the server has agreed. Both streams are unlocked before. Returns those that replace
   * them. Default: the connection cannot be encrypted, and `sslmode=require` or a stricter one is refused.
   */
  startTls?(options: StartTlsOptions): EncryptedStreams | PromiseLike<EncryptedStreams>;
  /** The value of `conn.transport`. Must not be empty. Default: `"dial"`. */
  readonly name?: string | undefined;
}

/** How to encrypt a connection, as the options say. */
export interface StartTlsOptions {
  /** The host that the certificate must be for; undefined if only an address was given. */
  readonly host: string | undefined;
  /** The name for SNI; undefined to send none. */
  readonly serverName: string | undefined;
  /** The client's certificate, and those of its issuers, in PEM; undefined for none. */
  readonly certificate: string | undefined;
  /** Its private key, in PEM and not encrypted. */
  readonly privateKey: string | undefined;
  /** The oldest version to accept; undefined for no limit. */
  readonly minVersion: TlsVersion | undefined;
  /** The newest one. */
  readonly maxVersion: TlsVersion | undefined;
  /** The protocol to ask for by ALPN: `postgresql`. */
  readonly alpn: string;
}

/** An encrypted connection. Its `close`, if it has one, replaces that of the connection before. */
export interface EncryptedStreams extends Pick<ByteStreams, "readable" | "writable" | "close"> {
  /**
   * The server's certificates in DER, its own first, whose private key the handshake has proved. pyro verifies them as
   * `sslmode` asks. Default: unknown.
   */
  readonly chain?: readonly Uint8Array[] | undefined;
  /**
   * Whether the function has verified that an authority which the *system* trusts has issued the certificate, and that
   * it is for `host`. It then fulfils `sslmode=verify-full` with `sslrootcert=system`, and nothing stricter: no root
   * certificates of your own. Default: false.
   */
  readonly verified?: boolean | undefined;
  /** The version of TLS, such as `TLSv1.3`. Default: unknown. */
  readonly protocol?: string | undefined;
  /** The cipher suite, by its name in IANA's registry. Default: unknown. */
  readonly cipher?: string | undefined;
  /** The protocol that the server has confirmed by ALPN; `sslnegotiation=direct` needs it. Default: none. */
  readonly alpn?: string | undefined;
}

/** A connection that blocks. Nothing may return a promise, and only `wait` may wait. */
export interface BlockingBytes {
  /**
   * Fills the beginning of `into` with received bytes and returns how many: 0 at the end of the connection, -1 if there
   * are none yet.
   */
  read(into: Uint8Array): number;
  /** Takes as many of `bytes` as it can without waiting, possibly none, and returns how many. They must not be kept. */
  write(bytes: Uint8Array): number;
  /**
   * Waits until `read` or, with `writable`, `write` can do something; returns false after `milliseconds` (Infinity: no
   * limit). Default: pyro calls `read` again and again, with pauses of at most ten milliseconds.
   */
  wait?(writable: boolean, milliseconds: number): boolean;
  /** Closes the connection at once; called once. */
  close(): void;
  /** The value of `conn.transport`. Must not be empty. Default: `"dial"`. */
  readonly name?: string | undefined;
}
