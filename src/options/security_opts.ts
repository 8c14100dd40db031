/** The options of authentication and encryption. */
import { ServerOpts, set } from "./server_opts.ts";
import type {
  ChannelBinding,
  OAuthTokenFunction,
  PasswordFunction,
  SslCertMode,
  SslMode,
  SslNegotiation,
  TlsVersion,
} from "./settings.ts";
import type { TlsSettings } from "./tls_settings.ts";

/** The setters of {@linkcode Opts} for who connects, and for what the two sides prove to each other. */
export abstract class SecurityOpts extends ServerOpts {
  /** The role to log in as. Default: the name of the operating system's user. */
  user(name: string): this {
    return set(this, "user", name);
  }

  /**
   * The password. It is sent only in the form that the server requests. Default: that of the password file
   * ({@linkcode passfile}), or none.
   *
   * For passwords that change, such as tokens, give a function: it is called once for each connection, when the
   * server requests a password, and must end within {@linkcode ServerOpts.connectTimeout}. For blocking connections
   * it must return a string; if it returns a promise, connecting throws a `UsageError`. If the function fails,
   * connecting throws a `ConnectionError` with its error as the `cause`.
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
  password(password: string | PasswordFunction): this {
    return set(this, "password", password);
  }

  /**
   * A function that returns a bearer token, for servers that authenticate with OAuth (OAUTHBEARER, PostgreSQL 18). It
   * is called like a function for {@linkcode password}, with the values of {@linkcode oauthIssuer},
   * {@linkcode oauthClientId} and {@linkcode oauthScope}. The token is sent over TLS and Unix sockets only, unless
   * {@linkcode sslMode} is `"disable"`. Default: none.
   *
   * Source: PostgreSQL manual, "OAuth Authorization/Authentication"; RFC 7628.
   */
  oauthToken(fn: OAuthTokenFunction): this {
    return set(this, "oauthToken", fn);
  }

  /** The URL of the authorization server, for {@linkcode oauthToken}. Default: none. */
  oauthIssuer(url: string): this {
    return set(this, "oauthIssuer", url);
  }

  /** The identifier of this client at the authorization server, for {@linkcode oauthToken}. Default: none. */
  oauthClientId(id: string): this {
    return set(this, "oauthClientId", id);
  }

  /** The scopes that a token must have, separated by blanks, for {@linkcode oauthToken}. Default: none. */
  oauthScope(scope: string): this {
    return set(this, "oauthScope", scope);
  }

  /**
   * The path of libpq's password file, which is read for each connection whose password is not set otherwise. Its
   * lines are `host:port:database:user:password`; the first line that matches is used. A file that does not exist is
   * no error; one that others may read is not used, with a warning. Default: `.pgpass` in the home directory, which
   * is read only if the server asks for a password, or if connections to it are upgraded to its Unix socket.
   *
   * On Deno the default file counts as absent if it may not be read without asking. A file that is named
   * needs `--allow-read`; without it, connecting throws a `UsageError`.
   */
  passfile(path: string): this {
    return set(this, "passfile", path);
  }

  /**
   * Whether to encrypt, and what the certificate of the server must prove, as in libpq:
   *
   * - `"disable"`: never encrypted. `"allow"`: only if the server refuses an unencrypted connection.
   * - `"prefer"`: encrypted if the server supports it. None of these three protects from an attacker in between.
   * - `"require"`: encrypted. The certificate is verified only if there are root certificates, as in `"verify-ca"`.
   * - `"verify-ca"`: an authority of {@linkcode sslRootCert} or {@linkcode tls} has issued it.
   * - `"verify-full"`: in addition, the certificate is for the host that is connected to. Use this over networks.
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
  sslMode(mode: SslMode): this {
    return set(this, "sslMode", mode);
  }

  /**
   * The path of a file with the certificates of the authorities to trust, in PEM; or `"system"` for those that the
   * system trusts, for which {@linkcode sslMode} must be `"verify-full"`, and is by default. Default:
   * `.postgresql/root.crt` in the home directory, if it exists.
   *
   * On Deno the default files count as absent if they may not be read without asking. A file that is named needs
   * `--allow-read`; without it, connecting throws a `UsageError`.
   */
  sslRootCert(path: string): this {
    return set(this, "sslRootCert", path);
  }

  /**
   * The path of a file with the client's certificate in PEM, followed by those of its issuers; it is sent if the
   * server requests one. As in libpq, a file that does not exist is no error. Default: `.postgresql/postgresql.crt`
   * in the home directory.
   */
  sslCert(path: string): this {
    return set(this, "sslCert", path);
  }

  /**
   * The path of a file with the private key of the client's certificate, in PEM or DER. Only its owner may have access
   * to it (0600; 0640 if root owns it); otherwise connecting fails. Default: `.postgresql/postgresql.key` in the home
   * directory.
   */
  sslKey(path: string): this {
    return set(this, "sslKey", path);
  }

  /** The passphrase of an encrypted {@linkcode sslKey}. Default: none. */
  sslPassword(passphrase: string): this {
    return set(this, "sslPassword", passphrase);
  }

  /**
   * Whether the client's certificate may be sent: `"disable"` never, `"allow"` if there is one and the server asks for
   * it. libpq's `require` cannot be had, since no runtime tells whether the server has asked. Default: `"allow"`.
   *
   * @throws {UsageError} For any other value.
   */
  sslCertMode(mode: SslCertMode): this {
    return set(this, "sslCertMode", mode);
  }

  /**
   * The path of a file with certificate revocation lists, in PEM. If it exists, every certificate of the server's
   * chain must have a list, and not be on it. Default: `.postgresql/root.crl` in the home directory.
   */
  sslCrl(path: string): this {
    return set(this, "sslCrl", path);
  }

  /**
   * The path of a directory with certificate revocation lists, whose names are as `openssl rehash` makes them. See
   * {@linkcode sslCrl}. Default: none.
   */
  sslCrlDir(path: string): this {
    return set(this, "sslCrlDir", path);
  }

  /** Whether the host's name is sent when encryption starts (SNI), by which proxies choose a server. Default: true. */
  sslSni(wanted: boolean): this {
    return set(this, "sslSni", wanted);
  }

  /**
   * How encryption starts: `"postgres"` after an unencrypted request, which every server understands; `"direct"` at
   * once, which saves a round trip, and needs PostgreSQL 17 and {@linkcode sslMode} `"require"` or stricter. Default:
   * `"postgres"`.
   *
   * @throws {UsageError} For any other value.
   */
  sslNegotiation(kind: SslNegotiation): this {
    return set(this, "sslNegotiation", kind);
  }

  /**
   * The oldest version of TLS: `"TLSv1"`, `"TLSv1.1"`, `"TLSv1.2"` or `"TLSv1.3"`; not every runtime has the first two.
   * `""` is no limit. Default: `"TLSv1.2"`.
   *
   * @throws {UsageError} For any other value.
   */
  sslMinProtocolVersion(version: TlsVersion | ""): this {
    return set(this, "sslMinProtocolVersion", version);
  }

  /**
   * The newest version of TLS; see {@linkcode sslMinProtocolVersion}. Default: `""`, no limit.
   *
   * @throws {UsageError} For any other value.
   */
  sslMaxProtocolVersion(version: TlsVersion | ""): this {
    return set(this, "sslMaxProtocolVersion", version);
  }

  /**
   * Certificates and keys as strings, for programs that have them from a secret store or a variable. They are used in
   * place of libpq's files. Default: none.
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
   * @throws {UsageError} If a string is not valid, for example not a certificate in PEM.
   */
  tls(texts: TlsSettings): this {
    return set(this, "tls", texts);
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
  requireAuth(methods: string): this {
    return set(this, "requireAuth", methods);
  }

  /**
   * Whether SCRAM proves that the TLS connection ends at the server itself (channel binding): `"disable"` never;
   * `"prefer"` if both sides support it; `"require"` always, otherwise connecting fails. Default: `"prefer"`.
   *
   * Source: PostgreSQL manual, libpq, "Parameter Key Words", channel_binding.
   *
   * @throws {UsageError} For any other value.
   */
  channelBinding(choice: ChannelBinding): this {
    return set(this, "channelBinding", choice);
  }

  /**
   * The name of the operating-system user whose process must listen on the Unix socket. pyro checks this before it
   * sends anything; TCP connections are not checked. If the user cannot be determined, connecting fails. Default: any
   * user.
   *
   * On Deno the socket's path and `/etc/passwd` need `--allow-read`.
   *
   * Source: PostgreSQL manual, libpq, "Parameter Key Words", requirepeer.
   */
  requirePeer(name: string): this {
    return set(this, "requirePeer", name);
  }
}
