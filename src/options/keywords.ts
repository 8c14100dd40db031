/**
 * The keys of URLs and of keyword/value strings: libpq's, pyro's own, and any other is the name of a
 * server setting.
 *
 * A libpq key that is not implemented is an error, unless its value requires nothing: pyro must neither
 * ignore what a user relies on nor send it to the server.
 *
 * Source: PostgreSQL manual, libpq, "Parameter Key Words".
 */
import { UsageError } from "../errors.ts";
import { canonicalName, refuseAlias } from "./aliases.ts";
import type { AllowedKeys } from "./allowed_keys.ts";
import { trimBlanks } from "./blanks.ts";
import { sslModeNote, sslModeOf } from "./foreign_ssl_modes.ts";
import { MAX_MILLISECONDS, POOL_OPTION_LIST, POOL_OPTIONS, type PoolOptionName } from "./pool_options.ts";
import { checkRequireAuth } from "./require_auth.ts";
import {
  bad,
  BLOCKING_TRANSPORTS,
  CHANNEL_BINDINGS,
  checkChoice,
  checkHostAddrs,
  checkInteger,
  checkParam,
  checkPoolOption,
  checkSocket,
  checkSslMode,
  checkText,
  MAX_KEEPALIVE_COUNT,
  MAX_KEEPALIVE_SECONDS,
  parseHosts,
  PROTOCOL_VERSIONS,
  type Settings,
  SSL_NEGOTIATIONS,
} from "./settings.ts";
import { checkSslCertMode, checkTlsVersion } from "./tls_settings.ts";

/** The settings with `key=value` added. `name` is the user's name for the key, for errors. */
export function applyKeyword(settings: Settings, key: string, value: string, name: string = key): Settings {
  const keyword = KEYWORDS.get(key);
  if (keyword !== undefined) return { ...settings, [keyword.member]: keyword.parse(value, name) };
  const harmless = NOT_IMPLEMENTED.get(key);
  if (harmless !== undefined) {
    checkHarmless(key, value, name, harmless);
    return { ...settings, accepted: { ...settings.accepted, [key]: value } };
  }
  refuseAlias(key, "key", "use key", value);
  const [param, text] = checkParam(key, value);
  return { ...settings, param: { ...settings.param, [param]: text } };
}

function checkHarmless(key: string, value: string, name: string, harmless: readonly string[]): void {
  if (key === "client_encoding") {
    if (!/^(utf-?8|unicode|auto|)$/i.test(value)) throw bad(name, value, "pyro reads and writes UTF8 only");
    return;
  }
  if (harmless.includes(value)) return;
  const shown = harmless.filter((word) => word !== "");
  const allowed = shown.length === 0 ? "" : `; of its values pyro has ${shown.join(", ")}`;
  throw new UsageError(
    `Cannot use ${name}: it is a connection parameter of libpq's that is not implemented${allowed}`,
  );
}

/**
 * The settings with all pairs added. Of equal keys only the last one is read, as in libpq, and so it is of keys for
 * the same setting (`sslmode`, `requiressl`, `ssl`); all of them must be allowed.
 */
export function applyKeywords(
  settings: Settings,
  pairs: readonly (readonly [key: string, value: string])[],
  allowed?: AllowedKeys,
): Settings {
  const last = new Map<string, readonly [key: string, value: string]>();
  for (const pair of pairs) {
    const [key] = pair;
    if (!isMisnamed(key)) allowed?.check(key);
    const setting = KEYWORDS.get(key)?.member ?? key;
    last.delete(setting);
    last.set(setting, pair);
  }
  return [...last.values()].reduce((added, [key, value]) => applyKeyword(added, key, value), settings);
}

/** Whether the settings have a value for a key, so that nothing else is looked at for it. An empty value is one. */
export function isGiven(settings: Settings, key: string): boolean {
  const keyword = KEYWORDS.get(key);
  if (keyword !== undefined) return settings[keyword.member] !== undefined;
  if (NOT_IMPLEMENTED.has(key)) return settings.accepted?.[key] !== undefined;
  return Object.keys(settings.param ?? {}).some((name) => name.toLowerCase() === key.toLowerCase());
}

/** Whether it is a key in the right spelling, and no server setting. */
export function isKey(key: string): boolean {
  return KEYWORDS.has(key) || NOT_IMPLEMENTED.has(key) || key === "options";
}

/** Whether it is refused anyway, by an error that names the right key. */
function isMisnamed(key: string): boolean {
  return !isKey(key) && canonicalName(key, "key") !== undefined;
}

/** Whether libpq has the key, so that its service files may have it. */
export function isLibpqKey(key: string): boolean {
  return LIBPQ_KEYWORDS.has(key) || NOT_IMPLEMENTED.has(key) || key === "options";
}

/** A boolean in any of the spellings that PostgreSQL users write. */
export function parseBoolean(name: string, value: string): boolean {
  const word = value.toLowerCase();
  if (TRUE.includes(word)) return true;
  if (FALSE.includes(word)) return false;
  throw bad(name, value, `it must be one of ${[...TRUE, ...FALSE].join(", ")}`);
}

/** Ports as libpq writes them: separated by commas, empty for the default. */
export function parsePorts(name: string, value: string): readonly (number | undefined)[] {
  return value.split(",").map((port) => port === "" ? undefined : parseInteger(name, port, 1, 65_535));
}

function parseInteger(name: string, value: string, min: number, max: number): number {
  const text = trimBlanks(value);
  if (!/^[+-]?\d+$/.test(text)) throw bad(name, value, `it must be an integer from ${min} to ${max}`);
  return checkInteger(name, Number(text), min, max);
}

/** A time in seconds, as milliseconds. */
function parseSeconds(name: string, value: string): number {
  return parseInteger(name, value, 0, Math.floor(MAX_MILLISECONDS / 1000)) * 1000;
}

/** `connect_timeout`: as in libpq, any integer of 32 bits. Zero and less are no limit. */
function parseTimeout(name: string, value: string): number {
  return Math.min(parseNatural(name, value, 0x7fff_ffff), Math.floor(MAX_MILLISECONDS / 1000)) * 1000;
}

/** An integer up to `max`. As in libpq, a negative one of 32 bits is 0, but errors name only what makes sense. */
function parseNatural(name: string, value: string, max: number): number {
  const text = trimBlanks(value);
  return /^-\d+$/.test(text) && Number(text) >= -0x8000_0000 ? 0 : parseInteger(name, value, 0, max);
}

/** `keepalives`: in libpq any integer of 32 bits, where 0 is false. */
function parseKeepAlive(name: string, value: string): boolean {
  const text = trimBlanks(value);
  const isInteger = /^[+-]?\d+$/.test(text) && Number(text) === (Number(text) | 0);
  return isInteger ? Number(text) !== 0 : parseBoolean(name, value);
}

/** `ssl`: a boolean. Other clients also take words of `sslmode`. */
function parseSsl(name: string, value: string): "require" | "disable" {
  const mode = [...TRUE, ...FALSE].includes(value.toLowerCase()) ? undefined : sslModeOf(value);
  if (mode !== undefined) throw bad(name, value, `use sslmode=${mode} instead${sslModeNote(mode)}`);
  return parseBoolean(name, value) ? "require" : "disable";
}

function parseCount(option: PoolOptionName, name: string, value: string): number {
  const { min, max } = POOL_OPTIONS[option];
  return parseInteger(name, value, min, max);
}

/** The setting that a key sets, and how its value is read. */
interface Keyword {
  readonly member: Exclude<keyof Settings, "param" | "accepted">;
  readonly parse: (value: string, name: string) => unknown;
}

type Row = readonly [key: string, keyword: Keyword];

function row<K extends Keyword["member"]>(
  key: string,
  member: K,
  parse: (value: string, name: string) => Settings[K],
): Row {
  return [key, { member, parse }];
}

/** libpq's keywords. Those that libpq takes in strings only are below. */
const LIBPQ_KEYWORDS: ReadonlyMap<string, Keyword> = new Map<string, Keyword>([
  row("host", "hosts", parseHosts),
  row("hostaddr", "hostAddrs", (value, name) => checkHostAddrs(name, value)),
  row("port", "ports", (value, name) => parsePorts(name, value)),
  row("user", "user", (value) => checkText("user", value)),
  row("password", "password", (value) => checkText("password", value)),
  row("dbname", "db", (value) => checkText("dbname", value)),
  row("passfile", "passfile", (value, name) => checkText(name, value)),
  row("service", "service", (value, name) => checkText(name, value)),
  row("servicefile", "serviceFile", (value, name) => checkText(name, value)),
  row("application_name", "applicationName", (value, name) => checkText(name, value)),
  row("fallback_application_name", "fallbackApplicationName", (value, name) => checkText(name, value)),
  row("connect_timeout", "connectTimeout", (value, name) => parseTimeout(name, value)),
  row("sslmode", "sslMode", (value, name) => checkSslMode(name, value)),
  row("sslnegotiation", "sslNegotiation", (value, name) => checkChoice(name, value, SSL_NEGOTIATIONS)),
  row("sslrootcert", "sslRootCert", (value, name) => checkText(name, value)),
  row("sslcert", "sslCert", (value, name) => checkText(name, value)),
  row("sslkey", "sslKey", (value, name) => checkText(name, value)),
  row("sslpassword", "sslPassword", (value, name) => checkText(name, value)),
  row("sslcertmode", "sslCertMode", (value, name) => checkSslCertMode(name, value)),
  row("sslcrl", "sslCrl", (value, name) => checkText(name, value)),
  row("sslcrldir", "sslCrlDir", (value, name) => checkText(name, value)),
  // As in libpq, everything but 1 is false.
  row("sslsni", "sslSni", (value) => value.startsWith("1")),
  row("ssl_min_protocol_version", "sslMinProtocolVersion", (value, name) => checkTlsVersion(name, value)),
  row("ssl_max_protocol_version", "sslMaxProtocolVersion", (value, name) => checkTlsVersion(name, value)),
  row("require_auth", "requireAuth", (value, name) => checkRequireAuth(name, value)),
  row("oauth_issuer", "oauthIssuer", (value, name) => checkText(name, value)),
  row("oauth_client_id", "oauthClientId", (value, name) => checkText(name, value)),
  row("oauth_scope", "oauthScope", (value, name) => checkText(name, value)),
  row("requirepeer", "requirePeer", (value, name) => checkText(name, value)),
  row("channel_binding", "channelBinding", (value, name) => checkChoice(name, value, CHANNEL_BINDINGS)),
  row("keepalives", "keepAlive", (value, name) => parseKeepAlive(name, value)),
  row("min_protocol_version", "minProtocolVersion", (value, name) => checkChoice(name, value, PROTOCOL_VERSIONS)),
  row("max_protocol_version", "maxProtocolVersion", (value, name) => checkChoice(name, value, PROTOCOL_VERSIONS)),
  row("keepalives_idle", "keepAlivesIdle", (value, name) => parseNatural(name, value, MAX_KEEPALIVE_SECONDS) * 1000),
  row(
    "keepalives_interval",
    "keepAlivesInterval",
    (value, name) => parseNatural(name, value, MAX_KEEPALIVE_SECONDS) * 1000,
  ),
  row("keepalives_count", "keepAlivesCount", (value, name) => parseNatural(name, value, MAX_KEEPALIVE_COUNT)),
  row("tcp_user_timeout", "tcpUserTimeout", (value, name) => parseNatural(name, value, MAX_MILLISECONDS)),
]);

const KEYWORDS: ReadonlyMap<string, Keyword> = new Map<string, Keyword>([
  ...LIBPQ_KEYWORDS,
  // JDBC's spelling, which libpq accepts too.
  row("ssl", "sslMode", (value, name) => parseSsl(name, value)),
  // The older spelling of sslmode: only the first character counts.
  row("requiressl", "sslMode", (value) => value.startsWith("1") ? "require" : "prefer"),
  row("socket", "socket", checkSocket),
  row("upgrade_to_unix_socket", "upgradeToUnixSocket", (value, name) => parseBoolean(name, value)),
  row("statement_cache_size", "statementCacheSize", (value, name) => parseInteger(name, value, 0, 1_000_000)),
  // The spelling of ORMs.
  row("pgbouncer", "pgbouncer", (value, name) => parseBoolean(name, value)),
  ...POOL_OPTION_LIST.map(([option, { keyword, unit }]): Row =>
    row(keyword, option, (value, name) => {
      const number = unit === "time" ? parseSeconds(name, value) : parseCount(option, name, value);
      return checkPoolOption(option, number, name)[option];
    })
  ),
  row("blocking_transport", "blockingTransport", (value, name) => checkChoice(name, value, BLOCKING_TRANSPORTS)),
]);

/** libpq's other keywords, with the values that pyro satisfies without implementing them. */
const NOT_IMPLEMENTED: ReadonlyMap<string, readonly string[]> = new Map([
  ["client_encoding", []],
  ["gssdelegation", ["0", ""]],
  ["gssencmode", ["disable", "prefer"]],
  ["gsslib", [""]],
  ["krbsrvname", [""]],
  ["load_balance_hosts", ["disable"]],
  ["oauth_client_secret", [""]],
  ["replication", ["false", "off", "no", "0", ""]],
  ["scram_client_key", []],
  ["scram_server_key", []],
  ["sslcompression", ["0", ""]],
  ["sslkeylogfile", [""]],
  ["target_session_attrs", ["any"]],
]);

const TRUE = ["true", "1", "yes", "on"];
const FALSE = ["false", "0", "no", "off"];
