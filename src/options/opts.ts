/** The options of connections and pools, as users set them. */
import { type ServerFields, UsageError } from "../errors.ts";
import type { DialFunction } from "./dial.ts";
import type { DatesChoice, Int8Choice, JsonChoice, NumericChoice } from "./choices.ts";
import { AllowedKeys } from "./allowed_keys.ts";
import { trimBlanks } from "./blanks.ts";
import { parseDsn } from "./dsn.ts";
import { canonicalUrl, plainObject } from "./display.ts";
import { checkRequireAuth } from "./require_auth.ts";
import { foreignString } from "./foreign_strings.ts";
import { checkLogger, LOG_LEVELS, type Logger, type LogLevel } from "./logger.ts";
import {
  BLOCKING_TRANSPORTS,
  type BlockingTransport,
  CHANNEL_BINDINGS,
  type ChannelBinding,
  checkBoolean,
  checkChoice,
  checkCodec,
  checkFunction,
  checkHostAddrs,
  checkHosts,
  checkInteger,
  checkKeepAliveTime,
  checkMilliseconds,
  checkParam,
  checkPoolOption,
  checkPorts,
  checkSocket,
  checkSslMode,
  checkText,
  MAX_KEEPALIVE_COUNT,
  type OAuthTokenFunction,
  type PasswordFunction,
  PROTOCOL_VERSIONS,
  type ProtocolVersion,
  type Settings,
  SSL_NEGOTIATIONS,
  type SslCertMode,
  type SslMode,
  type SslNegotiation,
  type TlsVersion,
} from "./settings.ts";
import { checkSslCertMode, checkTls, checkTlsVersion, type TlsSettings } from "./tls_settings.ts";
import type { TypeCodec } from "./type_codec.ts";
import { parseUrl } from "./url.ts";

/** The options of `new Opts`: limits on a connection string. */
export interface StringOptions {
  /**
   * The only keys that the string may have, for strings from untrusted hands; any other is a `UsageError`. The
   * parts of a URL are the keys `user`, `password`, `host`, `port` and `dbname`, and server settings are keys
   * too. A host that is a Unix socket also needs `socket`. Default: all.
   *
   * Leave out what names files or accounts of the program's machine (`passfile`, `service`, `servicefile`,
   * `socket`, `sslcert`, `sslkey`, `sslrootcert`, `sslcrl`, `sslcrldir`), and what weakens it (`sslmode`, `require_auth`, `channel_binding`): setters add those.
   *
   * @example
   * ```ts
   * import { Opts, UsageError } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * const allow = ["host", "port", "user", "password", "dbname"];
   * const opts = new Opts("pg://ada:secret@db.example.com/library", { allow }).sslMode("require");
   * assert.equal(opts.toString(), "pg://ada:***@db.example.com/library?sslmode=require");
   * assert.throws(() => new Opts("pg://db.example.com/library?passfile=/etc/shadow", { allow }), UsageError);
   * ```
   */
  readonly allow?: readonly string[] | undefined;
}

/** The settings of `Opts`, for the modules that connect. */
export let settingsOf: (opts: Opts) => Settings;

let fromSettings: (settings: Settings) => Opts;

/**
 * Connection options. Immutable: every setter checks its value at once and returns new options.
 *
 * Options that are not set are taken from libpq's service file, if a service is named, then from its
 * environment variables (`PGHOST`, `PGPORT`, `PGUSER`, `PGPASSWORD`, `PGDATABASE`, `PGSSLMODE`, …) and its
 * password file when connecting; otherwise they have their defaults. On Deno, only variables and default
 * files are read that the process may read without asking.
 *
 * As in libpq, an empty value in a string or a variable is set: it means the default, and nothing else is
 * looked at.
 *
 * @example From a URL, with a change
 * ```ts
 * import { Opts } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * const opts = new Opts("pg://ada:secret@db.example.com/library?sslmode=require").applicationName("catalog");
 * assert.equal(
 *   opts.toString(),
 *   "pg://ada:***@db.example.com/library?application_name=catalog&sslmode=require",
 * );
 * ```
 *
 * @example From nothing
 * ```ts
 * import { Opts } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * const opts = new Opts().host("db.example.com").port(5433).user("ada").db("library");
 * assert.equal(opts.toString(), "pg://ada@db.example.com:5433/library");
 * ```
 */
export class Opts {
  #settings: Settings;

  /**
   * Parses a URL (`pg://`, `postgres://` or `postgresql://`) or a libpq keyword/value string
   * (`"host=/run/postgresql dbname=test"`).
   *
   * Query keys of the URL are libpq's names, pyro's own (`socket`, `upgrade_to_unix_socket`,
   * `statement_cache_size`, `pgbouncer`, `blocking_transport`, and those of pools:
   * `pool_max_concurrency`, `pool_max_idle_conn`, `pool_min_idle`, `pool_max_waiting`,
   * `pool_max_pipelined`, and in seconds `pool_idle_timeout`, `pool_max_lifetime`,
   * `pool_acquire_timeout`, `pool_leak_timeout`), and any other is a server setting for the session's
   * start (`?statement_timeout=5s`). Other spellings of a key, and other clients' names for it
   * (`Password`, `pwd`, `sslMode`, `schema`), are errors that name the right key.
   *
   * @param text The URL or string; without it, nothing is set.
   * @param options Limits on a string that comes from others.
   * @throws {UsageError} If the string is malformed, or has a libpq key that pyro does not implement, or another client's key.
   */
  constructor(text?: string, options?: StringOptions) {
    this.#settings = text === undefined ? {} : parse(text, options);
  }

  /**
   * The server's host: a name, an IP address, or the directory of its Unix socket (which starts with
   * `/`, or with `@` for an abstract socket of Linux). The hosts of a list, or of one string with commas, are
   * tried in order, and so are the addresses of a name. Default: `localhost`.
   *
   * @throws {UsageError} If it is none of these.
   */
  host(host: string | readonly string[]): Opts {
    return this.#with({ hosts: checkHosts(host) });
  }

  /**
   * The IP address that is dialled instead of looking {@linkcode Opts.host} up: one for each host, in a list or
   * in one string with commas; an empty one is looked up. Everything else goes by the host: the password file,
   * the certificate, the name that is sent when encryption starts. Without a host, the address is the host.
   * Default: none.
   *
   * @example
   * ```ts
   * import { Opts } from "@x/pyro";
   *
   * const opts = new Opts("pg://ada@db.example.com/library").hostAddr("192.0.2.7");
   * console.log(String(opts)); // pg://ada@db.example.com/library?hostaddr=192.0.2.7
   * ```
   *
   * @throws {UsageError} If it is no IP address. If there are not as many as hosts, connecting throws it.
   */
  hostAddr(address: string | readonly string[]): Opts {
    return this.#with({ hostAddrs: checkHostAddrs("hostAddr", address) });
  }

  /**
   * The server's port, from 1 to 65535; a list gives each host its own. Default: 5432.
   *
   * @throws {UsageError} If it is not such a number.
   */
  port(port: number | readonly number[]): Opts {
    return this.#with({ ports: checkPorts(port) });
  }

  /**
   * The whole path of the server's Unix socket file, such as `/run/postgresql/.s.PGSQL.5432`. Host and
   * port then have no effect. Default: none.
   *
   * @throws {UsageError} If the path does not start with `/`.
   */
  socket(path: string): Opts {
    return this.#with({ socket: checkSocket(path) });
  }

  /** The role to log in as. Default: the name of the operating system's user. */
  user(name: string): Opts {
    return this.#with({ user: checkText("user", name) });
  }

  /**
   * The password, sent only in the form that the server requests. Default: that of the password file
   * ({@linkcode Opts.passfile}), or none.
   *
   * A function gives passwords that change, such as tokens: it is called once for each connection, when the
   * server asks for a password, within {@linkcode Opts.connectTimeout}. Blocking connections need the text at
   * once; for a promise, connecting throws a `UsageError`. If the function fails, connecting throws a
   * `ConnectionError` with its error as the `cause`.
   *
   * @example
   * ```ts
   * import { Opts, Pool } from "@x/pyro";
   *
   * const fetchToken = async (): Promise<string> => await Promise.resolve("1234");
   * await using pool = new Pool(new Opts("pg://").password(fetchToken));
   * await pool.ping();
   * ```
   */
  password(password: string | PasswordFunction): Opts {
    return this.#with({ password: typeof password === "function" ? password : checkText("password", password) });
  }

  /**
   * A function that gives a bearer token, for servers that authenticate with OAuth (OAUTHBEARER, PostgreSQL
   * 18). It is called as a function for {@linkcode Opts.password} is, with what {@linkcode Opts.oauthIssuer},
   * {@linkcode Opts.oauthClientId} and {@linkcode Opts.oauthScope} say. The token is sent over TLS and Unix
   * sockets only, unless {@linkcode Opts.sslMode} is `"disable"`. Default: none.
   *
   * Source: PostgreSQL manual, "OAuth Authorization/Authentication"; RFC 7628.
   */
  oauthToken(fn: OAuthTokenFunction): Opts {
    // A text may be the token itself.
    if (typeof fn !== "function") {
      throw new UsageError(`Cannot set oauthToken: it must be a function, not ${typeof fn}`);
    }
    return this.#with({ oauthToken: fn });
  }

  /** The URL of the authorization server, for {@linkcode Opts.oauthToken}. Default: none. */
  oauthIssuer(url: string): Opts {
    return this.#with({ oauthIssuer: checkText("oauthIssuer", url) });
  }

  /** The identifier of this client at the authorization server, for {@linkcode Opts.oauthToken}. Default: none. */
  oauthClientId(id: string): Opts {
    return this.#with({ oauthClientId: checkText("oauthClientId", id) });
  }

  /** The scopes that a token must have, separated by blanks, for {@linkcode Opts.oauthToken}. Default: none. */
  oauthScope(scope: string): Opts {
    return this.#with({ oauthScope: checkText("oauthScope", scope) });
  }

  /**
   * The path of libpq's password file, which is read for each connection without a password. Its lines are
   * `host:port:database:user:password`; the first line that matches is used. A file that does not exist is
   * no error; one that others may read is not used, with a warning. Default: `.pgpass` in the home directory.
   *
   * On Deno the default file counts as absent if it may not be read without asking. A file that is named
   * needs `--allow-read`; without it, connecting throws a `UsageError`.
   */
  passfile(path: string): Opts {
    return this.#with({ passfile: checkText("passfile", path) });
  }

  /**
   * The section of libpq's service file that has the options that are not set here; it has precedence over
   * environment variables. Connecting throws a `UsageError` if no file has it. Default: none.
   */
  service(name: string): Opts {
    return this.#with({ service: checkText("service", name) });
  }

  /**
   * The path of the service file in which {@linkcode Opts.service} is looked up. Default:
   * `.pg_service.conf` in the home directory, then `pg_service.conf` in the directory that `PGSYSCONFDIR`
   * names.
   *
   * On Deno a file that is named needs `--allow-read`; without it, connecting throws a `UsageError`.
   */
  serviceFile(path: string): Opts {
    return this.#with({ serviceFile: checkText("serviceFile", path) });
  }

  /** The database. Default: the one named like the user. */
  db(name: string): Opts {
    return this.#with({ db: checkText("db", name) });
  }

  /** The name that the server shows in `pg_stat_activity` and its log. Default: none. */
  applicationName(name: string): Opts {
    return this.#with({ applicationName: checkText("applicationName", name) });
  }

  /**
   * The application's name if neither these options, nor a service file, nor `PGAPPNAME` have one; for
   * programs with a name of their own that users may change. Default: none.
   */
  fallbackApplicationName(name: string): Opts {
    return this.#with({ fallbackApplicationName: checkText("fallbackApplicationName", name) });
  }

  /**
   * Whether to encrypt, and what the certificate of the server must prove, as in libpq:
   *
   * - `"disable"`: never encrypted. `"allow"`: only if the server refuses a connection in clear.
   * - `"prefer"`: encrypted if the server can. None of these three protects from somebody on the way.
   * - `"require"`: encrypted. The certificate is verified only if there are root certificates, as in `"verify-ca"`.
   * - `"verify-ca"`: an authority of {@linkcode Opts.sslRootCert} or {@linkcode Opts.tls} has issued it.
   * - `"verify-full"`: and it is for the host that is connected to. Use this over networks.
   *
   * Unix sockets are never encrypted. Default: `"prefer"`; `"verify-full"` if `sslRootCert` is `"system"`.
   *
   * Source: PostgreSQL manual, libpq, "SSL Support", which has a table of what each mode protects from.
   *
   * @example
   * ```ts
   * import { Opts } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * const opts = new Opts("pg://ada@db.example.com/library").sslMode("verify-full").sslRootCert("system");
   * assert.equal(opts.toString(), "pg://ada@db.example.com/library?sslmode=verify-full&sslrootcert=system");
   * ```
   *
   * @throws {UsageError} For any other value.
   */
  sslMode(mode: SslMode): Opts {
    return this.#with({ sslMode: checkSslMode("sslMode", mode) });
  }

  /**
   * The path of a file with the certificates of the authorities to trust, in PEM; or `"system"` for those that the
   * system trusts, for which {@linkcode Opts.sslMode} must be `"verify-full"`, and is by default. Default:
   * `.postgresql/root.crt` in the home directory, if it exists.
   *
   * On Deno the default files count as absent if they may not be read without asking. A file that is named needs
   * `--allow-read`; without it, connecting throws a `UsageError`.
   */
  sslRootCert(path: string): Opts {
    return this.#with({ sslRootCert: checkText("sslRootCert", path) });
  }

  /**
   * The path of a file with the client's certificate in PEM, and behind it those of its issuers; it is sent if the
   * server asks for one. As in libpq, a file that does not exist is no error. Default: `.postgresql/postgresql.crt` in
   * the home directory.
   */
  sslCert(path: string): Opts {
    return this.#with({ sslCert: checkText("sslCert", path) });
  }

  /**
   * The path of a file with the private key of the client's certificate, in PEM or DER. Only its owner may have access
   * to it (0600; 0640 if root owns it); otherwise connecting fails. Default: `.postgresql/postgresql.key` in the home
   * directory.
   */
  sslKey(path: string): Opts {
    return this.#with({ sslKey: checkText("sslKey", path) });
  }

  /** The passphrase of an encrypted {@linkcode Opts.sslKey}. Default: none. */
  sslPassword(passphrase: string): Opts {
    return this.#with({ sslPassword: checkText("sslPassword", passphrase) });
  }

  /**
   * Whether the client's certificate may be sent: `"disable"` never, `"allow"` if there is one and the server asks for
   * it. libpq's `require` cannot be had, since no runtime tells whether the server has asked. Default: `"allow"`.
   *
   * @throws {UsageError} For any other value.
   */
  sslCertMode(mode: SslCertMode): Opts {
    return this.#with({ sslCertMode: checkSslCertMode("sslCertMode", mode) });
  }

  /**
   * The path of a file with certificate revocation lists, in PEM. If it exists, every certificate of the server's
   * chain must have a list, and not be on it. Default: `.postgresql/root.crl` in the home directory.
   */
  sslCrl(path: string): Opts {
    return this.#with({ sslCrl: checkText("sslCrl", path) });
  }

  /**
   * The path of a directory with certificate revocation lists, whose names are as `openssl rehash` makes them. See
   * {@linkcode Opts.sslCrl}. Default: none.
   */
  sslCrlDir(path: string): Opts {
    return this.#with({ sslCrlDir: checkText("sslCrlDir", path) });
  }

  /** Whether the host's name is sent when encryption starts (SNI), by which proxies choose a server. Default: true. */
  sslSni(wanted: boolean): Opts {
    return this.#with({ sslSni: checkBoolean("sslSni", wanted) });
  }

  /**
   * How encryption starts: `"postgres"` after a request in clear, which every server understands; `"direct"` at once,
   * which saves a round trip, and needs PostgreSQL 17 and a mode of `"require"` or stricter. Default: `"postgres"`.
   *
   * @throws {UsageError} For any other value.
   */
  sslNegotiation(kind: SslNegotiation): Opts {
    return this.#with({ sslNegotiation: checkChoice("sslNegotiation", kind, SSL_NEGOTIATIONS) });
  }

  /**
   * The oldest version of TLS: `"TLSv1"`, `"TLSv1.1"`, `"TLSv1.2"` or `"TLSv1.3"`; not every runtime has the first two.
   * Default: `"TLSv1.2"`.
   *
   * @throws {UsageError} For any other value.
   */
  sslMinProtocolVersion(version: TlsVersion): Opts {
    return this.#with({ sslMinProtocolVersion: checkTlsVersion("sslMinProtocolVersion", version) });
  }

  /**
   * The newest version of TLS; see {@linkcode Opts.sslMinProtocolVersion}. Default: no limit.
   *
   * @throws {UsageError} For any other value.
   */
  sslMaxProtocolVersion(version: TlsVersion): Opts {
    return this.#with({ sslMaxProtocolVersion: checkTlsVersion("sslMaxProtocolVersion", version) });
  }

  /**
   * Certificates and keys as texts, for programs that have them from a secret store or a variable. They take the place
   * of libpq's files. Default: none.
   *
   * @example
   * ```ts
   * import { Opts } from "@x/pyro";
   * import assert from "node:assert/strict";
   * import process from "node:process";
   *
   * const ca = process.env["DB_CA"];
   * const opts = new Opts("pg://ada@db.example.com/library").sslMode("verify-full");
   * const complete = ca === undefined ? opts.sslRootCert("system") : opts.tls({ ca });
   * assert.equal(complete.toJSON()["sslMode"], "verify-full");
   * ```
   *
   * @throws {UsageError} If a text is not what it must be, such as a certificate in PEM.
   */
  tls(texts: TlsSettings): Opts {
    return this.#with({ tls: checkTls(texts) });
  }

  /**
   * The authentication methods that the server may ask for: a list, separated by commas, of `password`, `md5`,
   * `scram-sha-256`, `oauth`, `gss`, `sspi` and `none` (the server asks for nothing), or of those with `!`
   * before each, which allows all others. Any other request is refused before anything is sent. Default: all.
   *
   * Source: PostgreSQL manual, libpq, "Parameter Key Words", require_auth.
   *
   * @throws {UsageError} If it is no such list.
   */
  requireAuth(methods: string): Opts {
    return this.#with({ requireAuth: checkRequireAuth("requireAuth", methods) });
  }

  /**
   * Whether SCRAM proves that the TLS connection ends at the server itself: `"disable"` never, `"prefer"` if
   * both sides can, `"require"` always, and without it connecting fails. Default: `"prefer"`.
   *
   * Source: PostgreSQL manual, libpq, "Parameter Key Words", channel_binding.
   *
   * @throws {UsageError} For any other value.
   */
  channelBinding(choice: ChannelBinding): Opts {
    return this.#with({ channelBinding: checkChoice("channelBinding", choice, CHANNEL_BINDINGS) });
  }

  /**
   * The name of the operating system's user that must listen on a Unix socket, before anything is sent to it;
   * TCP connections are not checked. If the user is not certain, connecting fails. Default: any user.
   *
   * On Deno the socket's path and `/etc/passwd` need `--allow-read`.
   *
   * Source: PostgreSQL manual, libpq, "Parameter Key Words", requirepeer.
   */
  requirePeer(name: string): Opts {
    return this.#with({ requirePeer: checkText("requirePeer", name) });
  }

  /**
   * Whether a TCP connection to a server on this machine is replaced by its Unix socket, which is faster.
   * A password, or a proof of it, is sent to a socket only if the socket is known to be the server's;
   * otherwise TCP is kept. Default: true.
   */
  upgradeToUnixSocket(wanted: boolean): Opts {
    return this.#with({ upgradeToUnixSocket: checkBoolean("upgradeToUnixSocket", wanted) });
  }

  /**
   * How long connecting may take, in milliseconds, for each host of a list; 0 is no limit. Default:
   * 30 000.
   *
   * @throws {UsageError} If it is not an integer from 0 to 2^31-1.
   */
  connectTimeout(milliseconds: number): Opts {
    return this.#with({ connectTimeout: checkMilliseconds("connectTimeout", milliseconds) });
  }

  /** Whether the operating system probes idle TCP connections, so that dead ones are noticed. Default: true. */
  keepAlive(wanted: boolean): Opts {
    return this.#with({ keepAlive: checkBoolean("keepAlive", wanted) });
  }

  /**
   * The oldest version of the protocol that the session may have: `"3.0"`, `"3.2"` or `"latest"`. Connecting to a
   * server or pooler that only has an older one fails; so does connecting if
   * {@linkcode Opts.maxProtocolVersion} is an older one. Default: `"3.0"`.
   *
   * Source: PostgreSQL manual, libpq, "Parameter Key Words", min_protocol_version.
   *
   * @throws {UsageError} For any other value.
   */
  minProtocolVersion(version: ProtocolVersion): Opts {
    return this.#with({ minProtocolVersion: checkChoice("minProtocolVersion", version, PROTOCOL_VERSIONS) });
  }

  /**
   * The version of the protocol to ask for: `"3.0"`, `"3.2"` (PostgreSQL 18), or `"latest"`, the newest that pyro has,
   * now 3.2. A server that has only an older one uses that. In 3.2 the keys of cancel requests are longer, and so
   * cannot be guessed. Some poolers refuse versions that they do not know, hence the default, which is libpq's: `"3.0"`, or
   * `"latest"` if {@linkcode Opts.minProtocolVersion} is a newer one.
   *
   * Source: PostgreSQL manual, libpq, "Parameter Key Words", max_protocol_version.
   *
   * @example
   * ```ts
   * import { Conn, Opts } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect(new Opts("pg://").maxProtocolVersion("latest"));
   * assert.ok(conn.cancelKey!.secret.length >= 4);
   * ```
   *
   * @throws {UsageError} For any other value.
   */
  maxProtocolVersion(version: ProtocolVersion): Opts {
    return this.#with({ maxProtocolVersion: checkChoice("maxProtocolVersion", version, PROTOCOL_VERSIONS) });
  }

  /**
   * How long a TCP connection must be idle until it is probed, in milliseconds, in whole seconds; 0 is the
   * system's default (two hours on Linux). Has no effect without {@linkcode Opts.keepAlive}, and on Unix
   * sockets. In the URL: `keepalives_idle`, in seconds. Default: 0.
   *
   * Not every runtime can set this and the three options below: `docs/options.md` has a table. Where it
   * cannot, connecting over TCP throws a `UsageError`.
   *
   * Source: PostgreSQL manual, libpq, "Parameter Key Words", keepalives_idle.
   *
   * @example
   * ```ts
   * import { Opts } from "@x/pyro";
   *
   * const opts = new Opts("pg://db.example.com").keepAlivesIdle(60_000);
   * console.log(String(opts)); // pg://db.example.com?keepalives_idle=60
   * ```
   *
   * @throws {UsageError} If it is not a multiple of 1000 from 0 to 32 767 000.
   */
  keepAlivesIdle(milliseconds: number): Opts {
    return this.#with({ keepAlivesIdle: checkKeepAliveTime("keepAlivesIdle", milliseconds) });
  }

  /**
   * The time between probes that are not answered, in milliseconds, in whole seconds; 0 is the system's default
   * (75 seconds on Linux). See {@linkcode Opts.keepAlivesIdle}. In the URL: `keepalives_interval`, in seconds.
   * Default: 0.
   *
   * @throws {UsageError} If it is not a multiple of 1000 from 0 to 32 767 000.
   */
  keepAlivesInterval(milliseconds: number): Opts {
    return this.#with({ keepAlivesInterval: checkKeepAliveTime("keepAlivesInterval", milliseconds) });
  }

  /**
   * The number of probes without an answer after which a connection counts as lost; 0 is the system's default
   * (9 on Linux). See {@linkcode Opts.keepAlivesIdle}. In the URL: `keepalives_count`. Default: 0.
   *
   * @throws {UsageError} If it is not an integer from 0 to 127.
   */
  keepAlivesCount(count: number): Opts {
    return this.#with({ keepAlivesCount: checkInteger("keepAlivesCount", count, 0, MAX_KEEPALIVE_COUNT) });
  }

  /**
   * How long sent data may be without an answer until a TCP connection counts as lost, in milliseconds; 0 is the
   * system's default, about 15 minutes. Has no effect on Unix sockets. See {@linkcode Opts.keepAlivesIdle} for
   * the runtimes that have it. In the URL: `tcp_user_timeout`, in milliseconds too. Default: 0.
   *
   * Source: PostgreSQL manual, libpq, "Parameter Key Words", tcp_user_timeout.
   *
   * @throws {UsageError} If it is not an integer from 0 to 2^31-1.
   */
  tcpUserTimeout(milliseconds: number): Opts {
    return this.#with({ tcpUserTimeout: checkMilliseconds("tcpUserTimeout", milliseconds) });
  }

  /**
   * A server setting that the session starts with, such as `statement_timeout`.
   *
   * @throws {UsageError} If the name cannot be a setting's, or the setting has a setter of its own.
   */
  param(name: string, value: string): Opts {
    const [key, text] = checkParam(name, value);
    return this.#with({ param: { ...this.#settings.param, [key]: text } });
  }

  /**
   * How many SQL strings a connection keeps prepared. With 0, it uses unnamed statements, and keeps the
   * types of 256 strings. Default: 256.
   *
   * @throws {UsageError} If it is not an integer from 0 to 1 000 000.
   */
  statementCacheSize(count: number): Opts {
    return this.#with({ statementCacheSize: checkInteger("statementCacheSize", count, 0, 1_000_000) });
  }

  /**
   * Whether there is a pooler before the server that shares its connections between transactions, such
   * as PgBouncer in transaction mode. Statements then have no names, and the server's Unix socket is
   * not used, whatever {@linkcode Opts.upgradeToUnixSocket} says; {@linkcode Opts.statementCacheSize}
   * is the number of strings whose types are kept. In the URL: `pgbouncer=true`. Default: false.
   *
   * @example
   * ```ts
   * import { Opts } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * const opts = new Opts("pg://ada@pooler.example.com:6432/library?pgbouncer=true");
   * assert.deepEqual(opts.toJSON(), new Opts().user("ada").host("pooler.example.com").port(6432).db("library").pgbouncer(true).toJSON());
   * ```
   */
  pgbouncer(present: boolean): Opts {
    return this.#with({ pgbouncer: checkBoolean("pgbouncer", present) });
  }

  /**
   * The maximum number of idle connections of a pool. Default: `poolMaxConcurrency`.
   *
   * @throws {UsageError} If it is not an integer from 0 to 1 000 000.
   */
  poolMaxIdleConn(count: number): Opts {
    return this.#with(checkPoolOption("poolMaxIdleConn", count));
  }

  /**
   * The maximum number of connections of a pool. Default: 10.
   *
   * @throws {UsageError} If it is not an integer from 1 to 1 000 000.
   */
  poolMaxConcurrency(count: number): Opts {
    return this.#with(checkPoolOption("poolMaxConcurrency", count));
  }

  /**
   * How many idle connections a pool keeps ready once it is in use, within the other two limits.
   * Default: 0.
   *
   * @throws {UsageError} If it is not an integer from 0 to 1 000 000.
   */
  poolMinIdle(count: number): Opts {
    return this.#with(checkPoolOption("poolMinIdle", count));
  }

  /**
   * A pool closes connections that were idle for this time, in milliseconds; 0 is no limit. It keeps
   * `poolMinIdle` of them. Default: 600 000, ten minutes.
   *
   * @throws {UsageError} If it is not an integer from 0 to 2^31-1.
   */
  poolIdleTimeout(milliseconds: number): Opts {
    return this.#with(checkPoolOption("poolIdleTimeout", milliseconds));
  }

  /**
   * A pool closes connections after this time, in milliseconds; 0 is no limit. It never closes one in
   * use. Each connection's time is up to a tenth shorter, at random, so that not all are closed at
   * once. Default: 3 600 000, one hour.
   *
   * @throws {UsageError} If it is not an integer from 0 to 2^31-1.
   */
  poolMaxLifetime(milliseconds: number): Opts {
    return this.#with(checkPoolOption("poolMaxLifetime", milliseconds));
  }

  /**
   * How long a caller waits for a connection of a pool, in milliseconds, until it gets a
   * `TimeoutError`; 0 is no limit. A call's `timeout` may be shorter. Default: 30 000.
   *
   * @throws {UsageError} If it is not an integer from 0 to 2^31-1.
   */
  poolAcquireTimeout(milliseconds: number): Opts {
    return this.#with(checkPoolOption("poolAcquireTimeout", milliseconds));
  }

  /**
   * The maximum number of callers that wait for a connection of a pool; others get a `ConnectionError`
   * at once. Default: no limit.
   *
   * @throws {UsageError} If it is not an integer from 0 to 1 000 000.
   */
  poolMaxWaiting(count: number): Opts {
    return this.#with(checkPoolOption("poolMaxWaiting", count));
  }

  /**
   * A connection that was taken from a pool (by `acquire`, or for a stream) is reported after this
   * time, in milliseconds, with the place where it was taken, if it is not released; 0 is never.
   * Default: 0.
   *
   * @throws {UsageError} If it is not an integer from 0 to 2^31-1.
   */
  poolLeakTimeout(milliseconds: number): Opts {
    return this.#with(checkPoolOption("poolLeakTimeout", milliseconds));
  }

  /**
   * The maximum number of callers of a pool that share a connection when all are in use, or when they call
   * at the same time: each with one `select` known to be quick, together at most 10 ms of work (1 ms if
   * other connections are idle). Sending them together is several times as fast, but a statement that is
   * slow for once delays those behind it. Calls with a `timeout` or `signal` never share. With 1, no call
   * does. Default: 16.
   *
   * @throws {UsageError} If it is not an integer from 1 to 1000.
   */
  poolMaxPipelined(count: number): Opts {
    return this.#with(checkPoolOption("poolMaxPipelined", count));
  }

  /**
   * How blocking connections reach their socket: `"ffi"` through the C library, `"worker"` through a
   * worker thread, `"auto"` through FFI where that is permitted without asking, otherwise and for TLS
   * through a worker. On Node, whose FFI is experimental, `"auto"` means the worker. Default: `"auto"`.
   *
   * @throws {UsageError} For any other value.
   */
  blockingTransport(kind: BlockingTransport): Opts {
    return this.#with({ blockingTransport: checkChoice("blockingTransport", kind, BLOCKING_TRANSPORTS) });
  }

  /**
   * A function that opens connections in place of pyro's own sockets: through a proxy, a tunnel, a WebSocket, to a
   * server in the process. It gets the address as the options say, and gives two Web streams of bytes, or for blocking
   * connections an object with `read`, `write` and `close`: see {@linkcode DialFunction}. It is also called for cancel
   * requests. Default: none.
   *
   * Names are not looked up, there is no upgrade to a Unix socket, and options of TCP sockets are refused. `sslmode`
   * means what it always means, and encryption is up to the connection's `startTls`; without it, `prefer` stays in clear
   * text, and `require` and stricter modes are refused. `conn.transport` is the name that the connection gives, and
   * `conn.cancelKey` undefined.
   *
   * @throws {UsageError} If it is not a function.
   *
   * @example
   * ```ts
   * import { Conn, Opts } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * // Deno's sockets are such streams.
   * const opts = new Opts("pg://").dial(async ({ host, port }, { signal }) => {
   *   return await Deno.connect({ hostname: host!, port: port!, signal });
   * });
   * await using conn = await Conn.connect(opts);
   * assert.equal(conn.transport, "dial");
   * ```
   */
  dial(fn: DialFunction): Opts {
    return this.#with({ dial: checkFunction("dial", fn) });
  }

  /**
   * Called with each notice that the server sends; of very many while connecting, with the first ones.
   * Errors that it throws are ignored. Default: none.
   */
  onNotice(listener: (notice: ServerFields) => void): Opts {
    return this.#with({ onNotice: checkFunction("onNotice", listener) });
  }

  /**
   * Called with each message that the connection sends or receives, as a line of text in the format of
   * libpq's `PQtrace`: the local time, `F` for the client (frontend) or `B` for the server (backend),
   * the message's length in bytes, its name and its fields, with tabs in between. Cancel requests, and
   * the connections that an upgrade tries, are in it. Passwords, other authentication data and cancel
   * keys are shown as `***`; statements, parameters and rows are shown as they are. Errors that the
   * listener throws are ignored; its calls on the connection are refused with a `UsageError`. Default:
   * none.
   *
   * The environment variable `PYRO_TRACE` names a file to which the lines of all connections are
   * appended; with `-` they are written to standard error.
   *
   * Source: PostgreSQL manual, libpq, "Control Functions", PQtrace.
   *
   * @example
   * ```ts
   * import { Conn, Opts } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * const lines: string[] = [];
   * await using conn = await Conn.connect(new Opts("pg://").trace((line) => lines.push(line)));
   * lines.length = 0;
   * await conn.query("select 1 as n");
   * const [, side, length, name, fields] = lines[0]!.split("\t");
   * assert.deepEqual([side, length, name, fields], ["F", "18", "Query", ' "select 1 as n"']);
   * ```
   */
  trace(listener: (line: string) => void): Opts {
    return this.#with({ trace: checkFunction("trace", listener) });
  }

  /**
   * Gets pyro's log: an object with some of the methods `debug`, `info`, `warn` and `error`, such as
   * `console`. The log never contains values and secrets; see {@linkcode Logger}. Default: none.
   *
   * @throws {UsageError} If it has none of these methods.
   */
  logger(logger: Logger): Opts {
    return this.#with({ logger: checkLogger(logger) });
  }

  /**
   * The least level that is logged: `"debug"` (every call), `"info"` (connections opened and closed),
   * `"warn"` (problems) or `"error"`. Default: `"info"`.
   *
   * @throws {UsageError} For any other value.
   */
  logLevel(level: LogLevel): Opts {
    return this.#with({ logLevel: checkChoice("logLevel", level, LOG_LEVELS) });
  }

  /**
   * How int8 is decoded: `"bigint"`, or `"number"`, with a `DecodeError` for values beyond 2^53-1.
   * Default: `"bigint"`.
   */
  int8(choice: Int8Choice): Opts {
    return this.#with({ int8: checkChoice<Int8Choice>("int8", choice, ["bigint", "number"]) });
  }

  /** How numeric is decoded: `"string"`, or by a function of that string. Default: `"string"`. */
  numeric(choice: NumericChoice): Opts {
    return this.#with({
      numeric: typeof choice === "function" ? choice : checkChoice<"string">("numeric", choice, ["string"]),
    });
  }

  /**
   * How json and jsonb are decoded: `"value"` parsed, `"string"` as JSON text, or by a function of that
   * text. Default: `"value"`.
   */
  json(choice: JsonChoice): Opts {
    return this.#with({
      json: typeof choice === "function"
        ? choice
        : checkChoice<"value" | "string">("json", choice, ["value", "string"]),
    });
  }

  /**
   * How dates and times are decoded: `"temporal"` as Temporal's types, `"date"` as JavaScript's Date
   * (only milliseconds; `time` is then a string), `"string"` as PostgreSQL's ISO text, with timestamptz
   * in UTC. Default: `"temporal"`.
   */
  dates(choice: DatesChoice): Opts {
    return this.#with({ dates: checkChoice<DatesChoice>("dates", choice, ["temporal", "date", "string"]) });
  }

  /**
   * Sets the codec of a type, instead of pyro's: for a type of an extension, or for values in classes of your
   * own. It is also used inside of arrays, ranges and composites. An array type can have a codec for the
   * array as a whole.
   *
   * A domain can have a codec too. It encodes parameters, and decodes values in arrays, in composites, and in
   * columns of tables and views that are declared with the domain. For expressions (`price + 1`,
   * `max(price)`, `1::price`) and columns of a UNION the server reports the base type only, whose codec is
   * used. If there is a codec for a type that does not come with PostgreSQL, a query finds a table's columns
   * declared with a domain when the table is first seen.
   *
   * @param nameOrOid The type's name as in `pg_type.typname` (`"numeric"`, `"_int4"`; with its schema if
   *   needed, `"public.geometry"`) or as in SQL (`"integer"`, `"int4[]"`), or its OID.
   * @param codec How its values are decoded and encoded; see {@linkcode TypeCodec} for complete examples.
   * @throws {UsageError} If the name is empty, the OID not an integer, or the codec has no `parse`.
   */
  codec(nameOrOid: string | number, codec: TypeCodec): Opts {
    const [key, checked] = checkCodec(nameOrOid, codec);
    return this.#with({ codec: { ...this.#settings.codec, [key]: checked } });
  }

  /** A canonical URL: the same for equal options, with `***` for the password and for settings such as `app.token`. */
  toString(): string {
    return canonicalUrl(this.#settings);
  }

  /**
   * The options that are set, by the names of their setters, with `"***"` for the password and for
   * settings such as `app.token`.
   */
  toJSON(): Record<string, unknown> {
    return plainObject(this.#settings);
  }

  #with(change: Settings): Opts {
    return fromSettings({ ...this.#settings, ...change });
  }

  static {
    settingsOf = (opts) => opts.#settings;
    fromSettings = (settings) => {
      const opts = new Opts();
      opts.#settings = settings;
      return opts;
    };
    for (const inspect of ["nodejs.util.inspect.custom", "Deno.customInspect"]) {
      Object.defineProperty(this.prototype, Symbol.for(inspect), {
        value(this: Opts): string {
          return `Opts ${this}`;
        },
      });
    }
  }
}

function parse(text: string, { allow }: StringOptions = {}): Settings {
  if (typeof text !== "string") throw new UsageError("Cannot read the connection string: it must be a string");
  const allowed = allow === undefined ? undefined : new AllowedKeys(allow);
  const problem = foreignString(trimBlanks(text));
  if (problem !== undefined) throw new UsageError(`Cannot read the connection string: ${problem}`);
  // A keyword has no "://"; the value of one may have it.
  const isDsn = text.includes("=") && !/^[^=]*:\/\//.test(text);
  const settings = isDsn ? parseDsn(text, allowed) : parseUrl(trimBlanks(text), allowed);
  allowed?.checkHosts(settings);
  allowed?.checkPassword(settings);
  return settings;
}
