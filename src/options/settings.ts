/**
 * The settings of a connection, and the checks of their values. Every check throws a `UsageError` that
 * says what is allowed, and never shows a secret.
 */
import { type ServerFields, UsageError } from "../errors.ts";
import type { DatesChoice, Int8Choice, JsonChoice, NumericChoice } from "./choices.ts";
import type { Logger, LogLevel } from "./logger.ts";
import { refuseAlias } from "./aliases.ts";
import { sslModeNote, sslModeOf } from "./foreign_ssl_modes.ts";
import { MAX_MILLISECONDS, POOL_OPTIONS, type PoolOptionName, type PoolValues } from "./pool_options.ts";
import type { TlsSettings } from "./tls_settings.ts";
import type { TypeCodec } from "./type_codec.ts";

/**
 * Whether to encrypt, and what the server's certificate must prove, as in libpq: never (`disable`), if the server
 * does not accept a connection in clear (`allow`), if the server can (`prefer`), always (`require`), and an
 * authority that is trusted must have issued the certificate (`verify-ca`), for this host (`verify-full`).
 */
export type SslMode = "disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full";

/** The versions of TLS, by the names of libpq and of `node:tls`. */
export type TlsVersion = "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";

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
 * The settings, all of them optional. In strings, files and variables an empty text is a value, as in libpq:
 * nothing else is looked at for the setting, and it has its default.
 */
export interface Settings extends PoolValues {
  /** Host names, addresses, socket directories (which start with `/`), abstract ones (`@`), tried in this order. */
  readonly hosts?: readonly string[];
  /** The IP address to dial for each host, instead of looking it up; empty to look it up. */
  readonly hostAddrs?: readonly string[];
  /** One for all hosts, or one each; undefined for the default. */
  readonly ports?: readonly (number | undefined)[];
  readonly socket?: string;
  readonly user?: string;
  readonly password?: string | PasswordFunction;
  readonly oauthToken?: OAuthTokenFunction;
  readonly oauthIssuer?: string;
  readonly oauthClientId?: string;
  readonly oauthScope?: string;
  /** The path of the password file; empty for the default one. */
  readonly passfile?: string;
  /** The section of the service file that completes these settings. */
  readonly service?: string;
  /** The path of the service file. */
  readonly serviceFile?: string;
  readonly db?: string;
  readonly applicationName?: string;
  /** The application's name if neither the options nor the environment have one. */
  readonly fallbackApplicationName?: string;
  readonly sslMode?: SslMode;
  readonly sslNegotiation?: SslNegotiation;
  /** The path of a file with trusted certificates, or `system`; empty for the default file. */
  readonly sslRootCert?: string;
  readonly sslCert?: string;
  readonly sslKey?: string;
  readonly sslPassword?: string;
  readonly sslCertMode?: SslCertMode;
  readonly sslCrl?: string;
  readonly sslCrlDir?: string;
  /** Whether the host's name is sent when encryption starts. */
  readonly sslSni?: boolean;
  /** Empty for no limit. */
  readonly sslMinProtocolVersion?: TlsVersion | "";
  readonly sslMaxProtocolVersion?: TlsVersion | "";
  readonly tls?: TlsSettings;
  /** The allowed authentication methods, in libpq's syntax. */
  readonly requireAuth?: string;
  readonly channelBinding?: ChannelBinding;
  /** The user that must listen on a Unix socket; empty for any. */
  readonly requirePeer?: string;
  readonly upgradeToUnixSocket?: boolean;
  /** Milliseconds, 0 for no limit. */
  readonly connectTimeout?: number;
  readonly keepAlive?: boolean;
  readonly minProtocolVersion?: ProtocolVersion;
  readonly maxProtocolVersion?: ProtocolVersion;
  /** Milliseconds, whole seconds; 0 for the system's default. */
  readonly keepAlivesIdle?: number;
  /** As `keepAlivesIdle`. */
  readonly keepAlivesInterval?: number;
  /** 0 for the system's default. */
  readonly keepAlivesCount?: number;
  /** Milliseconds, 0 for the system's default. */
  readonly tcpUserTimeout?: number;
  readonly param?: Readonly<Record<string, string>>;
  /** libpq's keys that need nothing of pyro with their values; environment variables do not replace them. */
  readonly accepted?: Readonly<Record<string, string>>;
  readonly statementCacheSize?: number;
  readonly pgbouncer?: boolean;
  readonly blockingTransport?: BlockingTransport;
  readonly onNotice?: (notice: ServerFields) => void;
  readonly trace?: (line: string) => void;
  readonly logger?: Logger;
  readonly logLevel?: LogLevel;
  readonly int8?: Int8Choice;
  readonly numeric?: NumericChoice;
  readonly json?: JsonChoice;
  readonly dates?: DatesChoice;
  /** Codecs by the name or OID of their type. */
  readonly codec?: Readonly<Record<string, TypeCodec>>;
}

/** Text without zero bytes, with which the protocol ends strings. */
export function checkText(name: string, value: unknown): string {
  if (typeof value !== "string") throw new UsageError(`Cannot set ${name}: it must be a string, not ${typeof value}`);
  if (value.includes("\0")) throw new UsageError(`Cannot set ${name}: it contains a NUL character`);
  if (!value.isWellFormed()) throw new UsageError(`Cannot set ${name}: it contains a lone surrogate`);
  return value;
}

/** One of the allowed words. */
export function checkChoice<T extends string>(name: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((word) => word === value);
  if (found === undefined) throw bad(name, value, `it must be one of ${allowed.join(", ")}`);
  return found;
}

/** An integer from `min` to `max`. */
export function checkInteger(name: string, value: unknown, min: number, max: number): number {
  if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) {
    throw bad(name, value, `it must be an integer from ${min} to ${max}`);
  }
  return value as number;
}

/** A time in milliseconds; 0 is no limit. */
export function checkMilliseconds(name: string, value: unknown): number {
  return checkInteger(name, value, 0, MAX_MILLISECONDS);
}

/** A time of keepalives: whole seconds, in milliseconds; 0 is the system's default. */
export function checkKeepAliveTime(name: string, value: unknown): number {
  const time = checkInteger(name, value, 0, MAX_KEEPALIVE_SECONDS * 1000);
  if (time % 1000 !== 0) {
    throw bad(name, value, "it must be whole seconds, in milliseconds, which the system counts in");
  }
  return time;
}

/** The value of a pool option; `name` is the user's name for it. */
export function checkPoolOption(option: PoolOptionName, value: unknown, name: string = option): PoolValues {
  const { min, max } = POOL_OPTIONS[option];
  return { [option]: checkInteger(name, value, min, max) };
}

export function checkBoolean(name: string, value: unknown): boolean {
  if (typeof value !== "boolean") throw bad(name, value, "it must be true or false");
  return value;
}

export function checkFunction<T>(name: string, value: T): T {
  if (typeof value !== "function") throw bad(name, value, "it must be a function");
  return value;
}

/** One of libpq's modes. */
export function checkSslMode(name: string, value: unknown): SslMode {
  const mode = typeof value === "string" ? sslModeOf(value) : undefined;
  if (mode !== undefined && mode !== String(value).toLowerCase()) {
    throw bad(name, value, `use ${mode} instead${sslModeNote(mode)}`);
  }
  return checkChoice(name, value, SSL_MODES);
}

/** Hosts: a list, or one string with commas. */
export function checkHosts(value: unknown): readonly string[] {
  const list = typeof value === "string" ? value.split(",") : value;
  if (!Array.isArray(list) || list.length === 0) throw bad("host", value, "it must be a host, or a list of hosts");
  return list.map(checkHost);
}

/** The hosts of a connection string. As in libpq, an empty one is the default. */
export function parseHosts(value: string): readonly string[] {
  return checkText("host", value).split(",").map((host) => host === "" ? host : checkHost(host));
}

/** A name, an address (IPv6 with or without brackets), a socket directory, or the beginning of an abstract name. */
export function checkHost(value: unknown): string {
  const host = checkText("host", value).replace(/^\[(.*)\]$/, "$1");
  if (host === "" || (!isSocketHost(host) && /[\s/?#@\\[\];=]/.test(host))) {
    throw new UsageError("Cannot set host: it must be a name, an IP address, or the path of a socket directory");
  }
  return host;
}

/** IP addresses: a list, or one string with commas. An empty one is none. */
export function checkHostAddrs(name: string, value: unknown): readonly string[] {
  const list = typeof value === "string" ? value.split(",") : value;
  if (!Array.isArray(list) || list.length === 0) throw bad(name, value, "it must be an IP address, or a list of them");
  for (const address of list) {
    if (checkText(name, address) !== "" && !isAddress(address)) throw bad(name, address, "it must be an IP address");
  }
  return [...list];
}

/**
 * Whether a text is an IPv4 address, or an IPv6 address with or without a zone. Numbers that begin with 0 are
 * octal for some readers and decimal for others.
 */
function isAddress(text: string): boolean {
  if (text.includes(":")) return URL.canParse(`http://[${text.replace(/%[\w.~-]+$/, "")}]`) && !/[[\]/]/.test(text);
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

/** Whether a host is a directory of Unix sockets, or the beginning of an abstract socket's name. */
export function isSocketHost(host: string): boolean {
  return /^[/@]/.test(host);
}

/** Ports, one for all hosts or one each. */
export function checkPorts(value: unknown): readonly number[] {
  const list = Array.isArray(value) ? value : [value];
  if (list.length === 0) throw bad("port", value, "it must be a port, or a list of ports");
  return list.map((port) => checkInteger("port", port, 1, 65_535));
}

/** The whole path of a socket file. */
export function checkSocket(value: unknown): string {
  const path = checkText("socket", value);
  if (!path.startsWith("/")) throw bad("socket", path, "it must be the whole path of a socket file");
  return path;
}

/** A server setting for the session's start. */
export function checkParam(name: unknown, value: unknown): readonly [name: string, value: string] {
  const key = checkText("param", name);
  refuseAlias(key, "param", "set param");
  if (/^_pq_\./i.test(key)) {
    throw new UsageError(
      `Cannot set param ${JSON.stringify(key)}: names that begin with _pq_ are for options of the protocol`,
    );
  }
  if (!/^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)*$/.test(key)) {
    throw new UsageError(`Cannot set param ${JSON.stringify(key)}: it must be the name of a server setting`);
  }
  return [key, checkText(`param ${key}`, typeof value === "number" ? String(value) : value)];
}

/** A user's codec, and the name or OID of its type. */
export function checkCodec(type: unknown, codec: unknown): readonly [key: string, codec: TypeCodec] {
  const key = typeof type === "number" ? String(checkInteger("codec", type, 1, 0xffff_ffff)) : checkText("codec", type);
  if (key.trim() === "") throw bad("codec", type, "its type must be a name as in pg_type, or an OID");
  if (typeof codec !== "object" || codec === null) {
    throw new UsageError(`Cannot set the codec of ${key}: it must be an object with a function parse`);
  }
  const given = codec as Record<string, unknown>;
  if (typeof given["parse"] !== "function") {
    throw new UsageError(`Cannot set the codec of ${key}: it has no function parse, which every codec needs`);
  }
  for (const member of ["format", "decode", "encode", "isValue"]) {
    if (given[member] !== undefined && typeof given[member] !== "function") {
      throw new UsageError(`Cannot set the codec of ${key}: its ${member} must be a function`);
    }
  }
  return [catalogName(key), codec as TypeCodec];
}

/** The name in `pg_type` of a type that is named as in SQL. An array type's name begins with an underscore. */
function catalogName(type: string): string {
  const element = type.replace(/(?:\s*\[\])+$/, "");
  const name = SQL_NAMES.get(element.toLowerCase()) ?? element;
  return element === type ? name : name.replace(/[^.]*$/, "_$&");
}

/** The error for a value that is not allowed. */
export function bad(name: string, value: unknown, allowed: string): UsageError {
  return new UsageError(`Cannot set ${name}${shown(value)}: ${allowed}`);
}

/**
 * A value for a message, unless it may contain another key's secret, as `require;password=…` from
 * another client's string.
 */
function shown(value: unknown): string {
  if (typeof value === "string") return /[;=&]/.test(value) ? "" : ` to ${JSON.stringify(value)}`;
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? " to an array" : " to an object";
  return typeof value === "function" ? " to a function" : ` to ${String(value)}`;
}

/** The longest time of keepalives that Linux accepts, and the largest number of them. */
export const MAX_KEEPALIVE_SECONDS = 32_767;
export const MAX_KEEPALIVE_COUNT = 127;

export const SSL_MODES: readonly SslMode[] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];
export const SSL_NEGOTIATIONS: readonly SslNegotiation[] = ["postgres", "direct"];
export const CHANNEL_BINDINGS: readonly ChannelBinding[] = ["disable", "prefer", "require"];
export const PROTOCOL_VERSIONS: readonly ProtocolVersion[] = ["3.0", "3.2", "latest"];
export const BLOCKING_TRANSPORTS: readonly BlockingTransport[] = ["auto", "ffi", "worker"];

/** SQL's names of types that the catalog does not have. */
const SQL_NAMES: ReadonlyMap<string, string> = new Map([
  ["bigint", "int8"],
  ["bit varying", "varbit"],
  ["boolean", "bool"],
  ["character", "bpchar"],
  ["character varying", "varchar"],
  ["decimal", "numeric"],
  ["double precision", "float8"],
  ["int", "int4"],
  ["integer", "int4"],
  ["real", "float4"],
  ["smallint", "int2"],
  ["time with time zone", "timetz"],
  ["time without time zone", "time"],
  ["timestamp with time zone", "timestamptz"],
  ["timestamp without time zone", "timestamp"],
]);
