/**
 * All options in one table: the key of each in connection strings, how its value is checked, read and shown, and other
 * clients' names for it. A setter of `Opts` without a row does not compile, and a row without a setter neither.
 *
 * Sources: the manuals of libpq, Npgsql and ADO.NET, JDBC, node-postgres, postgres.js, Bun, Prisma, SQLAlchemy and
 * asyncpg, pgx, SQLx.
 */
import { checkLogger, LOG_LEVELS } from "./logger.ts";
import type { OptionName } from "./opts_object.ts";
import * as values from "./option_values.ts";
import { MAX_MILLISECONDS, POOL_OPTION_LIST, type PoolOption, type PoolOptionName } from "./pool_options.ts";
import { checkRequireAuth } from "./require_auth.ts";
import type { Settings, TargetSessionAttrs } from "./settings.ts";
import { checkSslCertMode, checkTls, checkTlsVersion } from "./tls_settings.ts";

/** What is known of an option whose setting is a `T`. */
export interface Option<T = unknown> {
  /** Its key in connection strings, if it has one. */
  readonly key?: string | undefined;
  /** Whether the key is pyro's own, so that no file of libpq's has it. */
  readonly isOwnKey?: boolean;
  /** Whether the key's values are seconds, while the setter takes milliseconds. */
  readonly isInSeconds?: boolean;
  /** Whether the value is never shown. */
  readonly isSecret?: boolean;
  /** Other clients' names for it, in small letters and without separators. */
  readonly aliases?: string | undefined;
  /** Its member of `Settings`, if that is not named like the setter. */
  readonly member?: keyof Settings;
  /** Checks what a setter is given, and copies lists. `name` is the user's name for the option. */
  check(name: string, value: unknown): T;
  /** Reads the value of the key. Default: it is checked as what a setter is given. */
  parse?(name: string, value: string): T;
  /** The value of the key, for the canonical URL. Default: the setting as text. */
  show?(setting: T): unknown;
}

type Member<N extends OptionName> = N extends "host" ? "hosts"
  : N extends "hostAddr" ? "hostAddrs"
  : N extends "port" ? "ports"
  : N;

type Table = { readonly [N in OptionName]: Option<Exclude<Settings[Member<N>], undefined>> };

/** What `target_session_attrs` may be. */
export const TARGET_SESSION_ATTRS: readonly TargetSessionAttrs[] = [
  "any",
  "read-write",
  "read-only",
  "primary",
  "standby",
  "prefer-standby",
];

/** An option whose key takes the same words or texts as its setter. */
function same<T>(check: Option<T>["check"], key: string, aliases?: string): Option<T> {
  return { key, aliases, check };
}

function text(key: string, aliases?: string): Option<string> {
  return same(values.checkText, key, aliases);
}

function word<T extends string>(words: readonly T[], key: string, aliases?: string): Option<T> {
  return same((name, value) => values.checkChoice(name, value, words), key, aliases);
}

/** A choice that no connection string can make. */
function choice<T>(check: Option<T>["check"], aliases?: string): Option<T> {
  return { aliases, check };
}

function callable<F>(aliases: string): Option<F> {
  return choice(values.checkFunction<F>, aliases);
}

/** A choice of words, or a function. */
function wordOrFunction<T extends string, F>(...words: readonly T[]): Option<T | F> {
  return choice((name, value) => typeof value === "function" ? value as F : values.checkChoice(name, value, words));
}

function flag(key: string, aliases?: string): Option<boolean> {
  return { key, aliases, isOwnKey: true, check: values.checkBoolean, parse: values.parseBoolean };
}

function poolOption({ keyword, unit, min, max, aliases }: PoolOption): Option<number> {
  const isInSeconds = unit === "time";
  return {
    key: keyword,
    isOwnKey: true,
    isInSeconds,
    aliases,
    check: (name, value) => values.checkInteger(name, value, min, max),
    parse: isInSeconds ? values.parseSeconds : (name, value) => values.parseInteger(name, value, min, max),
  };
}

const KEEPALIVE_TIME: Option<number> = {
  isInSeconds: true,
  check: values.checkKeepAliveTime,
  parse: (name, value) => values.parseNatural(name, value, values.MAX_KEEPALIVE_SECONDS) * 1000,
};

/** The member of `Settings` that an option sets. */
export function memberOf(name: string, option: Option): keyof Settings {
  return option.member ?? name as keyof Settings;
}

/** The options, by the names of their setters. */
export const OPTIONS: Table = {
  host: {
    key: "host",
    member: "hosts",
    aliases: "hostname server servername address addr networkaddress datasource pghost",
    check: values.checkHosts,
    parse: values.parseHosts,
  },
  hostAddr: { key: "hostaddr", member: "hostAddrs", aliases: "hostaddress pghostaddr", check: values.checkHostAddrs },
  port: {
    key: "port",
    member: "ports",
    aliases: "pgport portnumber",
    check: values.checkPorts,
    parse: values.parsePorts,
  },
  socket: {
    key: "socket",
    isOwnKey: true,
    aliases: "unixsocket socketpath unixsocketpath sockpath unixsock",
    check: values.checkSocket,
  },
  user: text("user", "username userid uid uname login pguser"),
  password: {
    key: "password",
    isSecret: true,
    aliases: "pass passwd pwd psw passphrase passcode userpassword secret pgpassword",
    check: values.checkPassword,
    parse: values.checkText,
  },
  db: text("dbname", "database databasename dbase initialcatalog catalog pgdatabase"),
  applicationName: text("application_name", "appname application programname pgappname"),
  fallbackApplicationName: text("fallback_application_name"),
  passfile: text("passfile", "pgpassfile"),
  service: text("service", "pgservice"),
  serviceFile: text("servicefile", "pgservicefile"),
  sslMode: same(
    values.checkSslMode,
    "sslmode",
    "sslaccept tlsmode usessl requiressl encrypt encryption trustservercertificate sslrejectunauthorized " +
      "rejectunauthorized pgsslmode sslrequire sslfactory sslfactoryarg sslhostnameverifier",
  ),
  sslNegotiation: word(["postgres", "direct"], "sslnegotiation"),
  sslRootCert: text("sslrootcert", "rootcertificate sslca sslcafile cafile servercertificate"),
  sslCert: text("sslcert", "sslcertificate sslidentity clientcertificate"),
  sslKey: text("sslkey", "clientkey"),
  sslPassword: { ...text("sslpassword", "sslkeypassword"), isSecret: true },
  sslCertMode: same(checkSslCertMode, "sslcertmode"),
  sslCrl: text("sslcrl", "checkcertificaterevocation"),
  sslCrlDir: text("sslcrldir"),
  // As in libpq, everything but 1 is false.
  sslSni: { key: "sslsni", check: values.checkBoolean, parse: (_, value) => value.startsWith("1"), show: Number },
  sslMinProtocolVersion: same(checkTlsVersion, "ssl_min_protocol_version"),
  sslMaxProtocolVersion: same(checkTlsVersion, "ssl_max_protocol_version", "sslprotocols"),
  tls: choice(checkTls),
  requireAuth: same(checkRequireAuth, "require_auth", "pgrequireauth"),
  channelBinding: word(
    ["disable", "prefer", "require"],
    "channel_binding",
    "enablechannelbinding pgchannelbinding",
  ),
  requirePeer: text("requirepeer", "pgrequirepeer"),
  oauthToken: choice(values.checkToken),
  oauthIssuer: text("oauth_issuer"),
  oauthClientId: text("oauth_client_id"),
  oauthScope: text("oauth_scope"),
  targetSessionAttrs: word(
    TARGET_SESSION_ATTRS,
    "target_session_attrs",
    "targetsessionattributes targetservertype pgtargetsessionattrs",
  ),
  loadBalanceHosts: {
    key: "load_balance_hosts",
    aliases: "pgloadbalancehosts",
    check: values.checkBoolean,
    parse: (name, value) => values.checkChoice(name, value, ["disable", "random"]) === "random",
    show: (isRandom) => isRandom ? "random" : "disable",
  },
  hostRecheck: {
    key: "host_recheck",
    isOwnKey: true,
    isInSeconds: true,
    aliases: "hostrecheckseconds",
    check: values.checkMilliseconds,
    parse: values.parseSeconds,
  },
  upgradeToUnixSocket: flag("upgrade_to_unix_socket"),
  timeout: {
    key: "call_timeout",
    isOwnKey: true,
    isInSeconds: true,
    check: values.checkMilliseconds,
    parse: values.parseSeconds,
  },
  connectTimeout: {
    key: "connect_timeout",
    isInSeconds: true,
    aliases: "connectiontimeout connectiontimeoutmillis connectiontimeoutmilliseconds connecttimeoutms " +
      "logintimeout dialtimeout pgconnecttimeout",
    check: values.checkMilliseconds,
    parse: values.parseTimeout,
  },
  keepAlive: {
    key: "keepalives",
    aliases: "tcpkeepalive tcpkeepalives usekeepalive",
    check: values.checkBoolean,
    parse: values.parseKeepAlive,
    show: Number,
  },
  keepAlivesIdle: {
    ...KEEPALIVE_TIME,
    key: "keepalives_idle",
    aliases: "tcpkeepalivetime keepaliveinitialdelaymillis",
  },
  keepAlivesInterval: { ...KEEPALIVE_TIME, key: "keepalives_interval", aliases: "tcpkeepaliveinterval" },
  keepAlivesCount: {
    key: "keepalives_count",
    aliases: "tcpkeepalivecount",
    check: (name, value) => values.checkInteger(name, value, 0, values.MAX_KEEPALIVE_COUNT),
    parse: (name, value) => values.parseNatural(name, value, values.MAX_KEEPALIVE_COUNT),
  },
  tcpUserTimeout: {
    key: "tcp_user_timeout",
    check: values.checkMilliseconds,
    parse: (name, value) => values.parseNatural(name, value, MAX_MILLISECONDS),
  },
  minProtocolVersion: word(["3.0", "3.2", "latest"], "min_protocol_version", "pgminprotocolversion"),
  maxProtocolVersion: word(["3.0", "3.2", "latest"], "max_protocol_version", "protocolversion pgmaxprotocolversion"),
  statementCacheSize: {
    key: "statement_cache_size",
    isOwnKey: true,
    aliases: "preparedstatementcachesize preparedstatementcachequeries statementcachecapacity statementcachemode " +
      "maxautoprepare autopreparemin autoprepareminusages preparethreshold prepare preparedstatements " +
      "defaultqueryexecmode descriptioncachecapacity maxcachedstatementlifetime maxcacheablestatementsize " +
      "preferquerymode",
    check: (name, value) => values.checkInteger(name, value, 0, 1_000_000),
    parse: (name, value) => values.parseInteger(name, value, 0, 1_000_000),
  },
  // The spelling of ORMs.
  pgbouncer: flag("pgbouncer", "noresetonclose"),
  ...Object.fromEntries(POOL_OPTION_LIST.map(([name, option]) => [name, poolOption(option)])) as Record<
    PoolOptionName,
    Option<number>
  >,
  blockingTransport: { ...word(["auto", "ffi", "worker"], "blocking_transport"), isOwnKey: true },
  strictTransactions: flag("strict_transactions"),
  onNotice: callable("noticelistener"),
  dial: callable("dialer dialfunc stream"),
  trace: callable("debug"),
  logger: choice((_, value) => checkLogger(value), "log"),
  logLevel: choice((name, value) => values.checkChoice(name, value, LOG_LEVELS), "loggerlevel"),
  slow: choice(values.checkMilliseconds),
  logValues: choice(values.checkBoolean),
  int8: choice((name, value) => values.checkChoice(name, value, ["bigint", "number", "string"]), "bigint"),
  numeric: wordOrFunction("string"),
  json: wordOrFunction("value", "lossless", "string"),
  dates: choice((name, value) => values.checkChoice(name, value, ["temporal", "date", "string"])),
  names: choice((name, value) => values.checkChoice(name, value, ["database", "camel"])),
  numberArrays: choice((name, value) => values.checkChoice(name, value, ["array", "typed"])),
};

/** Other clients' names for the setters that add to an option: it is set piece by piece, and no key is its own. */
export const ADDED_OPTIONS: Readonly<Record<"param" | "codec", string>> = {
  param: "connection runtimeparams serversettings",
  codec: "types codecs",
};

/** libpq's other keys: the values that pyro satisfies without implementing them, and other clients' names. */
export const NOT_IMPLEMENTED: ReadonlyMap<string, { readonly harmless: readonly string[]; readonly aliases?: string }> =
  new Map([
    ["gssdelegation", { harmless: ["0", ""], aliases: "gssapidelegation" }],
    ["gssencmode", { harmless: ["disable", "prefer"], aliases: "gssencryptionmode" }],
    ["gsslib", { harmless: [""], aliases: "usespnego" }],
    ["krbsrvname", { harmless: [""], aliases: "kerberosservicename kerberosservername includerealm" }],
    ["oauth_client_secret", { harmless: [""], aliases: "clientsecret" }],
    ["replication", { harmless: ["false", "off", "no", "0", ""], aliases: "replicationmode" }],
    ["scram_client_key", { harmless: [] }],
    ["scram_server_key", { harmless: [] }],
    ["sslcompression", { harmless: ["0", ""] }],
    ["sslkeylogfile", { harmless: [""] }],
  ]);
