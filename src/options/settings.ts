/** The settings of a connection, and the types of their values. */
import type { OptsObject } from "./opts_object.ts";

/**
 * Whether to encrypt, and what the server's certificate must prove, as in libpq: never (`disable`), if the server
 * does not accept a connection in clear (`allow`), if the server can (`prefer`), always (`require`), and an
 * authority that is trusted must have issued the certificate (`verify-ca`), for this host (`verify-full`).
 */
export type SslMode = "disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full";

/** The versions of TLS, by the names of libpq and of `node:tls`. */
export type TlsVersion = "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";

/**
 * The sessions that a connection may have, as in libpq: `any`; one that can write (`read-write`) or cannot
 * (`read-only`); one on a primary or on a standby; or one on a standby, and on any server if there is no standby
 * (`prefer-standby`).
 */
export type TargetSessionAttrs = "any" | "read-write" | "read-only" | "primary" | "standby" | "prefer-standby";

/** How TLS starts: after a request in PostgreSQL's protocol, or at once (PostgreSQL 17). */
export type SslNegotiation = "postgres" | "direct";

/** Whether the client's certificate is sent: never, or if there is one and the server asks for it. */
export type SslCertMode = "disable" | "allow";

/** Whether SCRAM is bound to the TLS connection: never, if both sides can, or always. */
export type ChannelBinding = "disable" | "prefer" | "require";

/**
 * How blocking connections reach their socket: through FFI, through a worker, or by the fastest that is
 * permitted.
 */
export type BlockingTransport = "auto" | "ffi" | "worker";

/** Gives a password for a connection; a promise only if connections await. */
export type PasswordFunction = () => string | PromiseLike<string>;

/** What an OAuth token is for, as the options say; undefined where they say nothing. */
export interface OAuthRequest {
  /** The URL of the authorization server; see {@linkcode Opts.oauthIssuer}. */
  readonly issuer: string | undefined;
  /** The identifier of this client there; see {@linkcode Opts.oauthClientId}. */
  readonly clientId: string | undefined;
  /** The scopes that the token must have, separated by blanks; see {@linkcode Opts.oauthScope}. */
  readonly scope: string | undefined;
}

/** Gives a bearer token for a connection; a promise only if connections await. */
export type OAuthTokenFunction = (request: OAuthRequest) => string | PromiseLike<string>;

/** A version of the protocol; `latest` is the newest that pyro has. */
export type ProtocolVersion = "3.0" | "3.2" | "latest";

/**
 * The options as they are kept: checked, and by the names of their setters, but for these. All of them are optional.
 * In strings, files and variables an empty text is a value, as in libpq: nothing else is looked at for the setting, and
 * it has its default. Times are in milliseconds.
 */
export interface Settings extends CheckedOptions {
  /** Host names, addresses, socket directories (which start with `/`), abstract ones (`@`), tried in this order. */
  readonly hosts?: readonly string[];
  /** The IP address to dial for each host, instead of looking it up; empty to look it up. */
  readonly hostAddrs?: readonly string[];
  /** One for all hosts, or one each; undefined for the default. */
  readonly ports?: readonly (number | undefined)[];
  /** libpq's keys that need nothing of pyro with their values; environment variables do not replace them. */
  readonly accepted?: Readonly<Record<string, string>>;
  /** How many iterations of SCRAM's hash a server may ask for. `@x/pyro/pg` sets it; no option does. */
  readonly scramMaxIterations?: number | undefined;
}

type CheckedOptions = {
  readonly [N in keyof OptsObject as Exclude<N, "host" | "hostAddr" | "port">]?: NonNullable<OptsObject[N]>;
};
