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
import { refuseAlias } from "./aliases.ts";
import { MAX_MILLISECONDS, POOL_OPTION_LIST, POOL_OPTIONS, type PoolOptionName } from "./pool_options.ts";
import {
  bad,
  BLOCKING_TRANSPORTS,
  checkChoice,
  checkHosts,
  checkInteger,
  checkParam,
  checkPoolOption,
  checkSocket,
  checkSslMode,
  checkText,
  type Settings,
} from "./settings.ts";

/** The settings with `key=value` added. `name` is the user's name for the key, for errors. */
export function applyKeyword(settings: Settings, key: string, value: string, name: string = key): Settings {
  const keyword = KEYWORDS.get(key);
  if (keyword !== undefined) return { ...settings, ...keyword(value, name) };
  const harmless = NOT_IMPLEMENTED.get(key);
  if (harmless !== undefined) {
    if (harmless.includes(value)) return settings;
    const allowed = harmless.length === 0 ? "" : `; of its values pyro has ${harmless.join(", ")}`;
    throw new UsageError(
      `Cannot use ${name}: it is a connection parameter of libpq's that is not implemented${allowed}`,
    );
  }
  refuseAlias(key, "key", "use key");
  const [param, text] = checkParam(key, value);
  return { ...settings, param: { ...settings.param, [param]: text } };
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
  if (!/^[+-]?\d+$/.test(value.trim())) throw bad(name, value, `it must be an integer from ${min} to ${max}`);
  return checkInteger(name, Number(value), min, max);
}

/** A time in seconds, as milliseconds. */
function parseSeconds(name: string, value: string): number {
  return parseInteger(name, value, 0, Math.floor(MAX_MILLISECONDS / 1000)) * 1000;
}

function parseCount(option: PoolOptionName, name: string, value: string): number {
  const { min, max } = POOL_OPTIONS[option];
  return parseInteger(name, value, min, max);
}

type Keyword = (value: string, name: string) => Settings;

const KEYWORDS: ReadonlyMap<string, Keyword> = new Map<string, Keyword>([
  ["host", (value) => ({ hosts: checkHosts(value) })],
  ["port", (value, name) => ({ ports: parsePorts(name, value) })],
  ["user", (value) => ({ user: checkText("user", value) })],
  ["password", (value) => ({ password: checkText("password", value) })],
  ["dbname", (value) => ({ db: checkText("dbname", value) })],
  ["application_name", (value, name) => ({ applicationName: checkText(name, value) })],
  ["connect_timeout", (value, name) => ({ connectTimeout: parseSeconds(name, value) })],
  ["sslmode", (value, name) => ({ sslMode: checkSslMode(name, value) })],
  // JDBC's spelling, which libpq accepts too.
  ["ssl", (value, name) => ({ sslMode: parseBoolean(name, value) ? "require" : "disable" })],
  ["keepalives", (value, name) => ({ keepAlive: parseBoolean(name, value) })],
  ["client_encoding", (value, name) => {
    if (!/^(utf-?8|unicode|auto)$/i.test(value)) throw bad(name, value, "pyro reads and writes UTF8 only");
    return {};
  }],
  ["socket", (value) => ({ socket: checkSocket(value) })],
  ["upgrade_to_unix_socket", (value, name) => ({ upgradeToUnixSocket: parseBoolean(name, value) })],
  ["statement_cache_size", (value, name) => ({ statementCacheSize: parseInteger(name, value, 0, 1_000_000) })],
  // The spelling of ORMs.
  ["pgbouncer", (value, name) => ({ pgbouncer: parseBoolean(name, value) })],
  ...POOL_OPTION_LIST.map(([option, { keyword, unit }]): [string, Keyword] => [
    keyword,
    (value, name) =>
      checkPoolOption(option, unit === "time" ? parseSeconds(name, value) : parseCount(option, name, value), name),
  ]),
  ["blocking_transport", (value, name) => ({ blockingTransport: checkChoice(name, value, BLOCKING_TRANSPORTS) })],
]);

/** libpq's other keywords, with the values that pyro satisfies without implementing them. */
const NOT_IMPLEMENTED: ReadonlyMap<string, readonly string[]> = new Map([
  ["channel_binding", ["disable", "prefer"]],
  ["fallback_application_name", []],
  ["gssdelegation", ["0"]],
  ["gssencmode", ["disable", "prefer"]],
  ["gsslib", []],
  ["hostaddr", []],
  ["keepalives_count", []],
  ["keepalives_idle", []],
  ["keepalives_interval", []],
  ["krbsrvname", []],
  ["load_balance_hosts", ["disable"]],
  ["max_protocol_version", ["3.0"]],
  ["min_protocol_version", ["3.0"]],
  ["oauth_client_id", []],
  ["oauth_client_secret", []],
  ["oauth_issuer", []],
  ["oauth_scope", []],
  ["passfile", []],
  ["replication", ["false", "off", "no", "0"]],
  ["require_auth", []],
  ["requirepeer", []],
  ["requiressl", ["0"]],
  ["scram_client_key", []],
  ["scram_server_key", []],
  ["service", []],
  ["servicefile", []],
  ["ssl_max_protocol_version", []],
  ["ssl_min_protocol_version", []],
  ["sslcert", []],
  ["sslcertmode", ["disable", "allow"]],
  ["sslcompression", ["0"]],
  ["sslcrl", []],
  ["sslcrldir", []],
  ["sslkey", []],
  ["sslkeylogfile", []],
  ["sslnegotiation", ["postgres"]],
  ["sslpassword", []],
  ["sslrootcert", []],
  ["sslsni", ["1"]],
  ["target_session_attrs", ["any"]],
  ["tcp_user_timeout", ["0"]],
]);

const TRUE = ["true", "1", "yes", "on"];
const FALSE = ["false", "0", "no", "off"];
