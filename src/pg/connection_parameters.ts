/**
 * Where a client connects to, and with what: from its configuration, a URL, `PG*` variables and the defaults, in this
 * order, as in pg.
 */
import { parse } from "pg-connection-string";
import { defaults, environmentVariable } from "./defaults.ts";
import type { ClientConfig } from "./interfaces.ts";

/** A configuration whose members may have any name. */
type Config = ClientConfig & { readonly [name: string]: unknown };

/** The value of `ssl`: whether to encrypt, or how. */
export type SslConfig = Exclude<ClientConfig["ssl"], string | undefined>;

/** The parameters of one connection. */
export class ConnectionParameters {
  /** The role. */
  user: string | undefined;
  /** The database. */
  database: string | undefined;
  /** The port. */
  port: number;
  /** The host, or the directory of the socket. */
  host: string;
  /** The password, or a function that gives it. */
  declare password: ClientConfig["password"] | null;
  /** Whether values are given to the parsers of the binary format. */
  binary: boolean;
  /** Command-line options for the server. */
  options: string | undefined;
  /** Whether and how to encrypt. */
  ssl: SslConfig;
  /** Whether encryption starts with a request (`postgres`) or at once (`direct`). */
  sslnegotiation: string | undefined;
  /** The encoding; pyro uses UTF8 only. */
  client_encoding: string | undefined;
  /** A replication connection, which is refused. */
  replication: string | undefined;
  /** Whether the host is the directory of a Unix socket. */
  isDomainSocket: boolean;
  /** The name of the application. */
  application_name: string | undefined;
  /** The name of the application, if `application_name` is not given. */
  fallback_application_name: string | undefined;
  /** Milliseconds for a statement, on the server. */
  statement_timeout: number | string | false | undefined;
  /** Milliseconds for waiting for a lock, on the server. */
  lock_timeout: number | string | false | undefined;
  /** Milliseconds for being idle in a transaction, on the server. */
  idle_in_transaction_session_timeout: number | string | false | undefined;
  /** Milliseconds until a query fails with `Query read timeout`. */
  query_timeout: number | string | false | undefined;
  /** Seconds. */
  connect_timeout: number | string;
  /** 1 or 0: whether TCP keep-alive is on. */
  keepalives: number | undefined;
  /** Seconds until the first keep-alive message. */
  keepalives_idle: number | undefined;
  /** pyro's own options. */
  readonly statementCacheSize: unknown;
  /** pyro's own: whether the server's Unix socket may replace a local TCP connection. */
  readonly upgradeToUnixSocket: unknown;
  /** pyro's own: whether there is a pooler in between. */
  readonly pgbouncer: unknown;

  /** Reads a configuration, or a connection string. */
  constructor(given?: string | ClientConfig) {
    const config = configOf(given);
    this.user = setting(config, "user") as string | undefined;
    this.database = (setting(config, "database") ?? this.user) as string | undefined;
    this.port = parseInt(String(setting(config, "port")), 10);
    this.host = setting(config, "host") as string;
    hide(this, "password", setting(config, "password"));
    this.binary = setting(config, "binary") as boolean;
    this.options = setting(config, "options") as string | undefined;
    this.ssl = sslOf(config);
    this.sslnegotiation = setting(config, "sslnegotiation", "PGSSLNEGOTIATION") as string | undefined;
    checkNegotiation(this.sslnegotiation, this.ssl);
    this.client_encoding = setting(config, "client_encoding") as string | undefined;
    this.replication = setting(config, "replication") as string | undefined;
    this.isDomainSocket = this.host?.startsWith("/") ?? false;
    this.application_name = setting(config, "application_name", "PGAPPNAME") as string | undefined;
    this.fallback_application_name = setting(config, "fallback_application_name", null) as string | undefined;
    this.statement_timeout = setting(config, "statement_timeout", null) as number | false;
    this.lock_timeout = setting(config, "lock_timeout", null) as number | false;
    this.idle_in_transaction_session_timeout = setting(
      config,
      "idle_in_transaction_session_timeout",
      null,
    ) as number | false;
    this.query_timeout = setting(config, "query_timeout", null) as number | false;
    this.connect_timeout = config.connectionTimeoutMillis === undefined
      ? environmentVariable("PGCONNECT_TIMEOUT") || 0
      : Math.floor(config.connectionTimeoutMillis / 1000);
    if (typeof config.keepAlive === "boolean") this.keepalives = config.keepAlive ? 1 : 0;
    if (typeof config.keepAliveInitialDelayMillis === "number") {
      this.keepalives_idle = Math.floor(config.keepAliveInitialDelayMillis / 1000);
    }
    this.statementCacheSize = config.statementCacheSize;
    this.upgradeToUnixSocket = config.upgradeToUnixSocket;
    this.pgbouncer = config.pgbouncer;
  }
}

/** A property that is not shown when the object is printed. */
export function hide(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { configurable: true, enumerable: false, writable: true, value });
}

/** The configuration; what a connection string says takes precedence. */
function configOf(given: string | ClientConfig | undefined): Config {
  if (typeof given === "string") return parse(given) as unknown as Config;
  const config = (given || {}) as Config;
  const text = config.connectionString;
  return text ? { ...config, ...parse(text) as unknown as Config } : config;
}

/** The value of a configuration, of its variable (`PG` and its name, unless another or none is named), or the default. */
function setting(config: Config, name: string, variable: string | null = `PG${name.toUpperCase()}`): unknown {
  return config[name] || (variable === null ? undefined : environmentVariable(variable)) || defaults[name];
}

function sslOf(config: Config): SslConfig {
  let ssl = config.ssl === undefined ? sslOfEnvironment() : config.ssl;
  if (ssl === "true") ssl = true;
  if (ssl === "no-verify") ssl = { rejectUnauthorized: false };
  if (typeof ssl === "object" && ssl !== null && ssl.key) hide(ssl, "key", ssl.key);
  return ssl as SslConfig;
}

function sslOfEnvironment(): ClientConfig["ssl"] {
  switch (environmentVariable("PGSSLMODE")) {
    case "disable":
      return false;
    case "prefer":
    case "require":
    case "verify-ca":
    case "verify-full":
      return true;
    case "no-verify":
      return { rejectUnauthorized: false };
  }
  return defaults.ssl;
}

function checkNegotiation(given: string | undefined, ssl: SslConfig): void {
  if (given !== undefined && given !== "postgres" && given !== "direct") {
    throw new Error(`Invalid sslnegotiation value: "${given}". Valid values are "postgres" and "direct".`);
  }
  if (given === "direct" && !ssl) throw new Error("sslnegotiation=direct requires SSL to be enabled");
}
